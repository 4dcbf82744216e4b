// SPDX-License-Identifier: Apache-2.0
// What a vmx_entry vector needs of the profile, as conditions on capability slots: PROC2.EPT, !PROC2.DESC, MAXPA<=40,
// VMX_BASIC[48]=0, TRUE_PIN.must1=0x16, EPT_CAP.AD, PMU.FIXED>0, cpuid:LA57, instruction:vmresume.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/arch/schema.h"

namespace diffvisor::vmx {

// A statement about bits lo .. lo+width-1 of one slot.
struct NeedCondition {
  enum class Relation : std::uint8_t {
    Equal,
    AtLeast,
    AtMost,
    Includes,  // all bits of `value` are set
  };
  Slot slot;
  std::uint8_t lo;
  std::uint8_t width;
  Relation relation;
  std::uint64_t value;

  bool met(const std::uint64_t* v) const;
  void make_true(std::uint64_t* v) const;  // by the smallest change
};

// All of them must hold. Conditions on CONTEXT say how the case is started and are never a matter of the profile.
using Need = std::vector<NeedCondition>;

bool need_is_met(const Need& need, const std::uint64_t* v);

// Empty when the text is no need that this domain understands.
Need parse_need(std::string_view text);

}  // namespace diffvisor::vmx
