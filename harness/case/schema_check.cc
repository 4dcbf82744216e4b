// SPDX-License-Identifier: Apache-2.0
#include "harness/case/schema_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/bits.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

constexpr int kGoldenTrials = 200;  // random machines and contexts that golden is asked about

class Checker {
 public:
  explicit Checker(const Schema& schema) : schema_(schema) {}

  std::vector<std::string> run() {
    name("domain", schema_.domain);
    fields();
    lists();
    if (schema_.profiles.empty() || schema_.profiles.size() > 255) problem("there are no profiles, or more than 255");
    for (const ProfileSpec& p : schema_.profiles) profile(p);
    if (problems_.empty()) golden();
    return problems_;
  }

 private:
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  void name(std::string_view what, std::string_view text) {
    static constexpr std::string_view kKeywords[] = {"area", "op", "expect", "case", "domain", "profile", "schema"};
    if (!is_word(text)) problem(fmt::format("{} '{}' is not a word", what, text));
    if (std::ranges::find(kKeywords, text) != std::end(kKeywords))
      problem(fmt::format("{} '{}' is a keyword of the text form", what, text));
    if (!names_.insert(fmt::format("{} {}", what, text)).second) problem(fmt::format("two {}s '{}'", what, text));
  }

  void id(std::string_view what, unsigned value) {
    if (!names_.insert(fmt::format("{} id {}", what, value)).second)
      problem(fmt::format("two {}s with id {:#x}", what, value));
  }

  void fields() {
    std::size_t next = 0;
    for (const Field& f : schema_.fields) {
      name("field", f.name);
      id("field", f.id);
      if (f.slot != next) problem(fmt::format("field {} is not at slot {}", f.name, next));
      if (f.count < 1 || f.count > kMaxSlots) problem(fmt::format("field {} has {} elements", f.name, f.count));
      if (f.width < 1 || f.width > 64) problem(fmt::format("field {} is {} bits wide", f.name, f.width));
      bits(f);
      next += f.count;
    }
    if (schema_.fields.empty() || next != schema_.slots || next > kMaxSlots)
      problem(fmt::format("{} slots declared, {} used", schema_.slots, next));
  }

  void bits(const Field& f) {
    for (const BitName& b : f.bits) {
      if (b.lo > b.hi || b.hi >= f.width) problem(fmt::format("{}: bits of {} are out of range", f.name, b.name));
      if (!is_word(b.name) || (b.name[0] >= '0' && b.name[0] <= '9'))
        problem(fmt::format("{}: '{}' is not a name for bits", f.name, b.name));
      const auto same = [&](const BitName& o) { return o.name == b.name; };
      if (std::ranges::count_if(f.bits, same) != 1) problem(fmt::format("{}: two bits {}", f.name, b.name));
    }
    for (const std::uint64_t v : f.interesting)
      if ((v & ~ones(f.width)) != 0) problem(fmt::format("{}: interesting {:#x} is too wide", f.name, v));
  }

  void lists() {
    for (const ByteArea& a : schema_.areas) {
      name("area", a.name);
      id("area", a.id);
    }
    for (const OperationKind& o : schema_.operations) {
      name("operation", o.name);
      id("operation", o.opcode);
      if (o.args > kMaxOperationArgs) problem(fmt::format("operation {} has {} arguments", o.name, o.args));
    }
  }

  void profile(const ProfileSpec& p) {
    name("profile", p.name);
    for (const Capability& c : p.values) {
      const auto at = [&](const Field& f) { return c.slot >= f.slot && c.slot < f.slot + f.count; };
      const auto f = std::ranges::find_if(schema_.fields, at);
      if (f == schema_.fields.end() || f->role != Role::Capability)
        problem(fmt::format("profile {} sets slot {}, which is no capability", p.name, c.slot));
      else if ((c.value & ~ones(f->width)) != 0)
        problem(fmt::format("profile {}: {} = {:#x} is too wide", p.name, f->name, c.value));
    }
  }

  // Golden is a function of capabilities and context alone, writes everything else, and only values that fit.
  void golden() {
    Rng rng(1);
    for (int i = 0; i < kGoldenTrials && problems_.empty(); ++i) {
      Case c = golden_case(schema_, static_cast<std::uint16_t>(rng.below(schema_.profiles.size())));
      if (i % 2 == 1) randomise(rng, c, false);
      const auto expected = golden_values(c);
      randomise(rng, c, true);
      reset_to_golden(c);
      if (c.v != expected) problem("golden reads or keeps what is not capability or context, or writes those");
      if (!is_valid(c)) problem("golden writes values that do not fit their fields");
    }
  }

  void randomise(Rng& rng, Case& c, bool baseline_roles) {
    for (const Field& f : schema_.fields)
      for (unsigned i = 0; i < f.count; ++i)
        if (is_baseline_role(f.role) == baseline_roles) c.v[f.slot + i] = rng.next() & ones(f.width);
  }

  const Schema& schema_;
  std::vector<std::string> problems_;
  std::set<std::string> names_;
};

}  // namespace

std::vector<std::string> schema_problems(const Schema& schema) { return Checker(schema).run(); }

}  // namespace diffvisor
