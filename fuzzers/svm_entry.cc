// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/svm_entry.h"

#include <array>

#include "fuzzers/agent_domain.h"
#include "fuzzers/svm_vectors.h"
#include "harness/arch/svm/schema.h"
#include "models/svm/arch.h"
#include "models/svm/arch_rules.h"
#include "models/svm/kvm/kvm_quirks.h"
#include "models/svm/quirks.h"
#include "models/svm/rule_notes.h"
#include "oracles/agent/svm_entry_codec.h"

namespace diffvisor {
namespace {

constexpr std::array kRecord = {
    RecordField{"exit_code", 64},     RecordField{"exit_info_1", 64}, RecordField{"exit_info_2", 64},
    RecordField{"exit_int_info", 64}, RecordField{"rip", 64},         RecordField{"rflags", 64},
    RecordField{"efer", 64},          RecordField{"cpl", 8},          RecordField{"ds_base", 64},
};
static_assert(kRecord.size() == svm::kRecordSlots);

// All checks fail alike.
bool same_family(rules::Outcome, rules::Outcome) { return false; }

constexpr ObservationSchema kObservation = {
    kRecord, &svm::outcome_text, &svm::outcome_word, &svm::outcome_matches, &svm::parse_outcome, &same_family};

// Choices that decide which checks and which paths matter; random states keep them.
constexpr std::array kModes = {
    rules::bits(svm::NestedCtl, svm::nested_ctl::NP, svm::nested_ctl::NP),
    rules::bits(svm::Cr0, svm::cr0::PE, svm::cr0::PE),
    rules::bits(svm::Cr0, svm::cr0::PG, svm::cr0::PG),
    rules::bits(svm::Cr4, svm::cr4::PAE, svm::cr4::PAE),
    rules::bits(svm::Efer, svm::efer::LME, svm::efer::LME),
    rules::bits(svm::Efer, svm::efer::LMA, svm::efer::LMA),
    rules::bits(svm::Rflags, svm::rflags::VM, svm::rflags::VM),
    rules::bits(svm::CsAttr, svm::attr::DB, svm::attr::L),
    rules::bits(svm::Eventinj, svm::eventinj::V, svm::eventinj::V),
    rules::bits(svm::Eventinj, 10, 8),
};

constexpr std::string_view kExecutors[] = {"svm.arch", "svm.kvm", "bochs", "qemu", "kvm"};
constexpr std::span<const std::string_view> kModels(kExecutors, 2), kByDefault(kExecutors, 4);

const Domain& domain() {
  static const Domain d = [] {
    Domain x;
    x.name = "svm_entry";
    x.summary = "VMRUN: every consistency check of APM 2 chapter 15, and the first #VMEXIT";
    x.schema = &svm::schema();
    x.observation = &kObservation;
    x.rules = &svm::arch_rules();
    x.normalise = &svm::settle_facts;
    x.modes = kModes;
    add_notes(x, svm::rule_notes());
    x.reference = "svm.arch";
    x.model_version = svm::kArchVersion;
    return x;
  }();
  return d;
}

Result<std::unique_ptr<Executor>> make_executor(const ExecutorRequest& r) {
  const std::vector<rules::RowEdit> edits = edits_of(r);
  if (r.name == "svm.arch") return std::make_unique<svm::ArchModel>(edits);
  if (r.name == "svm.kvm") {
    const bool old = r.quirk != nullptr && r.quirk->includes(svm::kKvm2021);
    return std::make_unique<svm::KvmModel>(old ? svm::kvm_2021() : svm::KvmKernel{.version = "6.1", .edits = edits});
  }
  return make_oracle(r, agent::svm_entry_codec());
}

std::vector<Quirk> quirks() {
  std::vector<Quirk> out;
  for (svm::Quirk& q : svm::named_quirks()) out.push_back(quirk_of(std::move(q), "svm.arch"));
  for (svm::Quirk& q : svm::named_kvm_quirks()) out.push_back(quirk_of(std::move(q), "svm.kvm"));
  return out;
}

}  // namespace

const DomainEntry& svm_entry() {
  static const DomainEntry entry{&domain(),      kExecutors, kByDefault, kModels,
                                 &make_executor, &quirks,    {},         &svm_vectors()};
  return entry;
}

}  // namespace diffvisor
