// SPDX-License-Identifier: Apache-2.0
// diffvisor known check: every known divergence still holds, shown by its proof case; --write finds missing proofs.
#include <algorithm>

#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "harness/base/file.h"
#include "harness/minimise/minimise.h"
#include "harness/rules/interpret.h"
#include "oracles/recorded/recorded.h"

namespace diffvisor::cli {
namespace {

constexpr unsigned kProofAttempts = 4000;

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
      if (!write_) return fmt::format("its proof {} does not exist", entry.proof);
      return find_proof(e, k, path);
    }
    const auto loaded = load_cases({path.string()});
    if (!loaded) return tl::unexpected(loaded.error());
    for (const Loaded& l : *loaded)
      if (const auto holds = shows(e, k, l.stored.c, nullptr); !holds || *holds) return holds ? Result<std::string>("") : tl::unexpected(holds.error());
    return fmt::format("its proof {} no longer needs it", entry.proof);
  }

 private:
  // The executor says what the entry predicts, and the table without the entry does not.
  Result<bool> shows(std::size_t e, std::size_t k, const Case& c, Observation* out) {
    const compare::Reading r = s_.judge->read(c);
    if (!s_.judge->limit(r).empty() || !s_.judge->limit(c, r, e).empty()) return false;
    const compare::Known& entry = s_.judge->deltas(e).entries()[k];
    if (!entry.dies && s_.judge->known_death(c, r, e) != nullptr) return false;
    if (entry.dies && s_.judge->known_death(c, r, e) != &entry) return false;
    const auto seen = run_one(*s_.executors[e], c);
    if (!seen) return tl::unexpected(seen.error());
    if (out != nullptr) *out = *seen;
    if (entry.dies) return seen->status == Status::Died;
    const compare::Verdict v = s_.judge->judge(c, r, e, *seen);
    return v.kind == compare::VerdictKind::Known && v.decided == std::uint64_t{1} << k;
  }

  bool predicted(std::size_t e, std::size_t k, const Case& c) const {
    const compare::Reading r = s_.judge->read(c);
    const compare::Deltas& d = s_.judge->deltas(e);
    if (!s_.judge->limit(r).empty()) return false;
    if (d.entries()[k].dies) return s_.judge->known_death(c, r, e) == &d.entries()[k];
    if (s_.judge->known_death(c, r, e) != nullptr) return false;
    return d.fires(k, c.v.data(), r.survey) && r.ruling.deciders.count() == 1;
  }

  Result<std::string> find_proof(std::size_t e, std::size_t k, const std::filesystem::path& path) {
    const compare::Known& entry = s_.judge->deltas(e).entries()[k];
    const rules::Locks locks = rules::base_locks(*d_.schema);
    for (unsigned attempt = 0; attempt < kProofAttempts; ++attempt) {
      Rng rng(k, attempt);
      Case c = golden_case(*d_.schema, s_.profile);
      if (!aim(entry, c, locks, rng)) continue;
      if (!predicted(e, k, c)) continue;
      const auto holds = shows(e, k, c, nullptr);
      if (!holds) return tl::unexpected(holds.error());
      if (*holds) return store(e, k, c, path);
    }
    return std::string("no proof found");
  }

  // Breaks one of the entry's rows where its own condition lets the executor differ.
  bool aim(const compare::Known& entry, Case& c, const rules::Locks& locks, Rng& rng) const {
    for (auto n = rng.below(3); n > 0; --n) {
      const Slot s = static_cast<Slot>(rng.below(d_.schema->slots));
      c.v[s] ^= rng.next() & ~locks[s];
    }
    if (entry.dies) {
      if (!rules::make(*entry.dies, c.v.data(), locks, true, rng, d_.rules->functions)) return false;
    } else {
      const rules::RowEdit& edit = entry.edits[rng.below(entry.edits.size())];
      const rules::Rule& rule = d_.rules->rows[edit.row];
      const bool stricter = edit.must && rng.one_in(2);
      if (edit.narrows && !rules::make(*edit.when, c.v.data(), locks, false, rng, d_.rules->functions)) return false;
      if (!rules::make(rule.when, c.v.data(), locks, true, rng, d_.rules->functions)) return false;
      const rules::Expr& condition = stricter ? *edit.must : rule.must;
      if (!rules::make(condition, c.v.data(), locks, false, rng, d_.rules->functions)) return false;
    }
    const Case aimed = c;
    rules::Locks held = locks;
    for (std::size_t s = 0; s < kMaxSlots; ++s) held[s] |= aimed.v[s] ^ golden_case(*d_.schema, s_.profile).v[s];
    rules::RuleBits skip;
    for (const rules::RowEdit& x : entry.edits) skip.set(x.row);
    rules::satisfy_all(*d_.rules, c.v.data(), held, rng, d_.normalise, skip, 16);
    return true;
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
      if (x != e && (!s_.judge->limit(stored.c, r, x).empty() || s_.judge->known_death(stored.c, r, x) != nullptr)) continue;
      const auto seen = x == e ? Result<Observation>(last) : run_one(*s_.executors[x], stored.c);
      if (!seen) return tl::unexpected(seen.error());
      stored.expect.push_back({s_.executors[x]->info().name, s_.executors[x]->info().version, observation_text(d_, *seen), {}});
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
};

}  // namespace

int known_check(const std::string& domain, bool write, const Flags& flags) {
  auto session = open_session(domain, flags);
  if (!session) return complain(session.error());
  const auto root = corpus_root(flags.corpus);
  if (!root) return complain(root.error());
  Checker checker(*session, *root / "known", write);
  std::size_t checked = 0, broken = 0;
  for (std::size_t e = 0; e < session->executors.size(); ++e) {
    const auto& entries = session->judge->deltas(e).entries();
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const auto problem = checker.check(e, k);
      if (!problem) return complain(problem.error());
      ++checked;
      broken += !problem->empty();
      fmt::print("{:<8} {:<10} {:<46} {}\n", problem->empty() ? "holds" : "FAILED", entries[k].executor, entries[k].id, *problem);
    }
  }
  fmt::print("{} known divergences, {} hold, {} do not; {} points where the manual is unclear\n", checked, checked - broken,
             broken, session->judge->unclear().size());
  return broken > 0 ? kDivergence : kClean;
}

}  // namespace diffvisor::cli
