// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/plainer.h"

namespace diffvisor::campaign {

Result<bool> Plainer::take(std::vector<Case> cases, const Accept& accept, Case& c, Divergent& shown) const {
  for (Case& candidate : cases) {
    if (domain_->normalise != nullptr) domain_->normalise(candidate.v.data());
    auto d = judged_(candidate);
    if (!d) return tl::unexpected(d.error());
    if (!*d || (*d)->seen.status != shown.seen.status || !accept(**d)) continue;
    c = std::move(candidate);
    shown = std::move(**d);
    return true;
  }
  return false;
}

// Whatever differs at the beginning is the reason for what differs later.
Result<bool> Plainer::take_beginning(Case& c, Divergent& shown) const {
  if (domain_->behaviour->beginnings == nullptr) return false;
  return take(
      domain_->behaviour->beginnings(c), [](const Divergent&) { return true; }, c, shown);
}

Result<bool> Plainer::take_fewer_steps(Case& c, Divergent& shown) const {
  if (domain_->behaviour->without_a_step == nullptr) return false;
  const auto in = shown.differs_in;
  return take(
      domain_->behaviour->without_a_step(c), [&](const Divergent& d) { return d.differs_in == in; }, c, shown);
}

Result<bool> Plainer::take_stand_in(Case& c, Divergent& shown) const {
  if (domain_->behaviour->stand_ins == nullptr || shown.seen.status != Status::Ran) return false;
  const Observation seen = shown.seen, reference = shown.reference;
  const auto alike = [&](const Divergent& d) {
    return domain_->behaviour->alike(reference, seen, d.reference, d.seen);
  };
  return take(domain_->behaviour->stand_ins(c), alike, c, shown);
}

// Where no check stops it, the instruction itself shows what is wrong with it.
Result<bool> Plainer::take_unchecked(Case& c, Divergent& shown) const {
  if (domain_->behaviour->unchecked == nullptr || !shown.explanation.by_access) return false;
  const std::string subject = shown.explanation.subject;
  const auto is_its_own = [&](const Divergent& d) {
    return d.explanation.subject == subject && !d.explanation.by_access && !d.explanation.shared;
  };
  return take(domain_->behaviour->unchecked(c), is_its_own, c, shown);
}

Result<Case> Plainer::plainest(Case c, Divergent& shown) const {
  if (domain_->behaviour == nullptr) return c;
  using Step = Result<bool> (Plainer::*)(Case&, Divergent&) const;
  for (const Step step :
       {&Plainer::take_beginning, &Plainer::take_fewer_steps, &Plainer::take_stand_in, &Plainer::take_unchecked})
    for (bool again = true; again;) {
      const auto took = (this->*step)(c, shown);
      if (!took) return tl::unexpected(took.error());
      again = *took && step != &Plainer::take_beginning;
    }
  return c;
}

}  // namespace diffvisor::campaign
