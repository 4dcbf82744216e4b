// SPDX-License-Identifier: Apache-2.0
// What every form of a report promises: sizes, escaping, structure, order, and that nothing is left out silently.
#include "reports/findings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "harness/base/rng.h"
#include "reports/compressed.h"
#include "reports/html.h"
#include "reports/plot.h"
#include "reports/sarif.h"

namespace diffvisor::reports {
namespace {

using nlohmann::ordered_json;
using triage::Record;

std::string letters(std::size_t i) {
  std::string out;
  for (; out.size() < 3; i /= 26) out += static_cast<char>('a' + i % 26);
  return out;
}

// As large as records of vmx_entry are.
Record record(std::size_t i, std::uint64_t count) {
  Record r;
  const std::string rule = "vmx.guest." + letters(i);
  r.bucket = "vmx_entry.bochs.accepts." + rule;
  r.domain = "vmx_entry";
  r.smallest.size = {0, 2, 0, 0, 3};
  Rng rng(i);
  r.smallest.case_text =
      "#\ncase 1\ndomain vmx_entry\nprofile tigerlake\nschema 5b78c2b7d810c72a golden bc3ec109f78e6ab8\n";
  for (int n = 0; n < 6; ++n) r.smallest.case_text += fmt::format("GUEST_FIELD_{} = {:#x}\n", n, rng.next());
  r.smallest.difference = "accepts";
  r.smallest.sentence = "bochs does not enforce " + rule + ": it says entered(52)";
  r.smallest.golden = "differs from golden in 2 fields: GUEST_CR4 bit 5 (PAE), GUEST_RIP 0x410000 -> 0x0";
  r.smallest.executor = "bochs";
  for (int n = 0; n < 6; ++n)
    r.smallest.fields.push_back({fmt::format("GUEST_FIELD_{}", n), "0x0", fmt::format("{:#x}", rng.next()), "bits"});
  r.smallest.rules = {{rule, "29.3.1.1", "entry_failure(33, 0)", "ENTRY[9] && GUEST_CR0[31] && !GUEST_RFLAGS[17]",
                       "GUEST_CR4[5] && canonical(GUEST_RIP, LINEAR_WIDTH)", "drop"}};
  r.said = {
      {"bochs", "2.7 tigerlake", "entered(52)", Trust::Independent, compare::VerdictKind::Divergence},
      {"vmx.arch", "SDM 092 478a0fdec9574316", "entry_failure(33, 0)", Trust::Reference, compare::VerdictKind::Agree}};
  r.origins["one"].count = count;
  r.origins["one"].executors = {"bochs 2.7", "vmx.arch SDM 092"};
  return r;
}

FindingsReport report_of(std::size_t buckets) {
  FindingsReport report;
  for (std::size_t i = 0; i < buckets; ++i) report.records.push_back(record(i, 1 + i % 40));
  report.program = "0.1.0";
  Run run;
  run.id = "one";
  run.domain = "vmx_entry";
  run.profile = "tigerlake";
  for (int i = 0; i < 250; ++i)
    run.samples.push_back({i * 0.5, static_cast<std::uint64_t>(i) * 9999, 100, 50, static_cast<std::uint64_t>(i), 7});
  for (std::size_t i = 0; i < 350; ++i)
    run.rules.push_back({"vmx.guest." + letters(i), "29.3.1.1", "alone", "", true, true, {"bochs"}, {}});
  report.runs = {run};
  report.lines["vmx.guest.aaa"] = {"models/vmx/guest_register_rules.h", 17};
  return report;
}

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// What the script of the page would read.
std::string block_of(const std::string& html) {
  const std::string head = "<script type=\"text/plain\" id=rest>";
  const std::size_t at = html.find(head) + head.size();
  const std::string text = html.substr(at, html.find('<', at) - at);
  std::string bytes;
  unsigned group = 0, bits = 0;
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char c : text) {
    if (c == '=') break;
    group = group << 6 | static_cast<unsigned>(digits.find(c));
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  std::string out(8u << 20, '\0');
  uLongf size = out.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                       bytes.size()),
            Z_OK);
  out.resize(size);
  return out;
}

TEST(Html, FiveHundredBucketsFitIntoAMegabyte) {
  const std::string html = findings_html(report_of(500), "all.json");
  EXPECT_LT(html.size(), 1'000'000u);
  EXPECT_EQ(occurrences(html, "<details class=f"), 200u);
  EXPECT_EQ(occurrences(block_of(html), "<details class=f"), 300u);
  EXPECT_NE(html.find("The 200 most frequent of 500 findings; the others need scripts, or all.json"), html.npos);
}

TEST(Html, HoweverManyFindingsItStaysSmallAndSaysWhatIsMissing) {
  const std::string html = findings_html(report_of(6000), "all.json");
  EXPECT_LT(html.size(), 1'000'000u);
  const std::size_t shown = occurrences(html, "<details class=f") + occurrences(block_of(html), "<details class=f");
  ASSERT_LT(shown, 6000u) << "this test shows nothing";
  EXPECT_NE(html.find(fmt::format("{} findings are left out of this page; all.json has all", 6000 - shown)), html.npos);
}

TEST(Html, AsksForNothingAndRunsNothingItIsGiven) {
  FindingsReport report = report_of(3);
  report.records[0].smallest.sentence = "</summary><script>alert(1)</script><img src=x>";
  report.records[0].said[0].outcome = "\"><script>";
  report.title = "<b>t</b>";
  const std::string html = findings_html(report, "<a>.json");
  EXPECT_EQ(occurrences(html, "<script"), 2u);
  EXPECT_EQ(html.find("<img"), html.npos);
  EXPECT_EQ(html.find("<b>t"), html.npos);
  EXPECT_EQ(html.find("http://"), html.npos);
  EXPECT_EQ(html.find("https://"), html.npos);
  EXPECT_NE(html.find("default-src 'none'"), html.npos);
}

TEST(Html, NothingFoundIsSaid) {
  const std::string html = findings_html({}, "x.json");
  EXPECT_NE(html.find("<p>None.</p>"), html.npos);
}

TEST(Html, TheMostFrequentComesFirstAndTheUnsureLast) {
  FindingsReport report = report_of(30);
  report.records[5].origins["one"].count = 1000;
  report.records[6].origins["one"].count = 2000;
  report.records[6].smallest.order_dependent = true;
  const auto all = in_order(report);
  EXPECT_EQ(all.front()->bucket, report.records[5].bucket);
  EXPECT_EQ(all.back()->bucket, report.records[6].bucket);
}

TEST(Sarif, HasWhatTheStandardRequires) {
  const auto j = ordered_json::parse(findings_sarif(report_of(5), std::nullopt));
  EXPECT_EQ(j.at("version"), "2.1.0");
  const auto& run = j.at("runs").at(0);
  const auto& rules = run.at("tool").at("driver").at("rules");
  ASSERT_EQ(run.at("results").size(), 5u);
  std::set<std::string> prints;
  for (const auto& r : run.at("results")) {
    EXPECT_EQ(rules.at(r.at("ruleIndex").get<std::size_t>()).at("id"), r.at("ruleId"));
    EXPECT_FALSE(r.at("message").at("text").get<std::string>().empty());
    EXPECT_EQ(r.at("level"), "warning");
    prints.insert(r.at("partialFingerprints").at("diffvisorBucket/v1").get<std::string>());
    EXPECT_GE(r.at("locations").at(0).at("physicalLocation").at("region").at("startLine").get<int>(), 1);
    EXPECT_FALSE(r.contains("baselineState"));
  }
  EXPECT_EQ(prints.size(), 5u);
  for (const auto& rule : rules)
    EXPECT_NE(rule.at("help").at("text").get<std::string>().find("29.3.1.1"), std::string::npos);
}

TEST(Sarif, PointsAtTheRule) {
  const auto j = ordered_json::parse(findings_sarif(report_of(1), std::nullopt));
  const auto& place = j.at("runs").at(0).at("results").at(0).at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "models/vmx/guest_register_rules.h");
  EXPECT_EQ(place.at("region").at("startLine"), 17);
}

TEST(Sarif, ComparesWithABaseline) {
  FindingsReport report = report_of(3);
  std::vector<Record> before = {report.records[0], report.records[1], record(70, 1)};
  before[1].said.push_back({"qemu", "7.2", "entry_failure(33, 0)", Trust::Independent, compare::VerdictKind::Agree});
  const auto j = ordered_json::parse(findings_sarif(report, before));
  std::map<std::string, std::string> states;
  for (const auto& r : j.at("runs").at(0).at("results"))
    states[r.at("partialFingerprints").at("diffvisorBucket/v1").get<std::string>()] = r.at("baselineState");
  EXPECT_EQ(states.at(before[0].bucket), "unchanged");
  EXPECT_EQ(states.at(before[1].bucket), "updated");
  EXPECT_EQ(states.at(before[2].bucket), "absent");
  EXPECT_EQ(states.at(report.records[2].bucket), "new");
}

TEST(Markdown, ShowsEverythingNeededToAct) {
  FindingsReport report = report_of(1);
  report.records[0].smallest.sentence = "a | b `c`";
  const std::string text = findings_markdown(report);
  for (const char* wanted : {"| bochs | 2.7 tigerlake | `entered(52)` |", "**Suspect:** undecided", "a \\| b",
                             "section 29.3.1.1, models/vmx/guest_register_rules.h:17", "diffvisor replay ",
                             "GUEST_FIELD_5", "The difference: `drop`"})
    EXPECT_NE(text.find(wanted), text.npos) << wanted;
  EXPECT_NE(findings_markdown(report_of(60)).find("10 more are left out here."), text.npos);
}

TEST(FirstDivergence, IsInEveryFormAndSaysWhatItLeavesOut) {
  FindingsReport report = report_of(1);
  report.records[0].smallest.first = {2, 3, {{"rflags", "0x2", "<0x43>", "cf, z|f"}}};
  const std::string line = "in step 2 of 3: rflags <0x43>, not 0x2 (cf, z|f)";
  EXPECT_NE(findings_text(report).find("  " + line + "\n"), std::string::npos);
  EXPECT_NE(findings_sarif(report, std::nullopt).find(line), std::string::npos);
  EXPECT_NE(findings_json(report).dump().find("\"first_divergence\":{\"fields\":[{\"bits\":\"cf, z|f\""),
            std::string::npos);
  EXPECT_NE(findings_markdown(report).find("| step 2 of 3 | reference | seen | bits |\n|---|---|---|---|\n"
                                           "| rflags | `0x2` | `<0x43>` | cf, z\\|f |\n"),
            std::string::npos);
  EXPECT_NE(findings_html(report, "")
                .find("<th>step 2 of 3<th>reference<th>seen<th><tr><td>rflags<td><code>0x2</code>"
                      "<td><code>&lt;0x43&gt;</code><td>cf, z|f"),
            std::string::npos);
  auto& fields = report.records[0].smallest.first.fields;
  for (int i = 0; i < 20; ++i) fields.push_back({fmt::format("r{}", i), "0x1", "0x2", ""});
  for (const std::string& text : {findings_markdown(report), findings_html(report, "")}) {
    EXPECT_NE(text.find("and 9 more"), std::string::npos);
    EXPECT_EQ(text.find("r11"), std::string::npos);
  }
  fields.clear();
  EXPECT_EQ(findings_html(report, "").find("step 2"), std::string::npos);
}

TEST(Junit, OneFailedTestPerBucketAndOnePassedPerCampaign) {
  const std::string xml = findings_junit(report_of(4));
  EXPECT_NE(xml.find("tests=\"5\" failures=\"4\""), xml.npos);
  EXPECT_EQ(occurrences(xml, "<testcase "), 5u);
}

TEST(RunRecord, ComesBackAndTheLongerOneStays) {
  reports::Run run = report_of(1).runs[0];
  run.cases = 5;
  const auto back = parse_run(run_json(run), "x");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(run_json(*back), run_json(run));
  reports::Run longer = run;
  longer.cases = 6;
  EXPECT_TRUE(is_later_run(run_json(run), run_json(longer)));
  EXPECT_FALSE(is_later_run(run_json(longer), run_json(run)));
  EXPECT_FALSE(is_later_run(run_json(run), run_json(run)));
  for (const char* bad : {"", "{}", "[1]", "{\"format\":\"diffvisor.run.1\"}"}) EXPECT_FALSE(parse_run(bad, "x"));
}

TEST(Series, StaysShortAndKeepsItsEnds) {
  Series s;
  for (int i = 0; i < 100000; ++i) s.add({i * 0.5, static_cast<std::uint64_t>(i), 0, 0, 0, 0});
  EXPECT_LE(s.samples().size(), 256u);
  EXPECT_GE(s.samples().size(), 100u);
  EXPECT_EQ(s.samples().front().seconds, 0);
  EXPECT_GT(s.samples().back().seconds, 49000);
}

TEST(Plot, StaysInsideItsFrame) {
  EXPECT_TRUE(line_chart("t", "s", {}).empty());
  EXPECT_TRUE(line_chart("t", "s", {{"a", {{0, 0}}}}).empty());
  const std::string svg = line_chart("t<", "s", {{"a&b", {{0, 0}, {10, 5}, {20, 1e9}}}});
  EXPECT_NE(svg.find("a&amp;b"), svg.npos);
  EXPECT_EQ(svg.find("nan"), svg.npos);
}

TEST(Base64, MatchesTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace diffvisor::reports
