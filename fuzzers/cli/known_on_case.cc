// SPDX-License-Identifier: Apache-2.0
// diffvisor known explain CASE: which entries fire on a case, and what each by itself makes of it.
#include <array>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/known_on_case.h"
#include "harness/case/diff.h"
#include "harness/compare/first_divergence.h"
#include "harness/rules/interpret.h"

namespace diffvisor::cli {
namespace {

using compare::BehaviourDelta;
using compare::Known;

constexpr std::size_t kMostFields = 6;
constexpr const char* kNothing = "nothing";  // it fires, and nobody would see it

// ---- legality

std::string ruled(const Domain& d, const rules::EditedRules& table, const Case& c, const rules::Survey& plain) {
  std::vector<std::string> out;
  table.ruling(c.v.data(), table.survey(c.v.data(), plain)).deciders.each([&](std::size_t i) {
    const bool limit = d.rules->rows[i].kind == rules::Kind::Limit;
    const std::string text = limit ? std::string("not comparable") : d.observation->outcome_text(table.outcome(i));
    if (std::ranges::find(out, text) == out.end()) out.push_back(text);
  });
  return fmt::format("{}", fmt::join(out, " or "));
}

// What the entry makes of the case; empty: it does not fire.
std::string effect_on_rules(const Domain& d, const Known& k, const Case& c, const rules::Survey& plain) {
  if (k.dies) return rules::holds(*k.dies, c.v.data(), d.rules->functions) ? "dies" : "";
  const rules::EditedRules table(*d.rules, {}), edited(*d.rules, k.edits);
  const std::string before = ruled(d, table, c, plain), after = ruled(d, edited, c, plain);
  if (before != after) return fmt::format("{}, not {}", after, before);
  return edited.survey(c.v.data(), plain).broken == plain.broken ? "" : kNothing;
}

// ---- behaviour

std::string differences(const Domain& d, const Observation& reference, const Observation& seen) {
  if (seen.status != Status::Ran || reference.status != Status::Ran)
    return seen.status == reference.status ? "" : observation_text(d, seen) + ", not " + observation_text(d, reference);
  std::string out;
  std::size_t shown = 0;
  for (const compare::FieldView& f : compare::differing_fields(d, reference, seen)) {
    if (++shown > kMostFields) return out + "; and more";
    out += fmt::format("{}{} {}, not {}", out.empty() ? "" : "; ", f.field, f.seen, f.reference);
  }
  return out;
}

std::string ignored_fields(const Domain& d, const BehaviourDelta& delta) {
  std::vector<std::string> out;
  for (const Loose& l : delta.ignores)
    out.push_back(fmt::format("{} {:#x}", d.observation->fields[l.slot].name, l.bits));
  return fmt::format("has its own: {}", fmt::join(out, ", "));
}

class OnBehaviour {
 public:
  OnBehaviour(const Domain& d, const Case& c) : d_(d), c_(c), reference_(d.behaviour->run_variant(c, {})) {
    d.behaviour->derive(c, &reference_, facts_.data());
  }
  const Observation& reference() const { return reference_; }

  std::string effect(const Known& k) const {
    if (k.dies) return rules::holds(*k.dies, facts_.data(), {}) ? "dies" : "";
    if (!k.behaviour) return "";
    const BehaviourDelta& delta = *k.behaviour;
    if (delta.when && !rules::holds(*delta.when, facts_.data(), {})) return "";
    switch (delta.action) {
      case BehaviourDelta::Action::CannotJudge:
        return "does not implement it";
      case BehaviourDelta::Action::Ignores:
        return ignored_fields(d_, delta);
      case BehaviourDelta::Action::Variant:
        break;
    }
    const std::string text = differences(d_, reference_, d_.behaviour->run_variant(c_, {&delta.variant, 1}));
    return text.empty() ? std::string(kNothing) : text;
  }

 private:
  const Domain& d_;
  const Case& c_;
  const Observation reference_;
  std::array<std::uint64_t, kMaxSlots> facts_{};
};

// ---- printing

using Effects = std::map<std::string, std::vector<std::pair<const Known*, std::string>>>;

Effects effects_of(const Domain& d, const std::vector<Known>& all, const Case& c) {
  Effects out;
  const auto add = [&](const Known& k, std::string effect) {
    if (!effect.empty())
      out[k.executor + (k.versions.empty() ? "" : " " + k.versions)].emplace_back(&k, std::move(effect));
  };
  if (d.behaviour != nullptr) {
    const OnBehaviour on(d, c);
    fmt::print("the reference says {}\n", observation_text(d, on.reference()));
    for (const Known& k : all) add(k, on.effect(k));
    return out;
  }
  rules::Survey plain;
  d.rules->survey(c.v.data(), plain);
  fmt::print("the table says {}\n", ruled(d, rules::EditedRules(*d.rules, {}), c, plain));
  for (const Known& k : all) add(k, effect_on_rules(d, k, c, plain));
  return out;
}

Result<void> explain_one(const Loaded& l, const std::filesystem::path& known) {
  const Domain& d = *find_domain(l.stored.c.schema->domain)->domain;
  Case c = l.stored.c;
  if (d.normalise != nullptr) d.normalise(c.v.data());
  const auto all = compare::load_known(known, d);
  if (!all) return tl::unexpected(all.error());
  fmt::print("{}:{}  {}\n{}, {}\n", l.file.string(), l.number, l.stored.story, d.name, golden_difference_text(c));
  const Effects effects = effects_of(d, *all, c);
  if (effects.empty()) fmt::print("no known divergence is about it\n");
  for (const auto& [who, entries] : effects) {
    fmt::print("{}\n", who == "*" ? "where the manual is unclear" : who);
    std::vector<std::string> idle;
    for (const auto& [k, effect] : entries) {
      if (effect == kNothing)
        idle.push_back(k->id);
      else
        fmt::print("  {:<36} {}\n", k->id, effect);
    }
    if (!idle.empty()) fmt::print("  fire and change nothing: {}\n", fmt::join(idle, ", "));
  }
  return {};
}

}  // namespace

Result<void> explain_on_case(const std::string& path, const std::filesystem::path& known) {
  const auto loaded = load_cases({path});
  if (!loaded) return tl::unexpected(loaded.error());
  if (loaded->empty()) return fail(ErrorCode::Usage, path, "there are no cases in it");
  for (const Loaded& l : *loaded)
    if (auto done = explain_one(l, known); !done) return done;
  return {};
}

}  // namespace diffvisor::cli
