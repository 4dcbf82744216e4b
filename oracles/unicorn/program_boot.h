// SPDX-License-Identifier: Apache-2.0
// Instructions with which a CPU of Unicorn loads control registers, segments and its privilege level.
#pragma once

#include <array>

#include "oracles/unicorn/program_setup.h"

namespace diffvisor::unicorn {

// How a CPU comes to the case's segments: selectors by insn::Segment, and the tables they lead into.
struct Selectors {
  std::array<std::uint64_t, 6> of{};
  std::uint64_t gdt = 0, ldt = 0;

  bool is_null(unsigned segment) const { return (of[segment] & 0xfffc) == 0; }
  std::uint64_t place(unsigned segment) const { return ((of[segment] & 4) != 0 ? ldt : gdt) + (of[segment] & 0xfff8); }
};

// The page tables of the background by which the CPU pages until the case begins.
std::uint64_t boot_cr3(const Case& c);

// The code for `setup.boot_address`: it ends in the case's mode at its first instruction; accumulator and stack pointer
// are used.
void add_boot(const Case& c, const Selectors& selectors, Setup& setup);

}  // namespace diffvisor::unicorn
