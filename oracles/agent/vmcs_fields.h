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

constexpr FieldClass class_of(unsigned encoding) {
  switch (encoding) {
    case 0x6828: case 0x682a: case 0x682c: case 0x6c18: case 0x6c1a: case 0x6c1c:  // S_CET, SSP, SSP table
      return FieldClass::Cet;
    case 0x0002: case 0x2016:                                                      // posted interrupts
    case 0x0006: case 0x2040:                                                      // HLAT
    case 0x0008: case 0x2042:                                                      // IPI virtualisation
    case 0x2034: case 0x2044:                                                      // tertiary, secondary exit controls
    case 0x2036: case 0x203e:                                                      // ENCLV, PCONFIG
    case 0x2038: case 0x203a:                                                      // PASID
    case 0x203c: case 0x4026:                                                      // SEAM
    case 0x204a: case 0x204c:                                                      // SPEC_CTRL
    case 0x2052:                                                                   // injected-event data
    case 0x2812: case 0x2814: case 0x2816: case 0x2818: case 0x2c06: case 0x0814:  // BNDCFGS, RTIT, LBR, PKRS, UINV
    case 0x281a: case 0x281c: case 0x281e: case 0x2820: case 0x2822: case 0x2824: case 0x2826: case 0x2828:  // FRED
    case 0x2c08: case 0x2c0a: case 0x2c0c: case 0x2c0e: case 0x2c10: case 0x2c12: case 0x2c14: case 0x2c16:
    case 0x4024:                                                                   // instruction timeout
      return FieldClass::Rare;
    default:
      return FieldClass::Core;
  }
}

namespace detail {
inline constexpr bool kIsCapability = false, kIsContext = false, kIsFact = false, kIsState = true;

template <unsigned Encoding>
[[gnu::always_inline]] inline void write_constant(const u64& value) {
  asm volatile("vmwrite %1, %0" ::"r"(u64{Encoding}), "m"(value) : "cc");
}
}  // namespace detail

// f(encoding, slot) for every State field.
template <class F>
inline void each_vmcs_field(F f) {
#define FIELD(id, name, constant, width, count, role, group) \
  if constexpr (detail::kIs##role) f(id, vmx::constant);
#include "harness/arch/vmx/fields.def"
#undef FIELD
}

template <FieldClass Class>
[[gnu::noinline]] inline void write_class(const u64* block) {
#define FIELD(id, name, constant, width, count, role, group) \
  if constexpr (detail::kIs##role && class_of(id) == Class) detail::write_constant<id>(block[vmx::constant - vmx::Pin]);
#include "harness/arch/vmx/fields.def"
#undef FIELD
}

}  // namespace diffvisor::agent
