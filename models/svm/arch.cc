// SPDX-License-Identifier: Apache-2.0
#include "models/svm/arch.h"

#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/outcome.h"
#include "harness/base/bits.h"
#include "models/svm/arch_rules.h"
#include "models/svm/rule_notes.h"

namespace diffvisor::svm {
namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kRflagsDefined = 0x3f7fd7;  // without bit 1, which reads 1

// EFER.LMA is computed, whatever the VMCB says.
std::uint64_t efer_in_use(const std::uint64_t* v) {
  const bool active = (v[Efer] >> efer::LME & 1) != 0 && (v[Cr0] >> cr0::PG & 1) != 0;
  return (v[Efer] & ~bit(efer::LMA)) | (active ? bit(efer::LMA) : 0);
}

// Nothing of the guest ran: what the exit saves is what VMRUN loaded. Not after an injection.
void fill_loaded(const std::uint64_t* v, Observation& o) {
  set(o, kExitRip, v[Rip]);
  set(o, kExitRflags, (v[Rflags] & kRflagsDefined) | 2);
  set(o, kExitEfer, efer_in_use(v));
  set(o, kExitDsBase, sign_extend(v[DsBase], v[CapLinearWidth]));
  if ((v[Cr0] >> cr0::PE & 1) != 0 && (v[Rflags] >> rflags::VM & 1) == 0) set(o, kExitCpl, v[Cpl] & 3);
}

}  // namespace

void fill_record(const std::uint64_t* v, Observation& o) {
  switch (kind_of(o.outcome)) {
    case OutcomeKind::Entered:
      if (o.outcome == kEntered) break;
      set(o, kExitCode, number_of(o.outcome));
      if ((v[Eventinj] >> eventinj::V & 1) == 0) fill_loaded(v, o);
      break;
    case OutcomeKind::Invalid:
      set(o, kExitCode, kInvalidExitCode);
      break;
    case OutcomeKind::InvalidOpcode:
    case OutcomeKind::GeneralProtection:
    case OutcomeKind::Unjudged:
      break;
  }
}

const ModelTable& arch_table() {
  static constexpr ModelTable kTable = {"svm.arch", kArchVersion, &arch_rules, &fill_record};
  return kTable;
}

}  // namespace diffvisor::svm
