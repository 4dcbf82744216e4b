// SPDX-License-Identifier: Apache-2.0
#include "reports/html.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/compressed.h"
#include "reports/markup.h"
#include "reports/page/assets.h"
#include "reports/plot.h"

namespace diffvisor::reports {
namespace {

using triage::Record;

constexpr std::size_t kMostStatic = 200, kStaticBytes = 560'000, kRestBytes = 200'000;
constexpr std::size_t kMostLines = 6, kMostRules = 1500, kMostOrigins = 5, kMostSameCause = 8;

std::string code(std::string_view text) { return "<code>" + escaped(text) + "</code>"; }

std::string_view class_of(triage::Suspect s) {
  switch (s) {
    case triage::Suspect::Model:
      return "model";
    case triage::Suspect::Executor:
      return "executor";
    case triage::Suspect::SpecUnclear:
      return "unclear";
    case triage::Suspect::Undecided:
      return "undecided";
  }
  return {};
}

std::string said_table(const Record& r) {
  std::string out = "<h4>What each says</h4><div class=wide><table><tr><th>executor<th>version<th>says<th>verdict";
  for (const triage::Said& s : r.said)
    out += fmt::format("<tr><td>{}<td>{}<td>{}<td>{}", escaped(s.executor), escaped(s.version), code(s.outcome),
                       s.trust == Trust::Reference ? "reference" : compare::verdict_name(s.verdict));
  return out + "</table></div>";
}

std::string first_table(const compare::FirstDivergence& d) {
  if (d.fields.empty()) return {};
  std::string out = fmt::format("<h4>First divergence</h4><div class=wide><table><tr><th>{}<th>reference<th>seen<th>",
                                d.steps > 1 ? fmt::format("step {} of {}", d.step, d.steps) : "differs in");
  const std::size_t shown = std::min(kMostFirstFields, d.fields.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const compare::FieldView& f = d.fields[i];
    out +=
        fmt::format("<tr><td>{}<td>{}<td>{}<td>{}", escaped(f.field), code(f.reference), code(f.seen), escaped(f.bits));
  }
  if (shown < d.fields.size()) out += fmt::format("<tr><td>and {} more", d.fields.size() - shown);
  return out + "</table></div>";
}

std::string fields_table(const Record& r) {
  if (r.smallest.fields.empty()) return fmt::format("<h4>The case</h4><p>It {}.</p>", escaped(r.smallest.golden));
  std::string out = "<h4>The case</h4><div class=wide><table><tr><th>differs from golden in<th>golden<th>this case<th>";
  for (const triage::FieldText& f : r.smallest.fields)
    out +=
        fmt::format("<tr><td>{}<td>{}<td>{}<td>{}", escaped(f.field), code(f.before), code(f.after), escaped(f.bits));
  return out + "</table></div>";
}

std::string listing_text(const Record& r) {
  return r.smallest.listing.empty() ? "" : "<h4>What it does</h4><pre>" + escaped(r.smallest.listing) + "</pre>";
}

std::string rules_text(const FindingsReport& report, const Record& r) {
  std::string out;
  for (const triage::RuleText& rule : r.smallest.rules) {
    const auto line = report.lines.find(without_entry(rule.id));
    const std::string place =
        line == report.lines.end() ? "" : fmt::format(", {}:{}", escaped(line->second.file), line->second.line);
    out += fmt::format("<div class=rule><b>{}</b> <span class=dim>section {}{}</span> ", escaped(rule.id),
                       escaped(rule.section), place);
    if (!rule.edit.empty())
      out += fmt::format("would explain it: {}", code(rule.edit));
    else
      out += fmt::format("decides: {}", code(rule.outcome));
    if (!rule.must.empty())
      out += fmt::format("<br>where {}<br>must {}<br>else {}", code(rule.when), code(rule.must), code(rule.outcome));
    out += "</div>";
  }
  return out;
}

std::string origins_text(const Record& r) {
  std::string out;
  std::size_t n = 0;
  for (const auto& [id, o] : r.origins) {
    if (++n > kMostOrigins) break;
    out += fmt::format("{}seed {}{}: {} cases, first {} ({}; {})", out.empty() ? "" : "<br>", o.seed,
                       o.quirk.empty() ? "" : " quirk " + escaped(o.quirk), grouped(o.count), o.first_index,
                       escaped(fmt::format("{}", fmt::join(o.executors, ", "))), escaped(o.program));
  }
  if (n > kMostOrigins) out += fmt::format("<br>and {} more campaigns", r.origins.size() - kMostOrigins);
  return "<p class=dim>" + out + "</p>";
}

// Links to the findings that probably have the same cause.
using Causes = std::map<std::string, std::vector<std::string>>;
std::string same_cause_text(const Record& r, const Causes& causes) {
  const std::vector<std::string>& all = causes.at(triage::same_cause(r));
  std::string out;
  std::size_t shown = 0;
  for (const std::string& other : all)
    if (other != r.bucket && shown < kMostSameCause)
      out += fmt::format("{}<a href=\"#{}\">{}</a>", shown++ == 0 ? "" : ", ", other, other);
  if (all.size() - 1 > shown) out += fmt::format(" and {} more", all.size() - 1 - shown);
  return out.empty() ? "" : "<p>Same cause: " + out + "</p>";
}

std::string card(const FindingsReport& report, const Record& r, const Causes& causes) {
  const triage::Blame b = r.blame();
  const std::string suspect = escaped(suspect_text(b));
  std::string text = r.smallest.case_text;
  if (text.rfind("#\n", 0) == 0) text.erase(0, 2);
  return fmt::format(
      "<details class=f id=\"{0}\" data-n={1} data-z={2} data-s=\"{3}\"><summary><span class=\"s {4}\">{3}</span>"
      "<span class=t>{5}<code>{0}</code></span><span class=n>{6}</span><span class=\"n z\">{2}</span></summary>"
      "<div class=b><p><b>Why {3}:</b> "
      "{7}.{8}</p>{9}{10}{16}{11}{12}<h4>Reproduce</h4><pre>{13}</pre><details><summary>"
      "The case as a file</summary><pre>{14}</pre></details><h4>Seen</h4>{15}</div></details>\n",
      escaped(r.bucket), r.count(), r.smallest.size[0] + r.smallest.size[1] + r.smallest.size[2], suspect,
      class_of(b.suspect), escaped(r.smallest.sentence), grouped(r.count()), escaped(b.reason),
      r.smallest.order_dependent ? " It depends on the order of cases." : "",
      said_table(r) + first_table(r.smallest.first), fields_table(r), rules_text(report, r), same_cause_text(r, causes),
      escaped(fmt::format("{}", fmt::join(commands_for(r), "\n"))), escaped(text), origins_text(r), listing_text(r));
}

struct Cards {
  std::string fixed, packed;
  std::size_t in_text = 0, in_block = 0;
};

Cards cards_of(const FindingsReport& report) {
  Causes causes;
  for (const Record& r : report.records) causes[triage::same_cause(r)].push_back(r.bucket);
  Cards out;
  std::string rest;
  for (const Record* r : in_order(report)) {
    std::string html = card(report, *r, causes);
    if (out.in_block == 0 && out.in_text < kMostStatic && out.fixed.size() + html.size() < kStaticBytes) {
      out.fixed += html;
      ++out.in_text;
      continue;
    }
    // Text of this kind shrinks to a tenth; a quarter is certain.
    if (rest.size() + html.size() > kRestBytes * 4) break;
    rest += html;
    ++out.in_block;
  }
  if (!rest.empty()) out.packed = compressed_base64(rest);
  return out;
}

// How many findings each suspect has, as words to search for.
std::string suspects_text(const FindingsReport& report) {
  std::map<std::string, std::pair<std::size_t, std::string_view>> counts;
  for (const Record& r : report.records) {
    const triage::Blame b = r.blame();
    auto& [n, cls] = counts[suspect_text(b)];
    ++n;
    cls = class_of(b.suspect);
  }
  std::string out;
  for (const auto& [who, n] : counts)
    out += fmt::format("<button class=\"s {}\" data-find=\"{}\">{} {}</button>", n.second, escaped(who), n.first,
                       escaped(who));
  return "<p class=suspects>" + out + "</p>";
}

std::string findings_section(const FindingsReport& report, const std::string& json_name) {
  const Cards cards = cards_of(report);
  const std::size_t left_out = report.records.size() - cards.in_text - cards.in_block;
  std::string out = "<section id=findings><h2>Findings</h2>";
  if (report.records.empty()) return out + "<p>None.</p></section>";
  out += suspects_text(report);
  out +=
      "<div class=tools id=tools hidden><input type=search id=search placeholder=\"bucket, field, rule, suspect, "
      "outcome\" aria-label=\"search findings\"><span id=shown class=dim></span></div>";
  if (cards.in_block > 0)
    out +=
        fmt::format("<p class=dim id=static>The {} most frequent of {} findings; the others need scripts, or {}.</p>",
                    cards.in_text, report.records.size(), escaped(json_name));
  else
    out += "<p class=dim id=static>The most frequent first.</p>";
  if (left_out > 0)
    out +=
        fmt::format("<p>{} findings are left out of this page; {} has all of them.</p>", left_out, escaped(json_name));
  return out +
         "<div class=head id=head><button data-by=s>suspect</button><button data-by=b>finding</button><button "
         "data-by=n "
         "class=n>cases</button><button data-by=z class=n>size</button></div><div id=list>" +
         cards.fixed + "</div><script type=\"text/plain\" id=rest>" + cards.packed + "</script></section>\n";
}

std::vector<Line> lines_of(const FindingsReport& report, std::uint64_t Sample::*what) {
  std::vector<Line> out;
  for (const Run& run : report.runs) {
    if (out.size() == kMostLines) break;
    Line l;
    l.label = fmt::format("{} seed {}", run.domain, run.seed);
    for (const Sample& s : run.samples) l.points.emplace_back(s.seconds, static_cast<double>(s.*what));
    out.push_back(std::move(l));
  }
  return out;
}

std::string campaigns_section(const FindingsReport& report) {
  std::string out = "<section id=campaigns><h2>Campaigns</h2><div class=plots>";
  out += line_chart("cases", "s", lines_of(report, &Sample::cases));
  out += line_chart("rules that applied", "s", lines_of(report, &Sample::rules));
  out += line_chart("rules confirmed by an emulator", "s", lines_of(report, &Sample::confirmed));
  out += line_chart("buckets", "s", lines_of(report, &Sample::buckets));
  out += "</div>";
  if (report.runs.size() > kMostLines)
    out += fmt::format("<p class=dim>The plots show the first {} of {} campaigns.</p>", kMostLines, report.runs.size());
  out +=
      "<div class=wide><table><tr><th>domain<th>profile<th class=n>seed<th class=n>cases<th class=n>seconds<th "
      "class=n>unexplained<th class=n>known<th class=n>unclear<th class=n>order-dependent<th>digest<th>quirk";
  for (const Run& r : report.runs)
    out += fmt::format(
        "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{:.1f}<td class=n>{}<td class=n>{}<td "
        "class=n>{}<td class=n>{}<td>{}<td>{}",
        escaped(r.domain), escaped(r.profile), r.seed, grouped(r.cases), r.seconds, grouped(r.unexplained),
        grouped(r.known), grouped(r.spec_unclear), grouped(r.order_dependent), code(r.digest), escaped(r.quirk));
  out +=
      "</table></div><h3>Executors</h3><div class=wide><table><tr><th>domain<th class=n>seed<th>executor<th>version"
      "<th>trust<th class=n>judged<th class=n>not comparable<th class=n>died<th class=n>rules confirmed";
  for (const Run& r : report.runs)
    for (const RunExecutor& e : r.executors)
      out += fmt::format(
          "<tr><td>{}<td class=n>{}<td>{}<td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td "
          "class=n>{}",
          escaped(r.domain), r.seed, escaped(e.name), escaped(e.version), escaped(e.trust), grouped(e.judged),
          grouped(e.incomparable), grouped(e.died), e.confirmed);
  return out + "</table></div></section>\n";
}

void unite(std::vector<std::string>& into, const std::vector<std::string>& from) {
  into.insert(into.end(), from.begin(), from.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// What all campaigns of a domain and profile have seen of each rule, in the table's order.
using Matrix = std::vector<RunRule>;
std::map<std::string, Matrix> matrices_of(const FindingsReport& report) {
  std::map<std::string, Matrix> out;
  for (const Run& run : report.runs) {
    Matrix& m = out[run.domain + ", profile " + run.profile];
    std::map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < m.size(); ++i) at[m[i].id] = i;
    for (const RunRule& r : run.rules) {
      const auto it = at.find(r.id);
      if (it == at.end()) {
        m.push_back(r);
        continue;
      }
      RunRule& x = m[it->second];
      x.applied |= r.applied;
      x.alone |= r.alone;
      unite(x.confirmed_by, r.confirmed_by);
      unite(x.known, r.known);
    }
  }
  return out;
}

std::string rules_section(const FindingsReport& report) {
  std::string out = "<section id=rules><h2>Rules</h2>";
  std::size_t shown = 0, left_out = 0;
  for (const auto& [name, matrix] : matrices_of(report)) {
    if (matrix.empty()) continue;  // its subject is behaviour, not legality
    std::size_t confirmed = 0;
    for (const RunRule& r : matrix) confirmed += !r.confirmed_by.empty();
    out += fmt::format(
        "<details><summary>{}: {} rules, {} confirmed</summary><div class=wide><table><tr><th>rule<th>"
        "section<th>class<th>applied<th>broken alone<th>confirmed by<th>known divergences",
        escaped(name), matrix.size(), confirmed);
    for (const RunRule& r : matrix) {
      if (++shown > kMostRules) {
        ++left_out;
        continue;
      }
      out += fmt::format("<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}", escaped(r.id), escaped(r.section),
                         escaped(r.cls), r.applied ? "yes" : "", r.alone ? "yes" : "",
                         escaped(fmt::format("{}", fmt::join(r.confirmed_by, ", "))),
                         escaped(fmt::format("{}", fmt::join(r.known, ", "))));
    }
    out += "</table></div></details>";
  }
  if (left_out > 0) out += fmt::format("<p>{} rules are left out.</p>", left_out);
  return out + "</section>\n";
}

}  // namespace

std::string findings_html(const FindingsReport& report, const std::string& json_name) {
  std::set<std::string> causes;
  std::uint64_t cases = 0;
  for (const Record& r : report.records) {
    causes.insert(triage::same_cause(r));
    cases += r.count();
  }
  return fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, "
      "initial-scale=1\"><meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"><title>{0}</title>\n"
      "<style>{1}</style></head>\n<body><header><h1>{0}</h1><p class=dim>{2} findings with {3} causes in {4} diverging "
      "cases of {5} campaign{12}. Made by diffvisor {6}. Everything as data: {7}.</p><nav><a "
      "href=\"#findings\">Findings</a><a "
      "href=\"#campaigns\">Campaigns</a><a href=\"#rules\">Rules</a></nav></header>\n{8}{9}{10}<script>{11}</script>"
      "</body></html>\n",
      escaped(report.title), page_css(), report.records.size(), causes.size(), grouped(cases), report.runs.size(),
      escaped(report.program), escaped(json_name), findings_section(report, json_name), campaigns_section(report),
      rules_section(report), page_js(), report.runs.size() == 1 ? "" : "s");
}

}  // namespace diffvisor::reports
