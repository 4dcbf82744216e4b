// SPDX-License-Identifier: Apache-2.0
#include "models/svm/kvm/kvm_rules.h"

#include <algorithm>
#include <array>

#include "harness/rules/compile.h"
#include "models/def_rows.h"
#include "models/svm/kvm/kvm_expr.h"

namespace diffvisor::svm {
namespace {

using rules::Kind;
using rules::Rule;

constexpr const char* kHardware = "APM 2 15.5, 15.9";
constexpr const char* kPermissions = "svm/nested.c nested_svm_check_permissions";
constexpr const char* kRun = "svm/nested.c nested_svm_vmrun";
constexpr const char* kSave = "svm/nested.c __nested_vmcb_check_save";
constexpr const char* kControls = "svm/nested.c __nested_vmcb_check_controls";
constexpr const char* kLoadCr3 = "svm/nested.c nested_svm_load_cr3";
constexpr const char* kMergeMsrpm = "svm/nested.c nested_svm_vmrun_msrpm";

constexpr Outcome kUd = make_outcome(OutcomeKind::InvalidOpcode);
constexpr Outcome kGp = make_outcome(OutcomeKind::GeneralProtection);
constexpr Outcome kNobodyKnows = make_outcome(OutcomeKind::Unjudged);

constexpr auto make_rows() {
  using namespace kvm;
  return std::to_array<Rule>({
#define ROW(place, id, section, outcome, when, must, specs) \
  Rule{id, section, Kind::Check, place, 0, outcome, when, must},
#define LIMIT(place, id, section, when, must, specs) Rule{id, section, Kind::Limit, place, 0, kNobodyKnows, when, must},
#include "models/svm/kvm/kvm_rows.def"
#undef ROW
#undef LIMIT
  });
}

constexpr auto kRows = make_rows();
static_assert(std::ranges::is_sorted(kRows, {}, &Rule::phase));

constexpr auto kNotes = std::to_array<models::KvmRowNote>({
#define ROW(place, id, section, outcome, when, must, specs) {place, specs},
#define LIMIT(place, id, section, when, must, specs) {place, specs},
#include "models/svm/kvm/kvm_rows.def"
#undef ROW
#undef LIMIT
});
static_assert(kNotes.size() == kRows.size());

constexpr rules::RuleSet kSet = rules::make_rule_set<kRows, arch::kConditions>();

constexpr auto kClaims = std::to_array<rules::Claim>({
    {"kvm.run.cpl", "kvm.hardware.cpl", "the processor raises #GP before the intercept"},
    {"kvm.save.efer.long_mode", "kvm.save.efer.offered", "without long mode neither bit is offered"},
});

constexpr auto kExceptions = std::to_array<models::KvmException>({
#include "models/svm/kvm/kvm_exceptions.def"
});

constexpr models::KvmTable kTable = {&kSet, kNotes, kClaims, kExceptions};

}  // namespace

const rules::RuleSet& kvm_rules() { return kSet; }
const models::KvmTable& kvm_table() { return kTable; }

}  // namespace diffvisor::svm
