// SPDX-License-Identifier: Apache-2.0
// A case and its result as the child has them: loaded and read as they are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/insn/fields.h"
#include "harness/arch/insn/outcome.h"

namespace diffvisor::native {

// What user code can load: general registers by number, an IRETQ frame, an FXSAVE64 image. enter.cc knows the offsets.
struct alignas(64) Registers {
  std::uint64_t general[16];
  std::uint64_t rip, cs, rflags, rsp, ss;
  std::uint64_t padding[3];
  std::uint8_t fx[512];
};
static_assert(offsetof(Registers, rip) == 128 && offsetof(Registers, fx) == 192);

inline constexpr unsigned kStops = 2;
inline constexpr std::uint32_t kNoStop = ~std::uint32_t{0};

struct NativeCase {
  Registers start;
  std::uint64_t pages;         // bit i: the instruction may change physical page i
  std::uint32_t stop[kStops];  // physical addresses of bytes that are INT3 meanwhile; kNoStop: none
  std::uint32_t code_address, code_bytes;
  insn::MemoryChange patch[insn::kPatches];  // address 0: none
  std::uint8_t code[insn::kMostCode];
};

struct NativeResult {
  std::uint64_t general[16];
  std::uint64_t rip, rflags, fault_address;
  std::uint32_t trap, error_code;  // as the kernel has them in the signal frame
  std::uint32_t stop_overwritten, signal;
  std::uint64_t memory_count, memory_digest;
  insn::MemoryChange memory[insn::kMemoryShown];
  std::uint64_t tables_written;
  std::uint8_t fx[512];
};

// Layout of an FXSAVE64 image (SDM 1 10.5.1).
namespace fx {
inline constexpr std::size_t kFcw = 0, kFsw = 2, kFtw = 4, kMxcsr = 24, kSt = 32, kXmm = 160;
}

}  // namespace diffvisor::native
