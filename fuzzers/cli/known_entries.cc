// SPDX-License-Identifier: Apache-2.0
// diffvisor known add and explain: from a finding to an entry that is shown to decide it, and an entry in words.
#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/known_on_case.h"
#include "fuzzers/rule_lines.h"
#include "harness/base/file.h"
#include "harness/case/diff.h"
#include "harness/rules/expr_text.h"
#include "harness/triage/record.h"
#include "oracles/recorded/recorded.h"
#include "reports/findings.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;
using compare::Known;
using triage::Record;

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

Result<Record> record_from(const std::string& path) {
  const fs::path json =
      fs::path(path).extension() == ".case" ? fs::path(path).replace_extension(".json") : fs::path(path);
  const auto text = read_file(json);
  if (!text) return tl::unexpected(text.error());
  return triage::parse_record(*text, json.string());
}

// The finding's values as a condition: what a death is known by.
std::string condition_of(const Record& r) {
  std::string out;
  for (const triage::FieldText& f : r.smallest.fields) {
    std::string name = f.field;
    if (const auto at = name.find('['); at != name.npos)
      name = name.substr(0, at) + "." + name.substr(at + 1, name.find(']') - at - 1);
    out += fmt::format("{}{} == {}", out.empty() ? "" : " && ", name, f.after);
  }
  return out;
}

// The edits of the explanation, one group of rows for each action.
Result<std::string> edits_of(const Record& r, const KnownEntry& wanted) {
  if (!wanted.row.empty())
    return fmt::format("action = \"also\"\nrows = [{}]\nmust = {}\n", toml_text(wanted.row), toml_text(wanted.must));
  if (r.smallest.difference == "dies") return fmt::format("action = \"dies\"\nwhen = {}\n", toml_text(condition_of(r)));
  std::map<std::string, std::vector<std::string>> rows;
  for (const triage::RuleText& rule : r.smallest.rules) {
    if (rule.edit.empty()) continue;
    std::vector<std::string>& list = rows[rule.edit];
    const std::string id = toml_text(reports::without_entry(rule.id));
    if (std::ranges::find(list, id) == list.end()) list.push_back(id);
  }
  if (rows.empty())
    return fail(ErrorCode::Usage, r.bucket,
                "no edit of a rule explains it; say with --row and --must which rule demands more of this executor");
  std::string out;
  for (const auto& [edit, ids] : rows) {
    const std::string outcome = edit.rfind("outcome ", 0) == 0 ? edit.substr(8) : "";
    out += fmt::format("{}action = {}\nrows = [{}]\n{}", rows.size() > 1 ? "[[known.edit]]\n" : "",
                       outcome.empty() ? "\"drop\"" : "\"outcome\"", fmt::join(ids, ", "),
                       outcome.empty() ? "" : "outcome = " + toml_text(outcome) + "\n");
  }
  return out;
}

std::string entry_text(const Record& r, const KnownEntry& e, const std::string& edits) {
  const std::string head = fmt::format("\n[[known]]\nid = {}\nexecutor = {}\nversions = {}\n", toml_text(e.id),
                                       toml_text(e.executor), toml_text(e.versions));
  const std::string tail =
      fmt::format("reason = {}\nreference = {}\nreview_by = {}\nproof = {}\n", toml_text(e.reason),
                  toml_text(e.reference), toml_text(e.review_by), toml_text(fmt::format("{}/{}.case", r.domain, e.id)));
  return edits.rfind("[[", 0) == 0 ? head + tail + edits : head + edits + tail;
}

// The file of the domain that speaks of this executor already, or a new one.
fs::path file_for(const fs::path& known, const Domain& domain, const KnownEntry& e) {
  if (!e.file.empty()) return e.file;
  std::error_code ec;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(known, ec))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    std::vector<Known> entries;
    const auto text = read_file(file);
    if (!text || !compare::parse_known(*text, file.string(), domain, entries)) continue;
    if (std::ranges::find(entries, e.executor, &Known::executor) != entries.end()) return file;
  }
  std::string name = e.executor;
  std::ranges::replace(name, '.', '_');
  return known / fmt::format("{}_{}.toml", domain.name, name);
}

// With the entry, and not without it, the judge finds what the finding recorded to be known.
Result<void> decides(const DomainEntry& entry, const std::vector<Known>& known, const StoredCase& proof,
                     const triage::Said& said, const std::string& id) {
  compare::Judge judge(*entry.domain, known);
  const std::size_t column = judge.add_executor({said.executor, said.version, said.trust});
  const auto seen = recorded::observation_of({said.executor, said.version, said.outcome, {}}, *entry.domain);
  if (!seen) return tl::unexpected(seen.error());
  Case c = proof.c;
  if (entry.domain->normalise != nullptr) entry.domain->normalise(c.v.data());
  const compare::Reading r = judge.read(c);
  const auto& entries = judge.deltas(column).entries();
  const auto it = std::ranges::find(entries, id, &Known::id);
  if (it == entries.end())
    return fail(ErrorCode::Usage, id, fmt::format("does not concern {} {}", said.executor, said.version));
  if (it->dies) {
    if (judge.known_death(c, r, column) == &*it && seen->status == Status::Died) return {};
    return fail(ErrorCode::Usage, id, "would not foresee this death");
  }
  const compare::Verdict v = judge.judge(c, r, column, *seen);
  const auto index = static_cast<std::size_t>(it - entries.begin());
  if (v.kind == compare::VerdictKind::Known && v.decided[index]) return {};
  return fail(ErrorCode::Usage, id,
              fmt::format("would not decide this case: {} says {}, and with the entry that is '{}'", said.executor,
                          said.outcome, compare::verdict_name(v.kind)));
}

// The answer that the entry is to explain.
Result<triage::Said> answer_of(const Record& r, const std::string& executor) {
  for (const triage::Said& s : r.said)
    if (s.executor == executor &&
        (s.verdict == compare::VerdictKind::Divergence || s.verdict == compare::VerdictKind::ExecutorDied))
      return s;
  return fail(ErrorCode::Usage, r.bucket, fmt::format("{} does not differ there", executor));
}

Result<void> complete(const Record& r, const triage::Said& said, KnownEntry& e) {
  if (e.reason.empty() || e.reference.empty())
    return fail(ErrorCode::Usage, r.bucket, "--reason and --reference are needed: an entry says why");
  if (e.id.empty() || !triage::is_bucket("a" + e.id))
    return fail(ErrorCode::Usage, "--id", "wants letters, dots and underscores");
  if (e.versions.empty()) e.versions = said.version.substr(0, said.version.find(' '));
  if (e.review_by.empty()) e.review_by = today(1);
  if (e.row.empty() != e.must.empty()) return fail(ErrorCode::Usage, "--row", "needs --must, and --must needs --row");
  return {};
}

Result<fs::path> add(const std::string& path, KnownEntry e, const Flags& flags) {
  const auto record = record_from(path);
  if (!record) return tl::unexpected(record.error());
  const Record& r = *record;
  const auto entry = domain_named(r.domain);
  if (!entry) return tl::unexpected(entry.error());
  if (e.executor.empty()) e.executor = r.smallest.executor;
  const auto said = answer_of(r, e.executor);
  if (!said) return tl::unexpected(said.error());
  if (auto done = complete(r, *said, e); !done) return tl::unexpected(done.error());
  const auto edits = edits_of(r, e);
  if (!edits) return tl::unexpected(edits.error());
  auto proof = decode_text(r.smallest.case_text, all_schemas(), path);
  if (!proof) return tl::unexpected(proof.error());
  const auto root = corpus_root(flags.corpus);
  if (!root) return tl::unexpected(root.error());
  const fs::path known = *root / "known", file = file_for(known, *(*entry)->domain, e);
  std::error_code ec;
  std::string text = fmt::format("# SPDX-License-Identifier: Apache-2.0\ndomain = {}\n", toml_text(r.domain));
  if (fs::exists(file, ec)) {
    const auto old = read_file(file);
    if (!old) return tl::unexpected(old.error());
    text = *old;
  }
  const std::string added = entry_text(r, e, *edits);
  auto all = compare::load_known(known, *(*entry)->domain);
  if (!all) return tl::unexpected(all.error());
  if (auto parsed = compare::parse_known(fmt::format("domain = {}\n{}", toml_text(r.domain), added), "the new entry",
                                         *(*entry)->domain, *all);
      !parsed)
    return tl::unexpected(parsed.error());
  if (auto held = decides(**entry, *all, proof->front(), *said, e.id); !held) return tl::unexpected(held.error());
  StoredCase& stored = proof->front();
  stored.story = fmt::format("{}: {}", e.id, e.reason);
  for (const triage::Said& s : r.said) stored.expect.push_back({s.executor, s.version, s.outcome, {}});
  fs::create_directories(known / r.domain, ec);
  if (auto done = write_file_atomically(known / r.domain / (e.id + ".case"), encode_text(stored)); !done)
    return tl::unexpected(done.error());
  if (auto done = write_file_atomically(file, text + added); !done) return tl::unexpected(done.error());
  return file;
}

void print_edit(const Domain& d, const rules::RowEdit& e) {
  const rules::Rule& rule = d.rules->rows[e.row];
  const auto text = [&](const rules::Expr& x) { return rules::expr_text(x, *d.schema, d.rules->functions); };
  const auto line = rule_line(rule.id);
  fmt::print("  {} (section {}{})\n    the table   where {}\n                must  {}\n                else  {}\n",
             rules::rule_name(rule), rule.section, line ? fmt::format(", {}:{}", line->file, line->line) : "",
             text(rule.when), text(rule.must), d.observation->outcome_text(rule.outcome));
  if (e.drop) fmt::print("    it          has no such rule\n");
  if (e.when) fmt::print("    it          where {}\n", text(*e.when));
  if (e.must) fmt::print("    it          must  {}\n", text(*e.must));
  if (e.outcome) fmt::print("    it          else  {}\n", d.observation->outcome_text(*e.outcome));
  if (e.phase) fmt::print("    it          judges it in phase {}, the table in {}\n", *e.phase, rule.phase);
  if (e.phase_when) fmt::print("                only where {}\n", text(*e.phase_when));
}

void print_proof(const fs::path& file) {
  const auto cases = load_cases({file.string()}, Digests::MayDiffer);
  if (!cases) return fmt::print("proof       {}\n", cases.error().text());
  fmt::print("proof       {}\n", file.filename().string());
  for (const Loaded& l : *cases) {
    fmt::print("  {}\n", golden_difference_text(l.stored.c));
    for (const Expectation& x : l.stored.expect) fmt::print("    {:<10} {:<18} {}\n", x.executor, x.version, x.outcome);
  }
}

void print_entry(const Domain& d, const Known& k, const fs::path& known) {
  fmt::print("{}\n{}\n\nconcerns    {}{}{} in {}\nreference   {}\nreview by   {}\nwritten in  {}\n", k.id, k.reason,
             k.executor == "*" ? "a point that the manual leaves unclear" : k.executor, k.versions.empty() ? "" : " ",
             k.versions, d.name, k.reference, k.review_by, k.place.substr(0, k.place.find(' ')));
  if (k.dies)
    fmt::print("dies        where {}, from phase {} on\n", rules::expr_text(*k.dies, *d.schema, d.rules->functions),
               k.dies_from);
  for (const rules::RowEdit& e : k.edits) print_edit(d, e);
  if (!k.proof.empty()) print_proof(known / k.proof);
}

}  // namespace

std::string today(int years_on) {
  const std::time_t now = std::time(nullptr);
  std::tm date = *std::gmtime(&now);
  date.tm_year += years_on;
  return fmt::format("{:%Y-%m-%d}", date);
}

int known_add(const std::string& path, const KnownEntry& entry, const Flags& flags) {
  const auto file = add(path, entry, flags);
  if (!file) return complain(file.error());
  fmt::print("added {} to {}; it decides the finding's case, which is its proof\n", entry.id, file->string());
  return kClean;
}

int known_explain(const std::string& id, const Flags& flags) {
  const auto root = corpus_root(flags.corpus);
  if (!root) return complain(root.error());
  for (const DomainEntry& d : domains()) {
    const auto all = compare::load_known(*root / "known", *d.domain);
    if (!all) return complain(all.error());
    for (const Known& k : *all)
      if (k.id == id) return print_entry(*d.domain, k, *root / "known"), kClean;
  }
  if (std::error_code ec; !fs::exists(id, ec))
    return complain({ErrorCode::Usage, id, "no known divergence has this id, and it is no file"});
  const auto explained = explain_on_case(id, *root / "known");
  return explained ? kClean : complain(explained.error());
}

}  // namespace diffvisor::cli
