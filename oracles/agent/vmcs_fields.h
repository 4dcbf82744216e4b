// SPDX-License-Identifier: Apache-2.0
// The VMCS fields of harness/arch/vmx/fields.def as straight-line VMWRITEs with constant encodings: twice as fast in an
// interpreter as a loop over a table. Freestanding.
#pragma once

#include "harness/arch/vmx/fields.h"
#include "oracles/agent/instructions.h"

namespace diffvisor::agent {

// A VMWRITE of a field that does not exist is harmless but costs as much as one that does: what few machines have is
// written only where it exists.
enum class FieldClass { Core, Cet, Rare };

// clang-format off
constexpr FieldClass class_of(unsigned slot) {
  using namespace vmx;
  switch (slot) {
    case GuestSCet: case GuestSsp: case GuestIntrSspTableAddr:
    case HostIa32SCet: case HostSsp: case HostIntrSspTableAddr:
      return FieldClass::Cet;
    case PostedIntrNv: case PostedIntrDescAddr:
    case Hlatp: case HlatPrefixSize:
    case LastPidPointerIndex: case PidPointerTable:
    case Proc3: case Exit2:
    case EnclvExitingBitmap: case PconfigExitingBitmap:
    case LowPasidDirAddr: case HighPasidDirAddr:
    case SharedEptp: case SeamGuestKeyid:
    case SpecCtrlMask: case SpecCtrlShadow:
    case GuestBndcfgs: case GuestIa32RtitCtl: case GuestIa32LbrCtl: case GuestUinv:
    case GuestIa32Pkrs: case HostIa32Pkrs:
    case InstructionTimeout: case InjectedEventData:
    case GuestFredConfig: case GuestFredRsp1: case GuestFredRsp2: case GuestFredRsp3: case GuestFredStklvls:
    case GuestFredSsp1: case GuestFredSsp2: case GuestFredSsp3:
    case HostFredConfig: case HostFredRsp1: case HostFredRsp2: case HostFredRsp3: case HostFredStklvls:
    case HostFredSsp1: case HostFredSsp2: case HostFredSsp3:
      return FieldClass::Rare;
    default:
      return FieldClass::Core;
  }
}
// clang-format on

namespace detail {
inline constexpr bool kIsCapability = false, kIsContext = false, kIsFact = false, kIsState = true;

template <unsigned Encoding>
[[gnu::always_inline]] inline void write_constant(const u64& value) {
  asm volatile("vmwrite %1, %0" ::"r"(u64{Encoding}), "m"(value) : "cc");
}
}  // namespace detail

struct VmcsField {
  u16 encoding, slot;
  bool is_state;
};
inline constexpr VmcsField kFieldTable[] = {
#define FIELD(id, name, constant, width, count, role, group) {id, vmx::constant, detail::kIs##role},
#include "harness/arch/vmx/fields.def"
#undef FIELD
};

// f(encoding, slot) for every State field, where time does not matter.
template <class F>
inline void each_vmcs_field(F f) {
  for (const VmcsField& field : kFieldTable)
    if (field.is_state) f(u32{field.encoding}, unsigned{field.slot});
}

// The encoding of a State field.
constexpr u32 encoding_of(unsigned slot) {
  for (const VmcsField& field : kFieldTable)
    if (field.slot == slot) return field.encoding;
  return 0;
}

template <FieldClass Class>
[[gnu::noinline]] inline void write_class(const u64* block) {
#define FIELD(id, name, constant, width, count, role, group)           \
  if constexpr (detail::kIs##role && class_of(vmx::constant) == Class) \
    detail::write_constant<id>(block[vmx::constant - vmx::Pin]);
#include "harness/arch/vmx/fields.def"
#undef FIELD
}

}  // namespace diffvisor::agent
