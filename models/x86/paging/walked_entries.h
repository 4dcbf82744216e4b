// SPDX-License-Identifier: Apache-2.0
// Paging entries that one instruction has used and then stored to: whether it sees the old or the new translation
// afterwards is open, for nothing tells the CPU to forget what it has cached (SDM 3A 4.10.2.2 and 4.10.4.3).
#pragma once

#include <array>
#include <cstdint>

namespace diffvisor::x86 {

class WalkedEntries {
 public:
  void start_instruction() {
    count_ = 0;
    any_stale_ = false;
  }
  // A walk reads the entry; false: the instruction has changed it since an earlier walk.
  bool read(std::uint64_t address, unsigned bytes) {
    if (any_stale_ && is_stale(address)) return false;
    entries_[count_++ % entries_.size()] = {address, bytes, false};
    return true;
  }
  void stored(std::uint64_t address, unsigned bytes) {
    for (unsigned i = 0; i < kept(); ++i) {
      Entry& e = entries_[i];
      if (address >= e.address + e.bytes || e.address >= address + bytes) continue;
      e.stale = any_stale_ = true;
    }
  }

 private:
  struct Entry {
    std::uint64_t address;
    unsigned bytes;
    bool stale;
  };
  unsigned kept() const { return count_ < entries_.size() ? count_ : static_cast<unsigned>(entries_.size()); }
  bool is_stale(std::uint64_t address) const {
    for (unsigned i = 0; i < kept(); ++i)
      if (entries_[i].stale && entries_[i].address == address) return true;
    return false;
  }

  std::array<Entry, 64> entries_{};  // the latest
  unsigned count_ = 0;
  bool any_stale_ = false;
};

}  // namespace diffvisor::x86
