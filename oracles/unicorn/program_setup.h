// SPDX-License-Identifier: Apache-2.0
// How a program for Unicorn's maintainers gets its CPU into the state of a case: registers of the public interface as
// far as they go, and code that the CPU runs first for what they do not load.
#pragma once

#include <unicorn/unicorn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "harness/base/result.h"
#include "harness/case/case.h"

namespace diffvisor::unicorn {

#include "oracles/unicorn/program_types.inc"

// What the program's memory holds when it starts.
struct Image {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(insn::kRamEnd);
  std::uint64_t qword(std::uint64_t address) const;
  void put(std::uint64_t address, std::uint64_t value);
  void copy(const Image& from, std::uint64_t begin, std::uint64_t end);
};

// An instruction that is run before the case.
struct BootLine {
  std::vector<std::uint8_t> bytes;
  std::string text;
};

enum class Route {
  Registers,  // no paging, as the library opens it; segments of protected mode from a descriptor table
  Boot,       // control registers, segments and the CPL are loaded by instructions; linear addresses are physical
  BootViews,  // and RAM is seen wherever page tables show it
};

struct Setup {
  uc_mode mode = UC_MODE_64;
  bool wide = true;  // registers have 64 bits
  std::uint64_t start = 0;
  Image image;
  std::vector<memory_row> memory;
  std::size_t early_memory = 0;  // rows that are there before the boot code runs
  std::vector<view_row> views;
  std::vector<register_row> early, registers;
  std::vector<BootLine> boot;
  std::uint64_t boot_address = 0, boot_end = 0;
};

// `tables`: descriptor tables and selectors matter. `walked`: linear addresses that need not be anywhere. The error
// says what nothing loads.
Result<Setup> setup_of(const Case& c, Route route, bool tables, const std::vector<std::uint64_t>& walked);

// The descriptor that gives a segment register what it holds in the case.
std::uint64_t descriptor_of(const Case& c, unsigned segment);

// "GUEST_CR4", "PATCH_VALUE[1]"
std::string name_of_slot(unsigned slot);
tl::unexpected<Error> impossible(std::string why);

}  // namespace diffvisor::unicorn
