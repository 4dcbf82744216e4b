// SPDX-License-Identifier: Apache-2.0
// Unicorn 2.0.1 walks page tables only to find faults: where a walk succeeds, the physical address is the linear one.
// So RAM is shown to it at every linear address where the tables of memory_map.h put it. A case whose own tables put it
// elsewhere cannot be judged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "harness/arch/insn/memory_map.h"

namespace diffvisor::unicorn {

// The place in RAM behind a linear address.
std::optional<std::uint64_t> ram_behind(std::uint64_t linear);

// Where they begin: linear addresses at which the same bytes are seen, ascending.
inline constexpr std::uint64_t kViewBytes = 5 * insn::kLargeUser;
std::span<const std::uint64_t> view_bases();

// The bytes one page directory shows, with RAM in all its places, and scratch memory where it shows nothing: what is
// done there is found out afterwards, from the tables.
class View {
 public:
  static std::unique_ptr<View> make();
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  std::uint8_t* bytes() { return bytes_; }  // the first insn::kRamEnd of them are RAM

 private:
  View() = default;
  bool show(int fd, std::uint64_t offset, std::uint64_t ram, std::uint64_t count);

  std::uint8_t* bytes_ = nullptr;
};

}  // namespace diffvisor::unicorn
