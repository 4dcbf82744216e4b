// SPDX-License-Identifier: Apache-2.0
// diffvisor rules --write-seeds: the pair "just valid" and "only this rule broken" for every rule that can be broken
// alone, the smallest broken set for every implied one, with what every executor says; for a domain without rules the
// smallest case of every subject and outcome that a campaign comes to. Generated once, then committed.
#include <map>
#include <set>

#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "harness/base/file.h"
#include "harness/campaign/plan.h"
#include "harness/minimise/minimise.h"
#include "harness/rules/classify.h"

namespace diffvisor::cli {
namespace {

constexpr std::uint64_t kBehaviours = 20000;  // cases of the plan that seeds are taken from

class SeedWriter {
 public:
  explicit SeedWriter(Session& session) : s_(session), d_(*session.entry->domain) {}

  Result<void> add(const rules::Classified& c) {
    if (!c.witness) return {};
    const rules::Rule& rule = d_.rules->rows[c.row];
    const Case broken = smallest(*c.witness, c.row, c.cls == rules::Class::Implied);
    if (c.cls == rules::Class::Alone) {
      Case valid = broken;
      for (unsigned attempt = 0; attempt < 50; ++attempt) {
        Rng rng(c.row, attempt);
        valid = broken;
        if (!rules::mend_only(*d_.rules, c.row, valid.v.data(), rules::base_locks(*d_.schema),
                              rules::fact_bits(*d_.schema), rng, d_.normalise))
          continue;
        if (auto done = store(valid, fmt::format("{}: just valid", rules::rule_name(rule)), rule); !done) return done;
        break;
      }
    }
    const std::string with = c.by ? fmt::format(" (never without {})", rules::rule_name(d_.rules->rows[*c.by])) : "";
    return store(broken, fmt::format("{}: broken{}", rules::rule_name(rule), with), rule);
  }

  // The first case of each subject and outcome among so many of the plan.
  Result<void> add_behaviours(std::uint64_t cases) {
    campaign::Plan plan(d_, {.seed = 1, .profile = s_.profile, .vary_profile = false, .corpus = {}});
    std::set<std::string> known;
    Case c;
    for (std::uint64_t i = 0; i < cases; ++i) {
      plan.make(i, c);
      const auto word = behaviour_word(c);
      if (!word) return tl::unexpected(word.error());
      if (word->empty() || !known.insert(*word).second) continue;
      const auto shows = [&](const Case& x) {
        const auto now = behaviour_word(x);
        return now && *now == *word;
      };
      const auto small = minimise::minimise(c, shows, {20000, d_.normalise});
      const std::string file(d_.behaviour->strata[d_.behaviour->stratum(c)]);
      if (auto done = store(small ? small->best : c, *word, file); !done) return done;
    }
    return {};
  }

  Result<void> write(const std::filesystem::path& directory) const {
    std::error_code ec;
    std::filesystem::create_directories(directory, ec);
    if (ec) return fail(ErrorCode::Io, directory.string(), ec.message());
    for (const auto& [section, cases] : by_section_)
      if (auto wrote = write_file_atomically(directory / (section + ".case"), encode_text(cases)); !wrote) return wrote;
    return {};
  }

  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& [section, cases] : by_section_) n += cases.size();
    return n;
  }

 private:
  // As close to golden as a state can be that breaks this rule, and nothing else in its phase unless it must.
  Case smallest(const Case& witness, std::size_t row, bool implied) const {
    const auto broken_checks = [&](const Case& c) {
      rules::Survey s;
      d_.rules->survey(c.v.data(), s);
      rules::RuleBits out;
      s.broken.each([&](std::size_t i) {
        if (d_.rules->rows[i].kind != rules::Kind::Exit && d_.rules->rows[i].phase <= d_.rules->rows[row].phase)
          out.set(i);
      });
      return out;
    };
    const std::size_t most = implied ? broken_checks(witness).count() : 1;
    const auto shows = [&](const Case& c) {
      const rules::RuleBits b = broken_checks(c);
      return b.test(row) && b.count() <= most;
    };
    const auto small = minimise::minimise(witness, shows, {20000, d_.normalise});
    return small ? small->best : witness;
  }

  // "mul, done" as the reference has it; empty when it cannot judge the case.
  Result<std::string> behaviour_word(const Case& c) {
    const auto seen = reference_says(s_, c);
    if (!seen) return tl::unexpected(seen.error());
    if (!*seen || (*seen)->status != Status::Ran) return std::string();
    return d_.behaviour->account(c, **seen, **seen).subject + ", " + observation_text(d_, **seen);
  }

  Result<void> store(const Case& c, std::string story, const rules::Rule& rule) {
    return store(c, std::move(story), std::string(rule.section.substr(0, rule.section.find(' '))));
  }

  Result<void> store(const Case& c, std::string story, const std::string& file) {
    StoredCase stored;
    stored.story = std::move(story);
    stored.c = c;
    const compare::Reading r = s_.judge->read(c);
    for (std::size_t e = 0; e < s_.executors.size(); ++e) {
      if (!s_.judge->refusal(c, r, e).empty()) continue;
      const auto seen = run_one(*s_.executors[e], c);
      if (!seen) return tl::unexpected(seen.error());
      const ExecutorInfo& info = s_.executors[e]->info();
      stored.expect.push_back({info.name, info.version, observation_text(d_, *seen), {}});
    }
    by_section_[file].push_back(std::move(stored));
    return {};
  }

  Session& s_;
  const Domain& d_;
  std::map<std::string, std::vector<StoredCase>> by_section_;
};

}  // namespace

int write_seeds(const std::string& domain, const std::string& directory, const Flags& flags) {
  auto session = open_session(domain, flags);
  if (!session) return complain(session.error());
  const Domain& d = *session->entry->domain;
  SeedWriter writer(*session);
  if (d.behaviour != nullptr)
    if (auto done = writer.add_behaviours(kBehaviours); !done) return complain(done.error());
  for (const rules::Classified& c : rules::classify(*d.rules, *d.schema, session->profile, d.normalise))
    if (auto done = writer.add(c); !done) return complain(done.error());
  if (auto wrote = writer.write(directory); !wrote) return complain(wrote.error());
  fmt::print("{} cases in {}\n", writer.count(), directory);
  return kClean;
}

}  // namespace diffvisor::cli
