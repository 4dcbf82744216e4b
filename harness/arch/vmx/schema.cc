// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/schema.h"

#include "harness/arch/vmx/field_bits.h"
#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/profiles.h"

namespace diffvisor::vmx {
namespace {

constexpr Field kFields[] = {
#define FIELD(id, name, constant, width, count, role, group) \
  {id, #name, width, count, constant, Role::role, group, tag_of(id), kBitNames<constant>, kInteresting<constant>},
#include "harness/arch/vmx/fields.def"
#undef FIELD
};

static_assert(slots_are_sound(kFields, kSlots));

}  // namespace

const Schema& schema() {
  static const Schema kSchema = {"vmx_entry", 1, kFields, kSlots, {}, {}, 0, profiles(), &golden};
  return kSchema;
}

}  // namespace diffvisor::vmx
