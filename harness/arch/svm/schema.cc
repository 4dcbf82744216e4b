// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/schema.h"

#include "harness/arch/svm/field_bits.h"
#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/profiles.h"

namespace diffvisor::svm {
namespace {

constexpr Field kFields[] = {
#define FIELD(id, name, constant, width, count, role, group) \
  {id, #name, width, count, constant, Role::role, group, tag_of(id), kBitNames<constant>, kInteresting<constant>},
#include "harness/arch/svm/fields.def"
#undef FIELD
};

static_assert(slots_are_sound(kFields, kSlots));

}  // namespace

const Schema& schema() {
  static const Schema kSchema = {"svm_entry", 1, kFields, kSlots, {}, {}, 0, profiles(), &golden};
  return kSchema;
}

}  // namespace diffvisor::svm
