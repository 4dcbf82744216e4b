// SPDX-License-Identifier: Apache-2.0
#include "models/svm/kvm/kvm_model.h"

#include <optional>

#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/outcome.h"
#include "models/svm/arch.h"
#include "models/svm/arch_rules.h"
#include "models/svm/kvm/kvm_rules.h"
#include "models/svm/kvm/vmcb02.h"
#include "models/svm/terms.h"

namespace diffvisor::svm {
namespace {

using rules::Kind;
using rules::Rule;
using rules::RuleSet;
using rules::Survey;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

Observation observation(const std::uint64_t* v, Outcome outcome) {
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome;
  fill_record(v, o);
  return o;
}

// KVM saves EFER as it keeps it for the vCPU: LMA is what the VMCB said, and not computed.
void save_efer(const std::uint64_t* v, Observation& o) {
  if (!o.defined.test(kExitEfer)) return;
  const bool paging = (v[Cr0] >> cr0::PG & 1) != 0, lme = (v[Efer] >> efer::LME & 1) != 0;
  o.record[kExitEfer] = lme && !paging ? v[Efer] & ~bit(efer::LMA) : v[Efer];
}

std::optional<KvmRuling> software(const std::uint64_t* v, const rules::EditedRules& table) {
  const auto row = models::deciding_row(table, v);
  if (!row) return std::nullopt;
  const Rule& rule = table.set().rows[*row];
  return KvmRuling{KvmStage::Software, *row,
                   rule.kind == Kind::Limit ? incomparable(rule.id) : observation(v, table.outcome(*row))};
}

// The processor's failure is reflected to L1 as it is.
std::optional<KvmRuling> processor(const std::uint64_t* v) {
  const RuleSet& arch = arch_rules();
  Survey s;
  arch.survey(merge_vmcb02(v).data(), s);
  const auto row = models::first_row(arch, s.broken, [](const Rule& r) { return r.kind == Kind::Check; });
  if (!row) return std::nullopt;
  return KvmRuling{KvmStage::Processor, *row, observation(v, arch.rows[*row].outcome)};
}

// The first exit is that of the manual's table. Where a limit of the reference leaves open what L2 does, it is still
// certain that VMRUN was accepted.
KvmRuling entered_guest(const std::uint64_t* v) {
  const RuleSet& arch = arch_rules();
  Survey s;
  arch.survey(as_l2_runs(v).data(), s);
  const auto open = models::first_row(
      arch, s.broken, [](const Rule& r) { return r.kind == Kind::Limit && r.phase >= arch::kSuccessLimitPhase; });
  if (open) return {KvmStage::Entered, *open, observation(v, kEntered)};
  const auto row = models::first_row(arch, s.broken, [](const Rule& r) { return r.kind == Kind::Exit; });
  KvmRuling r{KvmStage::Entered, *row, observation(v, arch.rows[*row].outcome)};
  save_efer(v, r.seen);
  return r;
}

}  // namespace

KvmModel::KvmModel(const KvmKernel& kernel)
    : KvmExecutor("svm.kvm", kernel.version), table_(kvm_rules(), kernel.edits) {}

KvmRuling KvmModel::ruling(const Case& c) const {
  const std::uint64_t* v = c.v.data();
  if (const auto stopped = software(v, table_)) return *stopped;
  if (const auto refused = processor(v)) return *refused;
  return entered_guest(v);
}

}  // namespace diffvisor::svm
