// SPDX-License-Identifier: Apache-2.0
// Guest-physical RAM of one model: the background image, with a log that undoes a case and tells what it changed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"

namespace diffvisor::x86 {

class Memory {
 public:
  Memory();
  // Other RAM than the background, of any size.
  explicit Memory(std::vector<std::uint8_t> ram);
  bool contains(std::uint64_t address, unsigned bytes) const {
    return address < ram_.size() && bytes <= ram_.size() - address;
  }
  // `bytes` 1 to 8, inside RAM.
  std::uint64_t read(std::uint64_t address, unsigned bytes) const;
  void write(std::uint64_t address, unsigned bytes, std::uint64_t value);
  const std::uint8_t* bytes() const { return ram_.data(); }

  // Patches and code bytes of a case: what changes() compares with.
  void load(const std::uint64_t* v, std::span<const std::byte> code);
  // Qwords that differ from after load(), ascending by address; valid until the next call.
  std::span<const insn::MemoryChange> changes();
  // Back to the background.
  void reset();

 private:
  struct Undo {
    std::uint64_t address, before;  // a whole aligned qword
  };
  std::vector<std::uint8_t> ram_;
  std::vector<Undo> log_;
  std::size_t loaded_ = 0;  // entries of log_ that load() made
  std::vector<insn::MemoryChange> changes_;
};

}  // namespace diffvisor::x86
