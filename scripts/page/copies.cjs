// SPDX-License-Identifier: Apache-2.0
// usage: node copies.cjs DIRECTORY BUCKETS CASES: copies the findings there, under other names, until there are so many.
'use strict';
const fs = require('fs'), path = require('path');
const [directory, buckets, cases] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const files = fs.readdirSync(directory).filter((f) => f.endsWith('.json'));
const records = files.map((f) => JSON.parse(fs.readFileSync(path.join(directory, f)))).filter((r) => r.format === 'diffvisor.finding.1');
const letters = (i) => [i % 26, Math.floor(i / 26) % 26, Math.floor(i / 676)].map((n) => String.fromCharCode(97 + n)).join('');
const each = Math.floor(cases / buckets);
for (let i = 0; i < buckets - records.length; ++i) {
  const r = structuredClone(records[i % records.length]);
  r.bucket += `.copy_${letters(i)}`;
  for (const o of Object.values(r.origins)) o.count = each - (i % 19) + 9;
  fs.writeFileSync(path.join(directory, `${r.bucket}.json`), JSON.stringify(r));
}
