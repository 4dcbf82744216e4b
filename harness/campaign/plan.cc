// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/plan.h"

#include <algorithm>

#include "harness/mutate/standard.h"
#include "harness/rules/interpret.h"

namespace diffvisor::campaign {
namespace {

constexpr std::size_t kBases = 192;
constexpr unsigned kAttempts = 6;
// With the modes locked repair succeeds soon or never: of the random states for which it does 97 % are whole by then.
constexpr unsigned kPassesWithModes = 16;
constexpr std::uint64_t kLongLists = 16;  // one random state in so many has lists of any length
constexpr std::uint64_t kShortList = 7;

// What the sixteen pairs of a cycle do. Half of all cases break exactly one rule or show its valid twin.
constexpr std::array kCycle = {
    Strategy::BreakOne, Strategy::MutateGolden, Strategy::BreakOne, Strategy::SatisfyRandom,
    Strategy::BreakOne, Strategy::Boundary,     Strategy::BreakOne, Strategy::BreakTwo,
    Strategy::BreakOne, Strategy::FlipValid,    Strategy::BreakOne, Strategy::Boundary,
    Strategy::BreakOne, Strategy::MutateGolden, Strategy::BreakOne, Strategy::Splice,
};
constexpr std::uint64_t kBreakOnePerCycle = 8;
constexpr std::uint64_t kBoundaryPerCycle = 4;  // indices, not pairs

// A value from the edges as often as from the middle.
std::uint64_t random_value(Rng& rng, std::uint64_t golden, unsigned width) {
  switch (rng.below(8)) {
    case 0:
      return golden;
    case 1:
      return 0;
    case 2:
      return std::uint64_t{1} << rng.below(width);
    case 3:
      return ones(static_cast<unsigned>(rng.below(width + 1)));
    case 4:
      return golden ^ std::uint64_t{1} << rng.below(width);
    default:
      return rng.next();
  }
}

// Bits that an unconditional subset or cover of a capability fixes: locked before anything else is repaired.
void lock_fixed_bits(const Domain& d, const std::uint64_t* v, rules::Locks& locks) {
  for (const rules::Rule& r : d.rules->rows) {
    const rules::Node& n = r.must.root();
    if (r.kind != rules::Kind::Check || !rules::is_always(r.when)) continue;
    if (n.op != rules::Op::SubsetOf && n.op != rules::Op::Covers) continue;
    if (field_of_slot(*d.schema, n.b.slot).role != Role::Capability) continue;
    const std::uint64_t cap = v[n.b.slot] >> n.b.lo & ones(n.b.n);
    const std::uint64_t fixed = n.op == rules::Op::Covers ? cap & ~n.c : ~(cap | n.c) & ones(n.a.n);
    locks[n.a.slot] |= fixed << n.a.lo;
  }
}

void shorten_lists(const Domain& d, Rng& rng, std::uint64_t* v, rules::Locks& locks) {
  for (const Slot s : d.lengths) {
    v[s] = rng.one_in(2) ? 0 : rng.below(kShortList + 1);
    locks[s] |= ~kShortList;
  }
}

bool is_consistent(const Domain& d, const std::uint64_t* v) {
  for (const rules::Rule& r : d.profile_rules)
    if (rules::holds(r.when, v, d.rules->functions) && !rules::holds(r.must, v, d.rules->functions)) return false;
  return true;
}

}  // namespace

std::string_view strategy_name(Strategy s) {
  switch (s) {
    case Strategy::BreakOne:
      return "break_one";
    case Strategy::MutateGolden:
      return "mutate_golden";
    case Strategy::SatisfyRandom:
      return "satisfy_random";
    case Strategy::FlipValid:
      return "flip_valid";
    case Strategy::BreakTwo:
      return "break_two";
    case Strategy::Boundary:
      return "boundary";
    case Strategy::Splice:
      return "splice";
    case Strategy::VaryProfile:
      return "vary_profile";
  }
  return "";
}

Plan::Plan(const Domain& domain, PlanOptions options)
    : domain_(&domain),
      options_(std::move(options)),
      golden_(golden_case(*domain.schema, options_.profile)),
      locks_(rules::base_locks(*domain.schema)),
      short_locks_(locks_),
      facts_(rules::fact_bits(*domain.schema)),
      mutator_(mutate::standard_mutator(*domain.schema)),
      crossover_(mutate::standard_crossover(*domain.schema)) {
  for (const Slot s : domain.lengths) short_locks_[s] |= ~kShortList;
  for (Slot s = 0; s < domain.schema->slots; ++s) fields_.push_back(&field_of_slot(*domain.schema, s));
  for (std::size_t i = 0; i < domain.rules->rows.size(); ++i)
    if (domain.rules->rows[i].kind == rules::Kind::Check) breakable_.push_back(i);
  rules::Locks read{};
  for (const rules::Rule& r : domain.rules->rows) {
    rules::add_bits_read(r.when, read);
    rules::add_bits_read(r.must, read);
  }
  for (Slot s = 0; s < domain.schema->slots; ++s) {
    const Role role = field_of_slot(*domain.schema, s).role;
    if (role == Role::State || role == Role::Fact) writable_.push_back(s);
    for (std::uint8_t b = 0; b < 64; ++b)
      if ((read[s] & ~locks_[s]) >> b & 1) bits_read_.push_back({s, b});
  }
  if (breakable_.empty()) return;
  Rng rng(options_.seed, ~std::uint64_t{0});
  for (std::size_t i = 0; i < kBases; ++i) bases_.push_back(random_valid(rng));
}

Case Plan::random_valid(Rng& rng) const {
  Case c = golden_case(*domain_->schema, options_.profile);
  const Case golden = c;
  rules::Locks locks = locks_;
  lock_fixed_bits(*domain_, c.v.data(), locks);
  for (const Slot s : writable_) {
    const std::uint64_t x = random_value(rng, golden.v[s], field(s).width);
    c.v[s] = (c.v[s] & locks[s]) | (x & ~locks[s]);
  }
  if (!rng.one_in(kLongLists)) shorten_lists(*domain_, rng, c.v.data(), locks);
  rules::Locks with_modes = locks;
  for (const rules::Slice& m : domain_->modes) {
    const std::uint64_t mask = ones(m.n) << m.lo & ~with_modes[m.slot];
    c.v[m.slot] = (c.v[m.slot] & ~mask) | (rng.next() & mask);
    with_modes[m.slot] |= mask;
  }
  Case kept = c;
  if (rules::satisfy_all(*domain_->rules, c.v.data(), with_modes, rng, domain_->normalise, {}, kPassesWithModes))
    return c;
  if (rules::satisfy_all(*domain_->rules, kept.v.data(), locks, rng, domain_->normalise)) return kept;
  return golden;
}

Strategy Plan::strategy(std::uint64_t index) const {
  const std::uint64_t pair = index / 2;
  const Strategy s = kCycle[pair % kCycle.size()];
  return s == Strategy::Splice && options_.vary_profile && pair / kCycle.size() % 2 == 0 ? Strategy::VaryProfile : s;
}

void Plan::settle(Case& c) const {
  if (domain_->normalise != nullptr) domain_->normalise(c.v.data());
}

void Plan::make(std::uint64_t index, Case& out) {
  Rng rng(options_.seed, index);
  if (domain_->generate != nullptr) return generate(index, rng, out);
  if (breakable_.empty()) return without_rules(rng, out);
  const std::uint64_t cycle = index / (2 * kCycle.size()), place = index / 2 % kCycle.size();
  switch (strategy(index)) {
    case Strategy::BreakOne:
      break_one(index / 2, index % 2 == 1, out);
      break;
    case Strategy::MutateGolden:
      mutate_golden(rng, out);
      break;
    case Strategy::SatisfyRandom:
      out = random_valid(rng);
      break;
    case Strategy::FlipValid:
      flip_some(rng, 3, out);
      break;
    case Strategy::BreakTwo:
      break_two(rng, out);
      break;
    case Strategy::Boundary:
      boundary(cycle * kBoundaryPerCycle + (place > 8 ? 2 : 0) + index % 2, rng, out);
      break;
    case Strategy::Splice:
      splice(rng, out);
      break;
    case Strategy::VaryProfile:
      vary_profile(rng, out);
      break;
  }
  settle(out);
}

// Assigning the whole case keeps the room that the areas of `out` have.
void Plan::generate(std::uint64_t index, Rng& rng, Case& out) const {
  out = golden_;
  domain_->generate(rng, index, out);
  settle(out);
}

// Golden or a corpus case, mutated a few times; sometimes crossed with another.
void Plan::without_rules(Rng& rng, Case& out) const {
  const Case golden = golden_case(*domain_->schema, options_.profile);
  const auto& corpus = options_.corpus;
  out = corpus.empty() || rng.one_in(2) ? golden : rng.pick(std::span<const Case>(corpus));
  for (auto n = 1 + rng.below(12); n > 0; --n) mutator_(rng, out, corpus.empty() ? golden : corpus.front());
  if (!corpus.empty() && rng.one_in(8)) crossover_(rng, out, rng.pick(std::span<const Case>(corpus)));
  settle(out);
}

void Plan::start_from_valid(Rng& rng, Case& out) const {
  if (rng.one_in(2)) {
    out = rng.pick(std::span<const Case>(bases_));
    return;
  }
  out = golden_case(*domain_->schema, options_.profile);
  for (const Field& f : domain_->schema->fields)
    if (f.role == Role::Context && f.width == 1 && rng.one_in(8)) out.v[f.slot] = 1;
  reset_to_golden(out);
}

void Plan::break_one(std::uint64_t pair, bool broken, Case& out) {
  if (pair != cached_pair_) {
    cached_pair_ = pair;
    const std::uint64_t turn = pair / kCycle.size() * kBreakOnePerCycle + pair % kCycle.size() / 2;
    const std::size_t k = breakable_[turn % breakable_.size()];
    bool found = false;
    for (unsigned attempt = 0; attempt < kAttempts && !found; ++attempt) {
      Rng rng(options_.seed, pair * kAttempts + attempt + (std::uint64_t{1} << 63));
      start_from_valid(rng, cached_broken_);
      const rules::Locks& locks = attempt == 0 && !rng.one_in(kLongLists) ? short_locks_ : locks_;
      found = rules::violate(*domain_->rules, k, cached_broken_.v.data(), locks, rng, domain_->normalise);
      cached_valid_ = cached_broken_;
      found =
          found && rules::mend_only(*domain_->rules, k, cached_valid_.v.data(), locks, facts_, rng, domain_->normalise);
    }
    if (!found) {
      Rng rng(options_.seed, pair);
      mutate_golden(rng, cached_broken_);
      mutate_golden(rng, cached_valid_);
    }
  }
  out = broken ? cached_broken_ : cached_valid_;
}

void Plan::break_two(Rng& rng, Case& out) const {
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    const std::size_t a = breakable_[rng.below(breakable_.size())], b = breakable_[rng.below(breakable_.size())];
    start_from_valid(rng, out);
    const rules::Locks& locks = attempt == 0 && !rng.one_in(kLongLists) ? short_locks_ : locks_;
    if (a != b && rules::violate(*domain_->rules, a, out.v.data(), locks, rng, domain_->normalise, b)) return;
  }
  flip_some(rng, 2, out);
}

void Plan::flip_some(Rng& rng, unsigned most, Case& out) const {
  start_from_valid(rng, out);
  for (auto n = 1 + rng.below(most); n > 0; --n) {
    const BitOf b = bits_read_[rng.below(bits_read_.size())];
    out.v[b.slot] ^= std::uint64_t{1} << b.bit;
  }
}

void Plan::mutate_golden(Rng& rng, Case& out) const {
  out = golden_case(*domain_->schema, options_.profile);
  for (const Field& f : domain_->schema->fields)
    if (f.role == Role::Context && rng.one_in(4)) out.v[f.slot] = std::uint64_t{1} << rng.below(f.width);
  reset_to_golden(out);
  for (auto n = 1 + rng.below(4); n > 0; --n) {
    const Slot s = writable_[rng.below(writable_.size())];
    const Field& f = field(s);
    if (!f.interesting.empty() && rng.one_in(3)) {
      out.v[s] = rng.pick(f.interesting) & ones(f.width);
    } else {
      out.v[s] = random_value(rng, out.v[s], f.width) & ones(f.width);
    }
  }
}

void Plan::boundary(std::uint64_t turn, Rng& rng, Case& out) const {
  start_from_valid(rng, out);
  const BitOf b = bits_read_[turn % bits_read_.size()];
  out.v[b.slot] ^= std::uint64_t{1} << b.bit;
}

void Plan::splice(Rng& rng, Case& out) const {
  start_from_valid(rng, out);
  const auto& corpus = options_.corpus;
  const Case& other = !corpus.empty() && rng.one_in(2) ? rng.pick(std::span<const Case>(corpus))
                                                       : rng.pick(std::span<const Case>(bases_));
  for (auto n = 1 + rng.below(4); n > 0; --n) {
    const std::string_view group = field(writable_[rng.below(writable_.size())]).group;
    for (const Slot s : writable_)
      if (field(s).group == group && rng.one_in(2)) out.v[s] = other.v[s];
  }
  if (rng.one_in(2)) rules::satisfy_all(*domain_->rules, out.v.data(), short_locks_, rng, domain_->normalise, {}, 12);
}

void Plan::vary_profile(Rng& rng, Case& out) const {
  start_from_valid(rng, out);
  for (const Field& f : domain_->schema->fields)
    if (f.role == Role::Capability && rng.one_in(6)) {
      const std::uint64_t before = out.v[f.slot];
      out.v[f.slot] = f.width <= 8 ? rng.below(64) : before ^ std::uint64_t{1} << rng.below(f.width);
      if (!is_consistent(*domain_, out.v.data())) out.v[f.slot] = before;
    }
  rules::satisfy_all(*domain_->rules, out.v.data(), locks_, rng, domain_->normalise, {}, 12);
}

}  // namespace diffvisor::campaign
