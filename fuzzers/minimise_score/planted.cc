// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/minimise_score/planted.h"

#include <fmt/format.h>

#include "fuzzers/known_embedded.h"
#include "harness/base/check.h"

namespace diffvisor::minimise_score {
namespace {

// Counts what the executor behind it runs.
class Counted final : public Executor {
 public:
  Counted(std::unique_ptr<Executor> behind, std::uint64_t& runs) : behind_(std::move(behind)), runs_(&runs) {}
  const ExecutorInfo& info() const override { return behind_->info(); }
  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    *runs_ += cases.size();
    behind_->submit(cases, out);
  }
  Result<void> collect() override { return behind_->collect(); }

 private:
  std::unique_ptr<Executor> behind_;
  std::uint64_t* runs_;
};

std::vector<compare::Known> known(const Domain& domain) {
  std::vector<compare::Known> out;
  for (const EmbeddedKnown& k : embedded_known()) CHECK(compare::parse_known(k.text, k.name, domain, out));
  return out;
}

}  // namespace

Planted::Planted(const DomainEntry& entry, Quirk quirk)
    : entry_(&entry), quirk_(std::move(quirk)), judge_(*entry.domain, known(*entry.domain)) {}

Result<std::unique_ptr<Planted>> Planted::make(const DomainEntry& entry, Quirk quirk) {
  std::unique_ptr<Planted> p(new Planted(entry, std::move(quirk)));
  if (entry.domain->rules->rows.empty())
    if (auto done = p->start(entry.domain->reference, nullptr); !done) return tl::unexpected(done.error());
  if (auto done = p->start(p->quirk_.executor, &p->quirk_); !done) return tl::unexpected(done.error());
  p->executors_.back() = std::make_unique<Counted>(std::move(p->executors_.back()), p->runs_);
  return p;
}

Result<void> Planted::start(std::string_view name, const Quirk* quirk) {
  ExecutorRequest request;
  request.name = name;
  request.profile = domain().schema->profiles[0].name;
  request.quirk = quirk;
  auto made = entry_->make_executor(request);
  if (!made) return tl::unexpected(made.error());
  judge_.add_executor((*made)->info());
  executors_.push_back(std::move(*made));
  return {};
}

std::vector<Executor*> Planted::executors() const {
  std::vector<Executor*> out;
  for (const auto& e : executors_) out.push_back(e.get());
  return out;
}

void Planted::normalise(Case& c) const {
  if (domain().normalise != nullptr) domain().normalise(c.v.data());
}

Observation Planted::run(const Case& c) {
  const auto seen = run_one(*executors_[tested()], c);
  CHECK(seen);
  return *seen;
}

std::optional<compare::Explanation> Planted::explanation(const Case& c) {
  const compare::Reading r = judge_.read(c);
  if (!judge_.refusal(c, r, tested()).empty()) return std::nullopt;
  const Observation seen = run(c);
  Observation reference;
  const Observation* against = nullptr;
  if (domain().rules->rows.empty()) {
    const auto o = run_one(*executors_[0], c);
    CHECK(o);
    reference = *o;
    against = &reference;
  }
  const compare::VerdictKind kind = judge_.verdict(c, r, tested(), seen, against);
  if (kind != compare::VerdictKind::Divergence && kind != compare::VerdictKind::ExecutorDied) return std::nullopt;
  compare::Explanation x = compare::explain_new(judge_, tested(), quirk_.executor, c, r, seen, against);
  if (x.difference == compare::Difference::Rejects) x.bucket = "rejects " + observation_text(domain(), seen);
  return x;
}

std::string Planted::bucket(const Case& c) {
  const auto x = explanation(c);
  return x ? x->bucket : "";
}

}  // namespace diffvisor::minimise_score
