// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/probe.h"

#include <algorithm>
#include <bit>

namespace diffvisor::campaign {
namespace {

constexpr std::size_t kMostAtOnce = 256;
constexpr std::uint64_t kWhole = ~std::uint64_t{0};
constexpr int kEnumeration = 4, kNumber = 8;  // bits

std::uint64_t bits_of(const BitName& n) {
  const unsigned width = n.hi - n.lo + 1u;
  return (width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1) << n.lo;
}

// Golden's value in the bits of `mask`.
void put_back(Case& c, const std::array<std::uint64_t, kMaxSlots>& golden, const Part& p) {
  c.v[p.slot] = (c.v[p.slot] & ~p.mask) | (golden[p.slot] & p.mask);
}

// A small number means something as a whole, whichever of its bits differ.
std::vector<Part> in_pieces(std::vector<Part> parts, const Schema& schema) {
  for (Part& p : parts)
    for (const BitName& n : field_of_slot(schema, p.slot).bits)
      if (n.hi - n.lo < kNumber && p.mask != kWhole && (p.mask & bits_of(n)) != 0) p.mask |= bits_of(n);
  return parts;
}

// Small numbers of a field: the type of the event that a valid bit makes one, even where no single bit of it matters.
std::uint64_t numbers_of(const Field& f) {
  std::uint64_t mask = 0;
  for (const BitName& n : f.bits)
    if (n.hi > n.lo && n.hi - n.lo < kNumber) mask |= bits_of(n);
  return mask;
}

bool passes(const Domain& domain, const compare::Reading& r) {
  bool all = true;
  r.ruling.deciders.each([&](std::size_t i) { all &= domain.rules->rows[i].kind == rules::Kind::Exit; });
  return all;
}

}  // namespace

std::vector<Part> parts_of(const Case& c) {
  const auto golden = golden_values(c);
  std::vector<Part> out;
  for (const Field& f : c.schema->fields) {
    if (!is_baseline_role(f.role)) continue;
    for (unsigned i = 0; i < f.count; ++i) {
      const auto slot = static_cast<Slot>(f.slot + i);
      std::uint64_t x = c.v[slot] ^ golden[slot];
      if (x != 0 && f.bits.empty()) out.push_back({slot, kWhole});
      for (; x != 0 && !f.bits.empty(); x &= x - 1) out.push_back({slot, x & (0 - x)});
    }
  }
  return out;
}

bool contains(const Case& c, const Case& other) { return keeps(c, other, in_pieces(parts_of(other), *c.schema)); }

bool keeps(const Case& c, const Case& from, std::span<const Part> parts) {
  const auto golden = golden_values(c);
  return std::ranges::all_of(parts, [&](const Part& p) {
    const bool whole = p.mask == kWhole;
    return whole ? c.v[p.slot] != golden[p.slot] : ((c.v[p.slot] ^ from.v[p.slot]) & p.mask) == 0;
  });
}

Case without(const Case& c, std::span<const Part> parts) {
  const auto golden = golden_values(c);
  Case out = c;
  for (const Part& p : parts) put_back(out, golden, p);
  return out;
}

Result<std::vector<Answer>> Probe::ask(std::vector<Case> cases) const {
  std::vector<Observation> seen(cases.size());
  std::vector<compare::Reading> readings(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (domain_->normalise != nullptr) domain_->normalise(cases[i].v.data());
    readings[i] = judge_->read(cases[i]);
    if (const auto why = judge_->refusal(cases[i], readings[i], index_); !why.empty()) seen[i] = incomparable(why);
  }
  for (std::size_t at = 0; at < cases.size(); at += kMostAtOnce) {
    const std::size_t n = std::min(kMostAtOnce, cases.size() - at);
    executor_->submit(std::span(cases).subspan(at, n), std::span(seen).subspan(at, n));
    if (auto done = executor_->collect(); !done) return tl::unexpected(done.error());
  }
  std::vector<Answer> out(cases.size(), Answer::Else);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (seen[i].status != Status::Ran) continue;
    const bool differs =
        judge_->verdict(cases[i], readings[i], index_, seen[i], nullptr) == compare::VerdictKind::Divergence;
    if (!differs)
      out[i] = passes(*domain_, readings[i]) ? Answer::Passes : Answer::Agrees;
    else if (seen[i].outcome == outcome_)
      out[i] = Answer::Same;
  }
  return out;
}

Result<std::vector<Part>> Probe::what_matters(const Case& c) const {
  // First whole slots, of which a random state has hundreds, then the bits of those that matter.
  const std::vector<Part> all = parts_of(c);
  std::vector<Part> slots;
  for (const Part& p : all)
    if (slots.empty() || slots.back().slot != p.slot) slots.push_back({p.slot, kWhole});
  const auto needed = [&](const std::vector<Part>& parts) -> Result<std::vector<Part>> {
    std::vector<Case> cases;
    for (const Part& p : parts) cases.push_back(without(c, {&p, 1}));
    const auto answers = ask(std::move(cases));
    if (!answers) return tl::unexpected(answers.error());
    std::vector<Part> out;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if ((*answers)[i] == Answer::Passes) out.push_back(parts[i]);
    return out;
  };
  auto coarse = needed(slots);
  if (!coarse) return coarse;
  std::vector<Part> bits;
  for (const Part& p : all)
    if (p.mask != kWhole && std::ranges::find(*coarse, p.slot, &Part::slot) != coarse->end()) bits.push_back(p);
  const auto fine = needed(bits);
  if (!fine) return fine;
  std::vector<Part> out = *fine;
  for (const Part& p : *coarse)
    if (std::ranges::find(out, p.slot, &Part::slot) == out.end()) out.push_back(p);
  for (Part& p : out) p.mask |= numbers_of(field_of_slot(*c.schema, p.slot));
  return out;
}

Case Probe::reduced_to(const Case& c, std::span<const Part> parts) {
  if (parts.empty()) return c;
  Case out = c;
  reset_to_golden(out);
  for (const Part& p : parts) out.v[p.slot] = (out.v[p.slot] & ~p.mask) | (c.v[p.slot] & p.mask);
  return out;
}

std::vector<Probe::Piece> Probe::pieces_of(const Case& c) {
  const auto golden = golden_values(c);
  std::vector<Piece> out;
  for (const Field& f : c.schema->fields) {
    if (!is_baseline_role(f.role)) continue;
    for (unsigned i = 0; i < f.count; ++i)
      for (const BitName& n : f.bits) {
        const auto slot = static_cast<Slot>(f.slot + i);
        const int width = n.hi - n.lo + 1;
        if (width > 1 && width <= kNumber && ((c.v[slot] ^ golden[slot]) & bits_of(n)) != 0)
          out.push_back({slot, n.lo, static_cast<std::uint8_t>(width)});
      }
  }
  return out;
}

// How each bit of the field outside the piece matters.
Result<std::vector<Answer>> Probe::response(const Case& c, const Piece& p) const {
  const Field& f = field_of_slot(*c.schema, p.slot);
  std::vector<Case> cases;
  for (unsigned bit = 0; bit < f.width; ++bit) {
    if (bit >= p.lo && bit < unsigned{p.lo} + p.width) continue;
    cases.push_back(c);
    cases.back().v[p.slot] ^= std::uint64_t{1} << bit;
  }
  return ask(std::move(cases));
}

Result<std::vector<std::uint64_t>> Probe::refused_alike(const Case& c, const Piece& p) const {
  const std::uint64_t values = std::uint64_t{1} << p.width, mask = (values - 1) << p.lo;
  const std::uint64_t now = (c.v[p.slot] & mask) >> p.lo;
  const auto with = [&](std::uint64_t value) {
    Case out = c;
    out.v[p.slot] = (c.v[p.slot] & ~mask) | value << p.lo;
    return out;
  };
  std::vector<Case> cases;
  for (std::uint64_t v = 0; v < values; ++v) cases.push_back(with(v));
  const auto answers = ask(std::move(cases));
  if (!answers) return tl::unexpected(answers.error());
  const auto refused = [&](std::uint64_t v) { return (*answers)[v] == Answer::Same; };
  std::vector<std::uint64_t> out = {now};
  if (p.width > kEnumeration) {
    for (std::uint64_t v = now; v > 0 && refused(v - 1); --v) out.push_back(v - 1);
    for (std::uint64_t v = now + 1; v < values && refused(v); ++v) out.push_back(v);
    return out;
  }
  const auto mine = response(c, p);
  if (!mine) return tl::unexpected(mine.error());
  for (std::uint64_t v = 0; v < values; ++v) {
    if (v == now || !refused(v)) continue;
    const auto its = response(with(v), p);
    if (!its) return tl::unexpected(its.error());
    if (*its == *mine) out.push_back(v);
  }
  return out;
}

Result<Case> Probe::canonical(const Case& c) const {
  const auto golden = golden_values(c);
  Case out = c;
  for (const Piece& p : pieces_of(c)) {
    const auto alike = refused_alike(out, p);
    if (!alike) return tl::unexpected(alike.error());
    const std::uint64_t plain = golden[p.slot] >> p.lo & ((std::uint64_t{1} << p.width) - 1);
    const std::uint64_t best = *std::ranges::min_element(
        *alike, {}, [&](std::uint64_t v) { return std::pair(std::popcount(v ^ plain), v ^ plain); });
    const std::uint64_t mask = ((std::uint64_t{1} << p.width) - 1) << p.lo;
    Case next = out;
    next.v[p.slot] = (out.v[p.slot] & ~mask) | best << p.lo;
    if (domain_->normalise != nullptr) domain_->normalise(next.v.data());
    out = std::move(next);
  }
  return out;
}

}  // namespace diffvisor::campaign
