// SPDX-License-Identifier: Apache-2.0
// The guest's 256 KiB: background, a case's own memory on top of it, and the exact list of what an instruction changed,
// found without comparing all of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/wire.h"

namespace diffvisor::unicorn {

// The registers that say how linear addresses become physical ones.
struct Paging {
  std::uint64_t cr0, cr3, cr4, efer;
  bool operator==(const Paging&) const = default;
  bool is_on() const { return cr0 >> 31 & 1; }
};

// Linear addresses an instruction touched, as the hooks saw them.
class Accesses {
 public:
  void clear() { stores_ = pages_ = 0, overflow_ = false; }
  void note_page(std::uint64_t linear) { add(page_, pages_, linear & ~(insn::kPage - 1)); }
  void note(std::uint64_t linear, unsigned bytes) {
    note_page(linear);
    if (((linear ^ (linear + bytes - 1)) & ~(insn::kPage - 1)) != 0) note_page(linear + bytes - 1);
  }
  // At most 8 bytes.
  void note_store(std::uint64_t linear, unsigned bytes) {
    note(linear, bytes);
    note_qword(linear);
    if (((linear ^ (linear + bytes - 1)) & ~std::uint64_t{7}) != 0) note_qword(linear + bytes - 1);
  }

  bool overflow() const { return overflow_; }
  std::span<const std::uint64_t> stores() const { return {store_.data(), stores_}; }  // multiples of 8
  std::span<const std::uint64_t> pages() const { return {page_.data(), pages_}; }

 private:
  void note_qword(std::uint64_t linear) { add(store_, stores_, linear & ~std::uint64_t{7}); }
  template <std::size_t n>
  void add(std::array<std::uint64_t, n>& list, std::size_t& count, std::uint64_t value) {
    for (std::size_t i = count; i-- > 0;)
      if (list[i] == value) return;
    if (count == n) {
      overflow_ = true;
    } else {
      list[count++] = value;
    }
  }

  std::array<std::uint64_t, 24> store_;
  std::array<std::uint64_t, 16> page_;
  std::size_t stores_ = 0, pages_ = 0;
  bool overflow_ = false;
};

class GuestRam {
 public:
  explicit GuestRam(std::uint8_t* ram);  // kRamEnd bytes, all 0

  void load(const insn::WireCase& c);
  // What differs from the state after load(), in ascending order. `paging` is of before the instructions; if they
  // were `unusual` nothing is known about what they did.
  std::span<const insn::MemoryChange> find_changes(const Accesses& a, const Paging& paging, bool unusual);
  // Whether the last find_changes knows the page tables that were walked.
  bool walks_known() const { return walks_known_; }
  // Undoes what find_changes found and what load() wrote.
  void unload();
  bool is_background() const;

  enum class Place { Seen, Absent, NoTable, NoMemory, Elsewhere };
  // Whether Unicorn sees at a linear address what the page tables as loaded put there.
  Place place_of(const Paging& paging, std::uint64_t linear) const;
  // Code bytes as Unicorn sees them.
  std::size_t read_code(std::uint64_t linear, std::span<std::uint8_t> out) const;

 private:
  struct Free {
    void operator()(std::uint8_t* p) const;
  };
  using Buffer = std::unique_ptr<std::uint8_t, Free>;
  static Buffer make_buffer();

  void write(std::uint64_t address, const void* bytes, std::size_t count);
  void compare_qword(std::uint64_t address);
  void compare_everything();
  bool compare_tables(const Paging& paging, std::uint64_t linear, std::uint64_t& tables);

  std::uint8_t* ram_;
  Buffer loaded_, background_;
  std::vector<insn::MemoryChange> changes_;
  bool walks_known_ = true;
  struct Range {
    std::uint64_t address, bytes;
  };
  std::vector<Range> written_;
};

}  // namespace diffvisor::unicorn
