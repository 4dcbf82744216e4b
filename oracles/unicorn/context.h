// SPDX-License-Identifier: Apache-2.0
// The blob in which Unicorn 2.0.1 keeps the state of an x86 CPU (uc_context_save), and where in it things lie on x86-64
// Linux. The library promises none of this: layout_proof.h proves it at start-up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <unicorn/unicorn.h>

namespace diffvisor::unicorn {

namespace at {
inline constexpr std::size_t kRegs = 0, kEip = 128, kEflags = 136, kCcOp = 168, kDf = 172, kHflags = 176,
                             kHflags2 = 180, kSegs = 184, kLdt = 328, kTr = 352, kGdt = 376, kIdt = 400, kCr = 424,
                             kA20Mask = 464, kEfer = 560, kFpstt = 572, kFpus = 576, kFpuc = 578, kFptags = 580,
                             kFpregs = 592, kMxcsr = 784, kXmm = 792, kSysenterCs = 4768, kSysenterEsp = 4776,
                             kSysenterEip = 4784, kStar = 4792, kLstar = 4808, kCstar = 4816, kFmask = 4824,
                             kKernelGsBase = 4832, kTscAux = 4864, kXcr0 = 4872, kPkru = 5272, kErrorCode = 5352,
                             kExceptionIsInt = 5356, kDr = 5368, kOldException = 5464, kVTpr = 5524, kEnd = 5528;
// Behind what a context holds; a longer restore reaches it.
inline constexpr std::size_t kCpuidLevel = 5572, kVendor = 5584, kFeatures = 5600, kFeaturesEnd = 5600 + 28 * 8;
}  // namespace at

// Bits of hflags: what the translator is told of the mode.
namespace hflag {
enum : unsigned {
  INHIBIT_IRQ = 3,
  CS32 = 4,
  SS32 = 5,
  ADDSEG = 6,
  PE = 7,
  MP = 9,
  EM = 10,
  TS = 11,
  LMA = 14,
  CS64 = 15,
  OSFXSR = 22,
  SMAP = 23
};
}
inline constexpr std::uint32_t kHflags2Gif = 1, kHflags2VirtualTpr = 8;  // the latter makes CR8 readable
inline constexpr std::uint32_t kCcOpEflags = 1;
// What a CPU just opened has; others are written through the API, which derives rounding modes from them.
inline constexpr std::uint64_t kFreshFcw = 0x37f, kFreshMxcsr = 0x1f80;

struct SegmentCache {
  std::uint32_t selector, padding;
  std::uint64_t base;
  std::uint32_t limit, flags;
};
static_assert(sizeof(SegmentCache) == 24);

class Context {
 public:
  template <class T>
  T get(std::size_t offset) const {
    T value;
    std::memcpy(&value, data_.data() + offset, sizeof value);
    return value;
  }
  template <class T>
  void put(std::size_t offset, T value) {
    std::memcpy(data_.data() + offset, &value, sizeof value);
  }

  void set_size(std::size_t bytes) { size_ = bytes; }
  void restore_to(uc_engine* uc) { uc_context_restore(uc, raw()); }
  void save_from(uc_engine* uc) { uc_context_save(uc, raw()); }

 private:
  uc_context* raw() { return reinterpret_cast<uc_context*>(this); }

  // As the library lays it out.
  std::size_t size_ = at::kEnd;
  [[maybe_unused]] int mode_ = UC_MODE_64;
  [[maybe_unused]] int arch_ = UC_ARCH_X86;
  alignas(8) std::array<std::uint8_t, 5888> data_{};
};
static_assert(at::kFeaturesEnd <= 5888);

}  // namespace diffvisor::unicorn
