// SPDX-License-Identifier: Apache-2.0
// diffvisor known check: every known divergence still holds, shown by its proof case; --write finds missing proofs.
#include <algorithm>

#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/finding_directories.h"
#include "harness/base/file.h"
#include "harness/campaign/plan.h"
#include "harness/minimise/minimise.h"

namespace diffvisor::cli {
namespace {

constexpr std::uint64_t kProofCases = 600000;  // of the plan, for all entries without a proof together

class Checker {
 public:
  Checker(Session& session, const std::filesystem::path& root, bool write)
      : s_(session), d_(*session.entry->domain), root_(root), write_(write) {}

  // Empty: holds.
  Result<std::string> check(std::size_t e, std::size_t k) {
    const compare::Known& entry = s_.judge->deltas(e).entries()[k];
    if (entry.proof.empty()) return std::string("has no proof");
    const auto path = root_ / entry.proof;
    std::error_code ec;
    if (!std::filesystem::exists(path, ec)) {
      if (write_) missing_.push_back({e, k, path});
      return fmt::format("its proof {} does not exist", entry.proof);
    }
    const auto loaded = load_cases({path.string()});
    if (!loaded) return tl::unexpected(loaded.error());
    for (const Loaded& l : *loaded)
      if (const auto holds = shows(e, k, l.stored.c, nullptr); !holds || *holds)
        return holds ? Result<std::string>("") : tl::unexpected(holds.error());
    return fmt::format("its proof {} no longer needs it", entry.proof);
  }

  // Walks the cases of a campaign until every missing proof has been found. Returns how many were.
  Result<std::size_t> find_proofs() {
    std::size_t found = 0;
    for (const bool vary : {false, true}) {
      campaign::PlanOptions options;
      options.profile = s_.profile;
      options.vary_profile = vary;
      campaign::Plan plan(d_, options);
      Case c;
      for (std::uint64_t i = 0; i < kProofCases && !missing_.empty(); ++i) {
        plan.make(i, c);
        const auto proved = try_case(c, vary);
        if (!proved) return tl::unexpected(proved.error());
        found += *proved;
      }
    }
    return found;
  }

 private:
  struct Missing {
    std::size_t executor, entry;
    std::filesystem::path path;
  };

  Result<std::size_t> try_case(const Case& c, bool varied) {
    const compare::Reading r = s_.judge->read(c);
    std::size_t found = 0;
    for (std::size_t m = 0; m < missing_.size(); ++m) {
      const Missing x = missing_[m];
      if (varied && s_.executors[x.executor]->info().trust == Trust::Independent) continue;
      if (!predicted(x.executor, x.entry, c, r)) continue;
      const auto holds = shows(x.executor, x.entry, c, nullptr);
      if (!holds) return tl::unexpected(holds.error());
      if (!*holds) continue;
      if (auto stored = store(x.executor, x.entry, c, x.path); !stored) return tl::unexpected(stored.error());
      fmt::print("written  {}\n", x.path.filename().string());
      missing_.erase(missing_.begin() + static_cast<std::ptrdiff_t>(m--));
      ++found;
    }
    return found;
  }

  // The executor says what the entry predicts, and the table without the entry does not.
  Result<bool> shows(std::size_t e, std::size_t k, const Case& c, Observation* out) {
    const compare::Reading r = s_.judge->read(c);
    const compare::Known& entry = s_.judge->deltas(e).entries()[k];
    if (!s_.judge->limit(r).empty() || s_.judge->known_death(c, r, e) != (entry.dies ? &entry : nullptr)) return false;
    if (!entry.dies && !s_.judge->limit(c, r, e).empty()) return false;
    const auto seen = run_one(*s_.executors[e], c);
    if (!seen) return tl::unexpected(seen.error());
    if (out != nullptr) *out = *seen;
    if (entry.dies) return seen->status == Status::Died;
    const auto v = judge_seen(s_, c, r, e, *seen);
    if (!v) return tl::unexpected(v.error());
    if (entry.behaviour && entry.behaviour->action == compare::BehaviourDelta::Action::CannotJudge)
      return v->kind == compare::VerdictKind::Incomparable && v->reason == entry.id;
    return v->kind == compare::VerdictKind::Known && v->decided == compare::EntrySet().set(k);
  }

  // By its entries the executor should say something here that the table does not, and not without entry k.
  bool predicted(std::size_t e, std::size_t k, const Case& c, const compare::Reading& r) const {
    const compare::Deltas& d = s_.judge->deltas(e);
    if (d_.behaviour != nullptr) return true;
    if (!s_.judge->limit(r).empty()) return false;
    const compare::Known* death = s_.judge->known_death(c, r, e);
    if (death != nullptr || d.entries()[k].dies) return death == &d.entries()[k];
    if (!s_.judge->limit(c, r, e).empty() || !d.fires(k, c.v.data(), r.survey)) return false;
    bool needed = false;
    d.all().ruling(c.v.data(), d.all().survey(c.v.data(), r.survey)).deciders.each([&](std::size_t i) {
      const rules::Outcome o = d.all().outcome(i);
      needed |= !s_.judge->accepts(s_.judge->table(), c, r, o) && !s_.judge->accepts(d.without(k), c, r, o);
    });
    return needed;
  }

  Result<std::string> store(std::size_t e, std::size_t k, const Case& c, const std::filesystem::path& path) {
    const compare::Known& entry = s_.judge->deltas(e).entries()[k];
    Observation last;
    std::optional<Error> error;
    const auto shows_it = [&](const Case& x) {
      Observation seen;
      const auto holds = error ? Result<bool>(false) : shows(e, k, x, &seen);
      if (!holds) return error = holds.error(), false;
      if (*holds) last = seen;
      return *holds;
    };
    const auto small = minimise::minimise(c, shows_it, {entry.dies ? 40u : 4000u, d_.normalise});
    if (error) return tl::unexpected(*error);
    StoredCase stored;
    stored.story = fmt::format("{}: {}", entry.id, entry.reason);
    stored.c = small ? small->best : c;
    for (std::size_t x = 0; x < s_.executors.size(); ++x) {
      const compare::Reading r = s_.judge->read(stored.c);
      if (x != e && !s_.judge->refusal(stored.c, r, x).empty()) continue;
      const auto seen = x == e ? Result<Observation>(last) : run_one(*s_.executors[x], stored.c);
      if (!seen) return tl::unexpected(seen.error());
      stored.expect.push_back(
          {s_.executors[x]->info().name, s_.executors[x]->info().version, observation_text(d_, *seen), {}});
    }
    std::error_code ec;
    std::filesystem::create_directories(path.parent_path(), ec);
    if (auto wrote = write_file_atomically(path, encode_text(stored)); !wrote) return tl::unexpected(wrote.error());
    return std::string();
  }

  Session& s_;
  const Domain& d_;
  std::filesystem::path root_;
  bool write_;
  std::vector<Missing> missing_;
};

}  // namespace

namespace {

bool is_date(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
         std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; }) == 8;
}

// Empty: an entry is looked at again before it is too old to be believed.
std::string overdue(const compare::Known& k, const std::string& date) {
  if (!is_date(k.review_by)) return fmt::format("its review_by '{}' is no date", k.review_by);
  return k.review_by < date ? "its review was due by " + k.review_by : "";
}

// Empty: in these campaigns it decided a case, or changed no row at all.
std::string idle(const compare::Known& k, const std::vector<reports::Run>& runs) {
  std::uint64_t fired = 0;
  for (const reports::Run& run : runs)
    for (const reports::RunKnown& x : run.known_entries) {
      if (x.executor != k.executor || x.id != k.id) continue;
      if (x.decided > 0) return {};
      fired += x.fired;
    }
  return fired > 0 ? fmt::format("it fired {} times and never decided", fired) : "";
}

}  // namespace

int known_check(const std::string& domain, bool write, const std::vector<std::string>& run_directories,
                const std::string& date, const Flags& flags) {
  if (domain.empty()) {
    int worst = kClean;
    for (const DomainEntry& d : domains())
      if (!d.domain->rules->rows.empty() || d.domain->behaviour != nullptr)
        worst = std::max(worst, known_check(std::string(d.domain->name), write, run_directories, date, flags));
    return worst;
  }
  const std::string now = date.empty() ? today() : date;
  if (!is_date(now)) return complain({ErrorCode::Usage, "--today", "wants YYYY-MM-DD"});
  const auto campaigns = load_findings(run_directories);
  if (!campaigns) return complain(campaigns.error());
  auto session = open_session(domain, flags);
  if (!session) return complain(session.error());
  const auto root = corpus_root(flags.corpus);
  if (!root) return complain(root.error());
  Checker checker(*session, *root / "known", write);
  std::size_t checked = 0, broken = 0, stale = 0;
  for (const compare::Known& k : session->judge->unclear())
    if (const std::string late = overdue(k, now); !late.empty()) {
      ++stale;
      fmt::print("{:<8} {:<10} {:<46} {}\n", "FAILED", "*", k.id, late);
    }
  for (std::size_t e = 0; e < session->executors.size(); ++e) {
    const auto& entries = session->judge->deltas(e).entries();
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const auto problem = checker.check(e, k);
      if (!problem) return complain(problem.error());
      ++checked;
      std::string said = *problem;
      for (const std::string& more : {overdue(entries[k], now), idle(entries[k], campaigns->runs)}) {
        stale += !more.empty();
        if (!more.empty()) said += (said.empty() ? "" : "; ") + more;
      }
      broken += !problem->empty();
      fmt::print("{:<8} {:<10} {:<46} {}\n", said.empty() ? "holds" : "FAILED", entries[k].executor, entries[k].id,
                 said);
    }
  }
  const auto found = checker.find_proofs();
  if (!found) return complain(found.error());
  broken -= *found;
  fmt::print("{}: {} known divergences, {} hold, {} do not; {} points where the manual is unclear\n", domain, checked,
             checked - broken, broken, session->judge->unclear().size());
  if (stale > 0) fmt::print("{}: {} entries are past their review or fire without ever deciding\n", domain, stale);
  return broken + stale > 0 ? kDivergence : kClean;
}

}  // namespace diffvisor::cli
