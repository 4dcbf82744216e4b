// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/pairs.h"

#include "harness/rules/interpret.h"

namespace diffvisor::campaign {

PairWatch::PairWatch(const Domain& domain) : domain_(&domain), reads_(domain.rules->rows.size()) {
  for (const Field& f : domain.schema->fields)
    for (unsigned i = 0; i < f.count; ++i) facts_[f.slot + i] = f.role == Role::Fact ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < reads_.size(); ++i) {
    rules::add_bits_read(domain.rules->rows[i].when, reads_[i]);
    rules::add_bits_read(domain.rules->rows[i].must, reads_[i]);
  }
}

std::optional<std::size_t> PairWatch::broken_alone(const compare::Reading& r) const {
  std::size_t rule = 0;
  r.ruling.deciders.each([&](std::size_t i) { rule = i; });
  if (r.ruling.deciders.count() != 1 || domain_->rules->rows[rule].kind != rules::Kind::Check) return std::nullopt;
  return rule;
}

bool PairWatch::differ_only_in(const Case& a, const Case& b, std::size_t rule) const {
  for (std::size_t s = 0; s < kMaxSlots; ++s)
    if (((a.v[s] ^ b.v[s]) & ~reads_[rule][s] & ~facts_[s]) != 0) return false;
  return true;
}

std::optional<std::size_t> PairWatch::confirms(const Committed& now, std::size_t e) const {
  if (now.index % 2 == 0 || now.index != index_ + 1 || !agreed_[e]) return std::nullopt;
  if (now.verdicts[e].kind != compare::VerdictKind::Agree) return std::nullopt;
  const auto rule = broken_alone(now.reading);
  if (!rule || phase_before_ <= domain_->rules->rows[*rule].phase || !differ_only_in(before_, now.c, *rule))
    return std::nullopt;
  return rule;
}

void PairWatch::remember(const Committed& k) {
  if (k.index % 2 == 1) return;
  index_ = k.index;
  phase_before_ = k.reading.ruling.phase;
  before_ = k.c;
  agreed_.assign(k.seen.size(), false);
  for (std::size_t e = 0; e < k.seen.size(); ++e) agreed_[e] = k.verdicts[e].kind == compare::VerdictKind::Agree;
}

}  // namespace diffvisor::campaign
