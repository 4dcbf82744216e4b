// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/vmx_entry_codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include <fmt/format.h>

#include "harness/arch/vmx/schema.h"
#include "harness/base/check.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

static_assert(kWireFacts == kMaxFactWrites);

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kValid = bit(31), kHasErrorCode = bit(11), kEntryFailure = bit(31);
// SDM 3C 30.2.3 and 30.2.4: bit 12 of interruption and vectoring information is undefined where it is not about IRET.
constexpr std::uint64_t kUndefinedInfo = bit(12);

void set(Observation& o, RecordSlot slot, std::uint64_t value) {
  o.record[slot] = value;
  o.defined |= 1u << slot;
}

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

Observation ran(Outcome outcome) {
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome;
  return o;
}

// ---- the machine against the profile

struct MsrOfSlot {
  const char* name;
  Slot slot;
  std::uint32_t msr;
  std::uint32_t flexible_msr;  // instead of it where VMX_BASIC[55] is 1
};
constexpr MsrOfSlot kMsrOfSlot[] = {
    {"IA32_VMX_BASIC", CapVmxBasic, 0x480, 0},
    {"IA32_VMX_PINBASED_CTLS", CapPinCtls, 0x481, 0x48d},
    {"IA32_VMX_PROCBASED_CTLS", CapProcCtls, 0x482, 0x48e},
    {"IA32_VMX_PROCBASED_CTLS2", CapProc2Ctls, 0x48b, 0},
    {"IA32_VMX_PROCBASED_CTLS3", CapProc3Ctls, 0x492, 0},
    {"IA32_VMX_EXIT_CTLS", CapExitCtls, 0x483, 0x48f},
    {"IA32_VMX_EXIT_CTLS2", CapExit2Ctls, 0x493, 0},
    {"IA32_VMX_ENTRY_CTLS", CapEntryCtls, 0x484, 0x490},
    {"IA32_VMX_MISC", CapVmxMisc, 0x485, 0},
    {"IA32_VMX_CR0_FIXED0", CapCr0Fixed0, 0x486, 0},
    {"IA32_VMX_CR0_FIXED1", CapCr0Fixed1, 0x487, 0},
    {"IA32_VMX_CR4_FIXED0", CapCr4Fixed0, 0x488, 0},
    {"IA32_VMX_CR4_FIXED1", CapCr4Fixed1, 0x489, 0},
    {"IA32_VMX_EPT_VPID_CAP", CapEptVpidCap, 0x48c, 0},
    {"IA32_VMX_VMFUNC", CapVmfuncCtls, 0x491, 0},
};

std::uint64_t msr_value(const Capabilities& machine, std::uint32_t msr) {
  for (const MsrReading& reading : machine.msrs)
    if (reading.index == msr) return reading.readable != 0 ? reading.value : 0;
  CHECK(false);
  return 0;
}

enum class Register : std::uint8_t { Eax, Ebx, Ecx, Edx };
struct FeatureBit {
  const char* name;
  unsigned feature;
  std::uint32_t leaf, subleaf;
  Register where;
  unsigned bit;
};
constexpr FeatureBit kFeatureBits[] = {
    {"SGX", feature::SGX, 7, 0, Register::Ebx, 2},          {"RTM", feature::RTM, 7, 0, Register::Ebx, 11},
    {"BUSLOCK", feature::BUSLOCK, 7, 0, Register::Ecx, 24}, {"LAM", feature::LAM, 7, 1, Register::Eax, 26},
    {"FRED", feature::FRED, 7, 1, Register::Eax, 17},       {"X2APIC", feature::X2APIC, 1, 0, Register::Ecx, 21},
    {"CET", feature::CET, 7, 0, Register::Ecx, 7},
};

std::uint32_t register_of(const CpuidReading& r, Register which) {
  switch (which) {
    case Register::Eax:
      return r.eax;
    case Register::Ebx:
      return r.ebx;
    case Register::Ecx:
      return r.ecx;
    case Register::Edx:
      return r.edx;
  }
  return 0;
}

bool has_feature(const Capabilities& machine, const FeatureBit& f) {
  for (const CpuidReading& r : machine.cpuid)
    if (r.leaf == f.leaf && r.subleaf == f.subleaf) return (register_of(r, f.where) >> f.bit & 1) != 0;
  return false;
}

std::string differs(std::string_view what, std::uint64_t is, std::uint64_t should) {
  return fmt::format("{} is {:#x}, the profile says {:#x}", what, is, should);
}

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

std::string difference_from_profile(const Capabilities& machine, std::span<const std::uint64_t> profile) {
  if (machine.has_vmx == 0) return "the machine has no VMX";
  const bool flexible = (msr_value(machine, 0x480) >> 55 & 1) != 0;
  for (const MsrOfSlot& m : kMsrOfSlot) {
    const std::uint64_t is = msr_value(machine, flexible && m.flexible_msr != 0 ? m.flexible_msr : m.msr);
    if (is != profile[m.slot]) return differs(m.name, is, profile[m.slot]);
  }
  if (machine.maxphyaddr != profile[CapMaxphyaddr])
    return differs("MAXPHYADDR", machine.maxphyaddr, profile[CapMaxphyaddr]);
  if (machine.linear_width != profile[CapLinearWidth])
    return differs("the linear-address width", machine.linear_width, profile[CapLinearWidth]);
  for (const FeatureBit& f : kFeatureBits) {
    const bool should = (profile[CapFeatures] >> f.feature & 1) != 0;
    if (has_feature(machine, f) != should) return differs(f.name, has_feature(machine, f), should);
  }
  return {};
}

}  // namespace diffvisor::agent
