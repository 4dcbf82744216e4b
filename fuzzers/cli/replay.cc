// SPDX-License-Identifier: Apache-2.0
// diffvisor replay: stored cases against what they expect. Models run; emulators' answers are taken as recorded unless
// --executors asks for them. No emulator is needed.
#include <chrono>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fuzzers/cli/commands.h"
#include "harness/compare/explain.h"
#include "oracles/recorded/recorded.h"
#include "reports/junit.h"

namespace diffvisor::cli {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// What runs in this process, unless the user asks for more.
Flags models_only(const Flags& flags, const DomainEntry& entry) {
  Flags f = flags;
  if (f.executors.empty()) f.executors.assign(entry.in_process.begin(), entry.in_process.end());
  return f;
}

class Replayer {
 public:
  explicit Replayer(const Flags& flags) : flags_(flags) {}

  Result<reports::ReplayRow> replay(const Loaded& l) {
    reports::ReplayRow row;
    row.suite = l.stored.c.schema->domain;
    row.name = fmt::format("{}:{}", base_name(l.file.string()), l.number);
    row.story = l.stored.story;
    auto session = session_for(l.stored.c);
    if (!session) return tl::unexpected(session.error());
    for (const Expectation& e : l.stored.expect) column_of(**session, e);
    // What was loaded for the first of many is not this case's time.
    const auto start = std::chrono::steady_clock::now();
    if (auto done = check(**session, l.stored, row); !done) return tl::unexpected(done.error());
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return row;
  }

 private:
  // One session for each (domain, profile).
  Result<Session*> session_for(const Case& c) {
    const std::string profile(c.schema->profiles[c.profile].name);
    auto& slot = sessions_[std::string(c.schema->domain) + "/" + profile];
    if (slot.entry == nullptr) {
      const auto entry = domain_named(c.schema->domain);
      if (!entry) return tl::unexpected(entry.error());
      Flags f = models_only(flags_, **entry);
      f.profile = profile;
      auto opened = open_session(c.schema->domain, f);
      if (!opened) return tl::unexpected(opened.error());
      slot = std::move(*opened);
    }
    return &slot;
  }

  Result<void> check(Session& s, const StoredCase& stored, reports::ReplayRow& row) {
    Case c = stored.c;
    if (s.entry->domain->normalise != nullptr) s.entry->domain->normalise(c.v.data());
    if (!(c == stored.c)) row.failure = "the case is not normalised: its memory facts contradict each other";
    std::size_t checked = 0;
    unexplained_.clear();
    for (const Expectation& e : stored.expect) {
      const auto problem = check_one(s, c, e, row);
      if (!problem) return tl::unexpected(problem.error());
      ++checked;
      if (row.failure.empty()) row.failure = *problem;
    }
    if (checked == 0) row.skipped = "no expectation is stored";
    const auto named = buckets_of(s, c);
    if (!named) return tl::unexpected(named.error());
    row.failure += *named;
    return {};
  }

  // Empty: as expected.
  Result<std::string> check_one(Session& s, const Case& c, const Expectation& e, reports::ReplayRow& row) {
    for (std::size_t i = 0; i < s.executors.size(); ++i) {
      if (s.executors[i]->info().name != e.executor) continue;
      const auto seen = run_one(*s.executors[i], c);
      if (!seen) return tl::unexpected(seen.error());
      const std::string now = observation_text(*s.entry->domain, *seen);
      const std::string& version = s.executors[i]->info().version;
      if (now == e.outcome) return row.renewed += version != e.version, std::string();
      const auto first = first_divergence(s, i, c);
      if (!first) return tl::unexpected(first.error());
      return fmt::format("{} says {}, the case expects {}{}{}", e.executor, now, e.outcome,
                         version == e.version ? "" : fmt::format("; recorded with {}, this is {}", e.version, version),
                         first->fields.empty() ? ""
                                               : fmt::format("; against {}: {}", s.entry->domain->reference,
                                                             compare::divergence_line(*first)));
    }
    if (outlived(s, e))
      row.note = fmt::format("{} was recorded with {}, and what is known of it is about other versions: run it again",
                             e.executor, e.version);
    return check_recorded(s, c, e);
  }

  // What is known of this executor is about other versions than the one that answered.
  static bool outlived(const Session& s, const Expectation& e) {
    bool any = false;
    for (const compare::Known& k : s.judge->known()) {
      if (k.executor != e.executor) continue;
      if (e.version.starts_with(k.versions)) return false;
      any = true;
    }
    return any;
  }

  // A recorded answer must still be explained: by the table, by a known delta, or by an unclear point.
  Result<std::string> check_recorded(Session& s, const Case& c, const Expectation& e) {
    const auto seen = recorded::observation_of(e, *s.entry->domain);
    if (!seen) return tl::unexpected(seen.error());
    const std::size_t column = column_of(s, e);
    const auto judged = judge_seen(s, c, s.judge->read(c), column, *seen);
    if (!judged) return tl::unexpected(judged.error());
    const compare::Verdict& v = *judged;
    if (v.kind == compare::VerdictKind::Divergence) {
      unexplained_.push_back({e.executor, column, *seen});
      return fmt::format("{} {} said {}, which nothing explains", e.executor, e.version, e.outcome);
    }
    if (v.kind == compare::VerdictKind::ExecutorDied && s.judge->known_death(c, s.judge->read(c), column) == nullptr) {
      unexplained_.push_back({e.executor, column, *seen});
      return fmt::format("{} {} died of this, and no known entry says so", e.executor, e.version);
    }
    return std::string();
  }

  // What the unexplained answers come to, each with all who said the same, as a campaign names it: "; bucket ID".
  Result<std::string> buckets_of(Session& s, const Case& c) const {
    if (unexplained_.empty()) return std::string();
    const auto reference = reference_says(s, c);
    if (!reference) return tl::unexpected(reference.error());
    std::set<std::string> all;
    for (const Unexplained& one : unexplained_) {
      std::set<std::string> names;
      for (const Unexplained& u : unexplained_)
        if (u.seen.status == one.seen.status && u.seen.outcome == one.seen.outcome) names.insert(u.executor);
      const std::string who = fmt::format("{}", fmt::join(names, "."));
      const Observation* against = *reference ? &**reference : nullptr;
      all.insert(compare::explain_new(*s.judge, one.column, who, c, s.judge->read(c), one.seen, against).bucket);
    }
    return fmt::format("; bucket {}", fmt::join(all, ", "));
  }

  std::size_t column_of(Session& s, const Expectation& e) {
    auto& columns = columns_[&s];
    const auto [it, fresh] = columns.try_emplace(e.executor + " " + e.version, 0);
    if (fresh) it->second = s.judge->add_executor({e.executor, e.version, Trust::Recorded});
    return it->second;
  }

  struct Unexplained {
    std::string executor;
    std::size_t column;
    Observation seen;
  };

  const Flags& flags_;
  std::vector<Unexplained> unexplained_;  // recorded answers of the case in hand
  std::map<std::string, Session> sessions_;
  std::map<const Session*, std::map<std::string, std::size_t>> columns_;
};

}  // namespace

namespace {

// GitHub's workflow commands: one line, with what ends a property or the line spelled in hexadecimal.
std::string annotation_text(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool special = c == '%' || static_cast<unsigned char>(c) < 0x20 || (property && (c == ':' || c == ','));
    out += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

void annotate(const Loaded& l, const reports::ReplayRow& row) {
  const bool failed = !row.failure.empty();
  if (!failed && row.note.empty()) return;
  fmt::print("::{} file={},line={},title={}::{}\n", failed ? "error" : "warning",
             annotation_text(l.file.string(), true), l.line, annotation_text(row.name, true),
             annotation_text(fmt::format("{}\n{}", failed ? row.failure : row.note, row.story), false));
}

struct ReplayCounts {
  std::size_t failed = 0, skipped = 0, renewed = 0, stale = 0;
  double seconds = 0;

  void add(const reports::ReplayRow& row) {
    failed += !row.failure.empty();
    skipped += row.failure.empty() && !row.skipped.empty();
    stale += !row.note.empty();
    renewed += row.renewed;
    seconds += row.seconds;
  }
};

void print_counts(const ReplayCounts& n, std::size_t rows) {
  fmt::print("{} cases, {} as expected, {} changed, {} without expectation, {:.3f} ms a case\n", rows,
             rows - n.failed - n.skipped, n.failed, n.skipped, 1e3 * n.seconds / static_cast<double>(rows));
  if (n.renewed > 0)
    fmt::print("{} expectations were recorded with another version of their executor; this one says the same\n",
               n.renewed);
  if (n.stale > 0) fmt::print("{} cases hold stale answers, which nothing here can renew\n", n.stale);
}

}  // namespace

int replay(const std::vector<std::string>& paths, const ReplayOutputs& to, const Flags& flags) {
  const auto loaded = load_cases(paths);
  if (!loaded) return complain(loaded.error());
  Replayer replayer(flags);
  std::vector<reports::ReplayRow> rows;
  ReplayCounts counts;
  for (const Loaded& l : *loaded) {
    auto row = replayer.replay(l);
    if (!row) return complain(row.error());
    counts.add(*row);
    if (to.annotate) annotate(l, *row);
    if (!row->note.empty()) fmt::print("stale  {} {}\n", row->name, row->note);
    if (!row->failure.empty()) fmt::print("FAILED {} {}\n  {}\n", row->name, row->story, row->failure);
    rows.push_back(std::move(*row));
  }
  if (rows.empty()) return complain({ErrorCode::Usage, "replay", "there are no cases in these paths"});
  print_counts(counts, rows.size());
  if (!to.junit.empty())
    if (auto wrote = write_output(to.junit, reports::junit_xml(rows)); !wrote) return complain(wrote.error());
  return counts.failed > 0 ? kDivergence : kClean;
}

}  // namespace diffvisor::cli
