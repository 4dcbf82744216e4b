// SPDX-License-Identifier: Apache-2.0
// What the background's 4-level page tables give user code in long mode (SDM 3A 4.5), and from it what the host has to
// map where.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/arch/insn/memory_map.h"

namespace diffvisor::native {

struct Page {
  enum Kind : std::uint8_t { kAbsent, kReserved, kMapped };
  Kind kind = kAbsent;
  bool user = false, write = false, execute = false;
  bool used = false;             // accessed, and dirty where writable: touching it changes no table
  std::uint64_t gpa = 0;         // of the address itself
  std::uint64_t bytes_left = 0;  // up to the end of the entry that decided

  bool user_may(bool writes, bool fetches) const {
    return kind == kMapped && user && (write || !writes) && (execute || !fetches);
  }
  bool in_ram() const { return gpa < insn::kRamEnd; }
};

// `linear` is in the lower half.
Page user_page(std::uint64_t linear);

// A run of linear addresses that the host maps to the RAM image.
struct Region {
  std::uint64_t linear, bytes, gpa;
  bool write, execute;
};
std::vector<Region> regions_to_map();

inline constexpr std::uint64_t kTablesBegin = insn::kPml5, kTablesEnd = insn::kPd32;
constexpr bool in_tables(std::uint64_t gpa) { return gpa >= kTablesBegin && gpa < kTablesEnd; }

// The RAM before any case.
const std::uint8_t* background();

}  // namespace diffvisor::native
