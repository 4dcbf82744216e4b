// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vmx_entry.h"

#include <array>

#include "fuzzers/agent_domain.h"
#include "fuzzers/vmx_vectors.h"
#include "harness/arch/vmx/schema.h"
#include "models/vmx/arch.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_2021.h"
#include "models/vmx/kvm/kvm_model.h"
#include "models/vmx/quirks.h"
#include "models/vmx/rule_notes.h"
#include "oracles/agent/vmx_entry_codec.h"

namespace diffvisor {
namespace {

constexpr std::array kRecord = {
    RecordField{"instruction_error", 32},        RecordField{"exit_reason", 32},
    RecordField{"exit_qualification", 64},       RecordField{"exit_intr_info", 32},
    RecordField{"exit_intr_error_code", 32},     RecordField{"idt_vectoring_info", 32},
    RecordField{"idt_vectoring_error_code", 32},
};
static_assert(kRecord.size() == vmx::kRecordSlots);

// A different qualification or error number, or error 7 for 8, is the same defect reported differently.
bool same_family(rules::Outcome a, rules::Outcome b) {
  return vmx::kind_of(a) == vmx::kind_of(b) &&
         (vmx::kind_of(a) == vmx::OutcomeKind::FailGuest || vmx::kind_of(a) == vmx::OutcomeKind::FailValid);
}

constexpr ObservationSchema kObservation = {
    kRecord, &vmx::outcome_text, &vmx::outcome_word, &vmx::outcome_matches, &vmx::parse_outcome, &same_family};

// Choices that decide which checks and which paths matter; random states keep them.
constexpr std::array kModes = {
    rules::bits(vmx::Entry, vmx::entry_ctl::IA32E, vmx::entry_ctl::IA32E),
    rules::bits(vmx::Proc, vmx::proc::SECONDARY, vmx::proc::SECONDARY),
    rules::bits(vmx::Proc2, vmx::proc2::URG, vmx::proc2::URG),
    rules::bits(vmx::Proc2, vmx::proc2::EPT, vmx::proc2::EPT),
    rules::bits(vmx::GuestRflags, vmx::rflags::VM, vmx::rflags::VM),
    rules::bits(vmx::GuestCr0, vmx::cr0::PE, vmx::cr0::PE),
    rules::bits(vmx::GuestCr0, vmx::cr0::PG, vmx::cr0::PG),
    rules::bits(vmx::GuestCr4, vmx::cr4::PAE, vmx::cr4::PAE),
    rules::bits(vmx::ActivityState, 1, 0),
    rules::bits(vmx::EntryIntrInfo, 31, 31),
    rules::bits(vmx::EntryIntrInfo, 10, 8),
};

constexpr std::array kLengths = {Slot{vmx::ExitMsrStoreCount}, Slot{vmx::ExitMsrLoadCount},
                                 Slot{vmx::EntryMsrLoadCount}};

constexpr std::string_view kExecutors[] = {"vmx.arch", "vmx.kvm", "bochs", "kvm"};
constexpr std::span<const std::string_view> kModels(kExecutors, 2), kByDefault(kExecutors, 3);

const Domain& domain() {
  static const Domain d = [] {
    Domain x;
    x.name = "vmx_entry";
    x.summary = "VMLAUNCH and VMRESUME: every check of SDM 3C chapter 29, and the first VM exit";
    x.schema = &vmx::schema();
    x.observation = &kObservation;
    x.rules = &vmx::arch_rules();
    x.normalise = &vmx::settle_facts;
    x.modes = kModes;
    x.lengths = kLengths;
    add_notes(x, vmx::rule_notes());
    x.reference = "vmx.arch";
    x.model_version = vmx::kArchVersion;
    return x;
  }();
  return d;
}

Result<std::unique_ptr<Executor>> make_executor(const ExecutorRequest& r) {
  const std::vector<rules::RowEdit> edits = edits_of(r);
  if (r.name == "vmx.arch") return std::make_unique<vmx::ArchModel>(edits);
  if (r.name == "vmx.kvm") {
    // The kernel of 2021 differs in more than its rows.
    vmx::KvmKernel kernel = r.quirk != nullptr && r.quirk->includes("kvm2021") ? vmx::kvm_2021() : vmx::KvmKernel{};
    kernel.edits = edits;
    return std::make_unique<vmx::KvmModel>(std::move(kernel));
  }
  return make_oracle(r, agent::vmx_entry_codec());
}

std::vector<Quirk> quirks() {
  std::vector<Quirk> out;
  for (vmx::Quirk& q : vmx::named_quirks())
    out.push_back(quirk_of(std::move(q), q.model == vmx::QuirkModel::Arch ? "vmx.arch" : "vmx.kvm"));
  return out;
}

}  // namespace

const DomainEntry& vmx_entry() {
  static const DomainEntry entry{&domain(),      kExecutors, kByDefault, kModels,
                                 &make_executor, &quirks,    {},         &vmx_vectors()};
  return entry;
}

}  // namespace diffvisor
