// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/insn_step_codec.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/record.h"
#include "harness/arch/insn/schema.h"
#include "oracles/agent/insn_step_status.h"

namespace diffvisor::agent {
namespace {

using namespace insn;

static_assert(kRecordSlots <= kWireRecord && kWireRecord <= kMaxRecord);

struct NamedReason {
  std::uint32_t reason;
  std::string_view name;
};
// SDM 3D appendix C.
constexpr NamedReason kIntercepts[] = {
    {9, "task_switch_exit"},    {10, "intercepted_cpuid"},  {11, "intercepted_getsec"}, {13, "intercepted_invd"},
    {15, "intercepted_rdpmc"},  {16, "intercepted_rdtsc"},  {17, "intercepted_rsm"},    {28, "cr_access_exit"},
    {31, "msr_exit"},           {32, "msr_exit"},           {36, "intercepted_mwait"},  {39, "intercepted_monitor"},
    {51, "intercepted_rdtscp"}, {55, "intercepted_xsetbv"}, {57, "intercepted_rdrand"}, {61, "intercepted_rdseed"},
};

std::string_view name_of_intercept(std::uint64_t reason) {
  for (const NamedReason& n : kIntercepts)
    if (n.reason == reason) return n.name;
  const bool vmx = (reason >= 18 && reason <= 27) || reason == 50 || reason == 53 || reason == 59;
  return vmx ? "intercepted_vmx" : "intercepted_other";
}

Observation decode_run(const WireResult& r) {
  Observation o = ran(r.outcome);
  take_record(o, r.defined, std::span(r.record, kRecordSlots));
  hide_unseen(o.record.data());
  return o;
}

std::vector<ResultWord> result_words(const Observation& o) {
  if (o.status != Status::Ran) return {};
  std::vector<ResultWord> out = {{-1, offsetof(WireResult, outcome), 0xffffffff, o.outcome}};
  // Outside 64-bit mode what is kept of a register beyond 32 bits is nobody's business.
  const bool long_mode = (o.record[Efer - kFirstState] >> efer::LMA & 1) != 0;
  const bool code64 = long_mode && (o.record[CsAttr - kFirstState] >> attr::L & 1) != 0;
  for (unsigned i = 0; i < kCause; ++i) {
    if (!o.defined.test(i)) continue;
    const bool narrow = !code64 && kFirstState + i <= Rip;
    out.push_back({static_cast<int>(i), offsetof(WireResult, record) + 8 * i, narrow ? 0xffffffff : ~std::uint64_t{0},
                   o.record[i]});
  }
  return out;
}

constexpr AnnouncedBit announced(unsigned feature, std::uint32_t leaf, std::uint32_t subleaf,
                                 std::uint32_t CpuidReading::*word, unsigned bit) {
  return {CapFeatures, feature, leaf, word, bit, subleaf};
}
constexpr AnnouncedBit kAnnounced[] = {
#define FEATURE(name, leaf, subleaf, word, bit) announced(feature::name, leaf, subleaf, &CpuidReading::word, bit),
#include "harness/arch/insn/features.def"
#undef FEATURE
};

}  // namespace

void encode(const Case& c, WireCase& out) {
  std::memcpy(out.v, c.v.data(), sizeof out.v);
  const auto& code = c.areas[kCodeArea];
  out.code_bytes = static_cast<std::uint32_t>(std::min(code.size(), kMostCode));
  out.reserved = 0;
  std::memset(out.code, 0, sizeof out.code);
  if (!code.empty()) std::memcpy(out.code, code.data(), out.code_bytes);
}

Observation decode(const WireResult& r) {
  switch (static_cast<StepStatus>(r.status)) {
    case StepStatus::Ran:
      return decode_run(r);
    case StepStatus::NoMemory:
      return incomparable("no_memory");
    case StepStatus::EntryFailed:
      return incomparable("entry_failed");
    case StepStatus::Intercepted:
      return incomparable(name_of_intercept(r.record[0]));
    case StepStatus::RepTooLong:
      return incomparable("rep_too_long");
    case StepStatus::ShadowUnknown:
      return incomparable("shadow_unknown");
    case StepStatus::CodeElsewhere:
      return incomparable("code_elsewhere");
    case StepStatus::PdpteReserved:
      return incomparable("pdpte_reserved");
    case StepStatus::NeHidden:
      return incomparable("ne_hidden");
    case StepStatus::CplHidden:
      return incomparable("cpl_hidden");
  }
  return died("no_result");
}

std::string_view read_insn_profile(const Capabilities& machine, std::span<std::uint64_t> values) {
  if (machine.has_vmx == 0)
    return machine.has_svm != 0 ? "the machine has SVM, not VMX" : "the machine has neither VMX nor SVM";
  values[CapVendor] = kIntel;
  values[CapGeneration] = 0;
  values[CapMaxphyaddr] = machine.maxphyaddr;
  read_announced(machine, kAnnounced, values);
  return {};
}

const DomainCodec& insn_step_codec() {
  static constexpr DomainCodec kCodec = codec_of<WireCase, WireResult, &encode, &decode, &result_words>(
      &schema, Command::InsnStep, ModeOf, &read_insn_profile);
  return kCodec;
}

}  // namespace diffvisor::agent
