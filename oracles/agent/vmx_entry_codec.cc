// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/vmx_entry_codec.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <initializer_list>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

static_assert(kWireFacts == kMaxFactWrites);

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kValid = bit(31), kHasErrorCode = bit(11), kEntryFailure = bit(31);
// SDM 3C 30.2.3 and 30.2.4: bit 12 of interruption and vectoring information is undefined where it is not about IRET.
constexpr std::uint64_t kUndefinedInfo = bit(12);

// An information word, and with it the error code if the word says that there is one. SDM 3C 30.2.2: without the valid
// bit the other bits mean nothing.
void set_event(Observation& o, const WireResult& r, RecordSlot info_slot, RecordSlot error_slot) {
  const std::uint64_t info = r.record[info_slot];
  const bool valid = (info & kValid) != 0;
  set(o, info_slot, valid ? info & ~kUndefinedInfo : 0);
  if (valid && (info & kHasErrorCode) != 0) set(o, error_slot, r.record[error_slot]);
}

void decode_exit(const WireResult& r, Observation& o) {
  const std::uint64_t reason = r.record[kExitReason], qualification = r.record[kExitQualification];
  const auto basic = static_cast<std::uint32_t>(reason & 0xffff);
  set(o, kExitReason, reason);
  set(o, kExitQualification, qualification);
  if ((reason & kEntryFailure) == 0) {
    o.outcome = entered(basic);
    set_event(o, r, kExitIntrInfo, kExitIntrErrorCode);
    set_event(o, r, kIdtVectoringInfo, kIdtVectoringErrorCode);
  } else if (basic == 33) {
    o.outcome = fail_guest(static_cast<std::uint32_t>(qualification));
  } else if (basic == 34) {
    o.outcome = fail_msr(static_cast<std::uint32_t>(qualification));
  } else {
    o.outcome = make_outcome(OutcomeKind::Unjudged, basic);  // 41, machine check: nobody can say when
  }
}

ResultWord status_is(WireStatus status) {
  return {-1, offsetof(WireResult, status), ~std::uint64_t{0}, static_cast<std::uint64_t>(status)};
}
ResultWord record_is(RecordSlot slot, std::uint64_t value) {
  return {static_cast<int>(slot), offsetof(WireResult, record) + 8 * slot, ~std::uint64_t{0}, value};
}

std::vector<ResultWord> result_words(const Observation& o) {
  if (o.status != Status::Ran) return {};
  const std::uint64_t number = number_of(o.outcome);
  switch (kind_of(o.outcome)) {
    case OutcomeKind::Entered: {
      ResultWord reason = record_is(kExitReason, number);
      if (number == kAnyExit) reason.value = 0, reason.mask = kEntryFailure;
      return {status_is(WireStatus::Exit), reason};
    }
    case OutcomeKind::InvalidOpcode:
      return {status_is(WireStatus::InvalidOpcode)};
    case OutcomeKind::GeneralProtection:
      return {status_is(WireStatus::GeneralProtection)};
    case OutcomeKind::FailInvalid:
      return {status_is(WireStatus::FailInvalid)};
    case OutcomeKind::FailValid:
      return {status_is(WireStatus::FailValid), record_is(kInstructionError, number)};
    case OutcomeKind::FailGuest:
    case OutcomeKind::FailMsr: {
      const std::uint64_t basic = kind_of(o.outcome) == OutcomeKind::FailGuest ? 33 : 34;
      return {status_is(WireStatus::Exit), record_is(kExitReason, kEntryFailure | basic),
              record_is(kExitQualification, number)};
    }
    case OutcomeKind::Unjudged:
      return {};
  }
  return {};
}

// ---- the machine against the profile

struct MsrOfSlot {
  Slot slot;
  std::uint32_t msr;
  std::uint32_t flexible_msr;  // instead of it where VMX_BASIC[55] is 1
};
constexpr MsrOfSlot kMsrOfSlot[] = {
    {CapVmxBasic, 0x480, 0},  {CapPinCtls, 0x481, 0x48d},  {CapProcCtls, 0x482, 0x48e}, {CapProc2Ctls, 0x48b, 0},
    {CapProc3Ctls, 0x492, 0}, {CapExitCtls, 0x483, 0x48f}, {CapExit2Ctls, 0x493, 0},    {CapEntryCtls, 0x484, 0x490},
    {CapVmxMisc, 0x485, 0},   {CapCr0Fixed0, 0x486, 0},    {CapCr0Fixed1, 0x487, 0},    {CapCr4Fixed0, 0x488, 0},
    {CapCr4Fixed1, 0x489, 0}, {CapEptVpidCap, 0x48c, 0},   {CapVmfuncCtls, 0x491, 0},
};

constexpr AnnouncedBit kAnnounced[] = {
    {CapFeatures, feature::SGX, 7, &CpuidReading::ebx, 2},
    {CapFeatures, feature::RTM, 7, &CpuidReading::ebx, 11},
    {CapFeatures, feature::BUSLOCK, 7, &CpuidReading::ecx, 24},
    {CapFeatures, feature::LAM, 7, &CpuidReading::eax, 26, 1},
    {CapFeatures, feature::FRED, 7, &CpuidReading::eax, 17, 1},
    {CapFeatures, feature::X2APIC, 1, &CpuidReading::ecx, 21},
    {CapFeatures, feature::CET, 7, &CpuidReading::ecx, 7},
};

}  // namespace

void encode(const Case& c, WireCase& out) {
  out.context = c.v[Context];
  std::memcpy(out.block, &c.v[Pin], sizeof out.block);
  std::array<FactWrite, kMaxFactWrites> writes;
  out.fact_count = fact_writes(c.v.data(), writes.data());
  for (std::size_t i = 0; i < out.fact_count; ++i) out.facts[i] = {writes[i].address, writes[i].value, writes[i].bytes};
}

Observation decode(const WireResult& r) {
  switch (r.status) {
    case WireStatus::NotRun:
      return died("no_result");
    case WireStatus::FailInvalid:
      return ran(make_outcome(OutcomeKind::FailInvalid));
    case WireStatus::InvalidOpcode:
      return ran(make_outcome(OutcomeKind::InvalidOpcode));
    case WireStatus::GeneralProtection:
      return ran(make_outcome(OutcomeKind::GeneralProtection));
    case WireStatus::ContextImpossible:
      return incomparable("context_impossible");
    case WireStatus::FactOutside:
      return incomparable("fact_outside");
    case WireStatus::FailValid: {
      Observation o = ran(fail_valid(static_cast<std::uint32_t>(r.record[kInstructionError])));
      set(o, kInstructionError, r.record[kInstructionError]);
      return o;
    }
    case WireStatus::Exit: {
      Observation o = ran(0);
      decode_exit(r, o);
      return o;
    }
  }
  return died("no_result");
}

std::string_view read_vmx_profile(const Capabilities& machine, std::span<std::uint64_t> values) {
  if (machine.has_vmx == 0)
    return machine.has_svm != 0 ? "the machine has SVM, not VMX" : "the machine has neither VMX nor SVM";
  const bool flexible = (msr_value(machine, 0x480) >> 55 & 1) != 0;
  for (const MsrOfSlot& m : kMsrOfSlot)
    values[m.slot] = msr_value(machine, flexible && m.flexible_msr != 0 ? m.flexible_msr : m.msr);
  values[CapMaxphyaddr] = machine.maxphyaddr;
  values[CapLinearWidth] = machine.linear_width;
  read_announced(machine, kAnnounced, values);
  return {};
}

const DomainCodec& vmx_entry_codec() {
  static_assert(offsetof(WireBatch, cases) == sizeof(WireCase));
  // SDM 3C 30.7: a VMX abort stores its reason in the VMCS and leaves the processor in shutdown.
  static constexpr HangMark kHangMarks[] = {{kVmcs + 4, "vmx_abort"}};
  static constexpr DomainCodec kCodec = codec_of<WireCase, WireResult, &encode, &decode, &result_words>(
      &schema, Command::VmxEntry, Context, &read_vmx_profile, kHangMarks);
  return kCodec;
}

}  // namespace diffvisor::agent
