// SPDX-License-Identifier: Apache-2.0
// What a difference from the reference is about: the instruction, a check that any instruction may fail, or the
// delivery of an exception.
#pragma once

#include <string>

#include "harness/run/behaviour.h"

namespace diffvisor::x86_insn {

// Subjects are mnemonics in lower case, behind their family where they have one: "string.lods", "cmpxchg".
Behaviour::Account account(const Case& c, const Observation& reference, const Observation& seen);

// What differs, in a slot of the record: "register", "memory", "error_code.1", "dr7".
std::string difference(std::size_t slot, std::uint64_t bits);

// It ended in one, or in a triple fault.
bool is_exception(const Observation& o);

// Both pairs differ in the same way, whatever the instruction.
bool alike(const Observation& reference_a, const Observation& seen_a, const Observation& reference_b,
           const Observation& seen_b);

}  // namespace diffvisor::x86_insn
