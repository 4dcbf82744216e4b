// SPDX-License-Identifier: Apache-2.0
// Instructions as Unicorn 2.0.1 carries them out, where that is not what the manual says; each under its own quirk.
#pragma once

#include <span>

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// The row's handler, or the one that a quirk puts in its place.
Handler unicorn_handler(const Machine& m, const Instruction& i);
bool unicorn_lacks(const Machine& m, const Instruction& i);  // that quirk is to be #UD
// Where it does not end a translation block by itself RF stays; `stepping`: it stops behind every instruction.
bool unicorn_keeps_rf(const Machine& m, const Instruction& i, bool stepping);
bool is_far_transfer(const Machine& m);  // of the row being carried out
// Raises #UD where the bytes fetched before a fault are enough for Unicorn to know; overwrites the others.
void unicorn_refuse(Machine& m, std::span<u8> bytes, std::size_t fetched);
// #UD where it refuses a LOCK prefix; elsewhere the prefix does nothing.
void unicorn_lock(Machine& m, const Instruction& i);
// Before an instruction is carried out.
void unicorn_begin(Machine& m, const Instruction& i);
// What Unicorn checks before anything else of an instruction.
void unicorn_check(Machine& m, const Instruction& i);

}  // namespace diffvisor::x86
