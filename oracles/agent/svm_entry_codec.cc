// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/svm_entry_codec.h"

#include <cstddef>
#include <cstring>
#include <initializer_list>

#include "harness/arch/svm/schema.h"

namespace diffvisor::agent {
namespace {

using namespace svm;

static_assert(kWireFacts == kMaxFactWrites);

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kValid = bit(31), kHasErrorCode = bit(11);
constexpr std::uint64_t kInvalidAs32Bits = 0xffffffff;
constexpr std::uint64_t kLastExitCode = 0xfffff;  // -1 and its neighbours apart, they are small numbers
constexpr std::uint32_t kLastException = kExceptionExit + 31, kPageFault = 14;
// #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX
constexpr std::uint64_t kPushErrorCode =
    bit(8) | bit(10) | bit(11) | bit(12) | bit(13) | bit(14) | bit(17) | bit(21) | bit(29) | bit(30);

// APM 2 15.12 and 15.25.6: for what exit codes the information words mean something, of those that a guest can come to.
void set_information(const WireResult& r, std::uint32_t code, Observation& o) {
  const bool exception = code >= kExceptionExit && code <= kLastException;
  const std::uint32_t vector = code - kExceptionExit;
  const bool both = code == kNestedPageFaultExit || (exception && vector == kPageFault);
  if (both || (exception && (kPushErrorCode >> vector & 1) != 0)) set(o, kExitInfo1, r.record[kExitInfo1]);
  if (both) set(o, kExitInfo2, r.record[kExitInfo2]);
}

// APM 2 15.7.2: without V the rest of EXITINTINFO means nothing, without EV its error code.
void set_interrupted_event(const WireResult& r, Observation& o) {
  constexpr std::uint64_t kErrorCode = ~std::uint64_t{0} << 32, kEvent = 0xfff | kValid;
  const std::uint64_t info = r.record[kExitIntInfo];
  const std::uint64_t meaningful = (info & kHasErrorCode) != 0 ? kEvent | kErrorCode : kEvent;
  set(o, kExitIntInfo, (info & kValid) != 0 ? info & meaningful : 0);
}

Observation decode_exit(const WireResult& r) {
  const std::uint64_t code = r.record[kExitCode];
  if (code == kInvalidExitCode || code == kInvalidAs32Bits) {
    Observation o = ran(kInvalid);
    set(o, kExitCode, kInvalidExitCode);
    return o;
  }
  if (code > kLastExitCode) return ran(make_outcome(OutcomeKind::Unjudged));  // kNoExitCode among them
  Observation o = ran(entered(static_cast<std::uint32_t>(code)));
  set(o, kExitCode, code);
  set_information(r, static_cast<std::uint32_t>(code), o);
  set_interrupted_event(r, o);
  for (const RecordSlot slot : {kExitRip, kExitRflags, kExitEfer, kExitCpl, kExitDsBase}) set(o, slot, r.record[slot]);
  return o;
}

// Trying which bits of CR4 can be set would be nearer to the truth, but QEMU 7.2 answers MOV to a reserved bit of CR4
// with a #VMEXIT to whoever ran VMRUN last, or to nowhere.
constexpr auto kEax = &CpuidReading::eax, kEbx = &CpuidReading::ebx, kEcx = &CpuidReading::ecx,
               kEdx = &CpuidReading::edx;
constexpr AnnouncedBit kAnnounced[] = {
    {CapCr4Mask, cr4::VME, 1, kEdx, 1},
    {CapCr4Mask, cr4::PVI, 1, kEdx, 1},
    {CapCr4Mask, cr4::TSD, 1, kEdx, 4},
    {CapCr4Mask, cr4::DE, 1, kEdx, 2},
    {CapCr4Mask, cr4::PSE, 1, kEdx, 3},
    {CapCr4Mask, cr4::PAE, 1, kEdx, 6},
    {CapCr4Mask, cr4::MCE, 1, kEdx, 7},
    {CapCr4Mask, cr4::PGE, 1, kEdx, 13},
    {CapCr4Mask, cr4::OSFXSR, 1, kEdx, 24},
    {CapCr4Mask, cr4::OSXMMEXCPT, 1, kEdx, 25},
    {CapCr4Mask, cr4::UMIP, 7, kEcx, 2},
    {CapCr4Mask, cr4::LA57, 7, kEcx, 16},
    {CapCr4Mask, cr4::FSGSBASE, 7, kEbx, 0},
    {CapCr4Mask, cr4::PCIDE, 1, kEcx, 17},
    {CapCr4Mask, cr4::OSXSAVE, 1, kEcx, 26},
    {CapCr4Mask, cr4::SMEP, 7, kEbx, 7},
    {CapCr4Mask, cr4::SMAP, 7, kEbx, 20},
    {CapCr4Mask, cr4::PKE, 7, kEcx, 3},
    {CapCr4Mask, cr4::CET, 7, kEcx, 7},
    {CapEferMask, efer::SCE, 0x80000001, kEdx, 11},
    {CapEferMask, efer::LME, 0x80000001, kEdx, 29},
    {CapEferMask, efer::LMA, 0x80000001, kEdx, 29},
    {CapEferMask, efer::NXE, 0x80000001, kEdx, 20},
    {CapEferMask, efer::SVME, 0x80000001, kEcx, 2},
    {CapEferMask, efer::FFXSR, 0x80000001, kEdx, 25},
    {CapEferMask, efer::TCE, 0x80000001, kEcx, 17},
    {CapFeatures, feature::LONG_MODE, 0x80000001, kEdx, 29},
    {CapFeatures, feature::SHADOW_STACK, 7, kEcx, 7},
    {CapFeatures, feature::SEV, 0x8000001f, kEax, 1},
};

std::vector<ResultWord> result_words(const Observation& o) {
  if (o.status != Status::Ran) return {};
  const auto status_is = [](WireStatus status) {
    return ResultWord{-1, offsetof(WireResult, status), ~std::uint64_t{0}, static_cast<std::uint64_t>(status)};
  };
  ResultWord code{kExitCode, offsetof(WireResult, record) + 8 * kExitCode, ~std::uint64_t{0}, number_of(o.outcome)};
  switch (kind_of(o.outcome)) {
    case OutcomeKind::Entered:
      if (code.value == kAnyExit) code.value = 0, code.mask = bit(31);
      return {status_is(WireStatus::Exit), code};
    case OutcomeKind::InvalidOpcode:
      return {status_is(WireStatus::InvalidOpcode)};
    case OutcomeKind::GeneralProtection:
      return {status_is(WireStatus::GeneralProtection)};
    case OutcomeKind::Invalid:
      code.value = code.mask = kInvalidAs32Bits;  // some say it with 32 bits
      return {status_is(WireStatus::Exit), code};
    case OutcomeKind::Unjudged:
      return {};
  }
  return {};
}

}  // namespace

void encode(const Case& c, WireCase& out) {
  out.context = c.v[Context];
  std::memcpy(out.block, &c.v[VmcbAddress], sizeof out.block);
  out.fact_count = fact_writes(c.v.data(), out.facts);
}

Observation decode(const WireResult& r) {
  switch (r.status) {
    case WireStatus::NotRun:
      return died("no_result");
    case WireStatus::InvalidOpcode:
      return ran(make_outcome(OutcomeKind::InvalidOpcode));
    case WireStatus::GeneralProtection:
      return ran(make_outcome(OutcomeKind::GeneralProtection));
    case WireStatus::ContextImpossible:
      return incomparable("context_impossible");
    case WireStatus::FactOutside:
      return incomparable("fact_outside");
    case WireStatus::Exit:
      return decode_exit(r);
  }
  return died("no_result");
}

std::string_view read_svm_profile(const Capabilities& machine, std::span<std::uint64_t> values) {
  if (machine.has_svm == 0)
    return machine.has_vmx != 0 ? "the machine has VMX, not SVM" : "the machine has neither VMX nor SVM";
  values[CapMaxphyaddr] = machine.maxphyaddr;
  values[CapLinearWidth] = machine.linear_width;
  values[CapSvmFeatures] = cpuid_word(machine, 0x8000000a, 0, &CpuidReading::edx);
  values[CapNasid] = cpuid_word(machine, 0x8000000a, 0, &CpuidReading::ebx);
  read_announced(machine, kAnnounced, values);
  return {};
}

const DomainCodec& svm_entry_codec() {
  static_assert(offsetof(WireBatch, cases) == sizeof(WireCase));
  static constexpr DomainCodec kCodec = codec_of<WireCase, WireResult, &encode, &decode, &result_words>(
      &schema, Command::SvmEntry, Context, &read_svm_profile);
  return kCodec;
}

}  // namespace diffvisor::agent
