// SPDX-License-Identifier: Apache-2.0
// Search, sort, and the findings beyond those that the page holds as text. Without it the page can be read.
'use strict';
(async () => {
  const id = (x) => document.getElementById(x);
  const list = id('list'), tools = id('tools'), search = id('search'), shown = id('shown'), head = id('head');
  if (!list) return;
  const rest = id('rest').textContent.trim();
  if (rest) {
    const bytes = Uint8Array.from(atob(rest), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    list.insertAdjacentHTML('beforeend', await new Response(stream).text());
  }
  id('static').hidden = true;
  const items = [...list.children].map((e) => ({ e, text: e.textContent.toLowerCase() }));
  const count = () => {
    const n = items.filter((i) => !i.e.hidden).length;
    shown.textContent = n === items.length ? `${n} findings` : `${n} of ${items.length} findings`;
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const i of items) i.e.hidden = !words.every((w) => i.text.includes(w));
    count();
  };
  search.addEventListener('input', filter);
  for (const b of document.querySelectorAll('[data-find]'))
    b.addEventListener('click', () => {
      search.value = search.value === b.dataset.find ? '' : b.dataset.find;
      filter();
    });
  const key = (e, by) => (by === 'n' || by === 'z' ? Number(e.dataset[by]) : by === 's' ? e.dataset.s : e.id);
  const buttons = [...head.querySelectorAll('button')];
  for (const b of buttons) {
    b.addEventListener('click', () => {
      const by = b.dataset.by, numbers = by === 'n' || by === 'z';
      const was = b.getAttribute('aria-sort');
      const up = was ? was === 'descending' : !numbers;
      for (const o of buttons) o.removeAttribute('aria-sort');
      b.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      items.sort((x, y) => {
        const a = key(x.e, by), c = key(y.e, by);
        const order = a < c ? -1 : a > c ? 1 : x.e.id < y.e.id ? -1 : 1;
        return up ? order : -order;
      });
      list.append(...items.map((i) => i.e));
    });
  }
  const open = () => {
    const e = location.hash && id(decodeURIComponent(location.hash.slice(1)));
    if (e && e.matches('details')) {
      e.hidden = false;
      e.open = true;
      e.scrollIntoView();
    }
  };
  addEventListener('hashchange', open);
  tools.hidden = false;
  count();
  open();
  document.body.dataset.ready = 'yes';
})();
