// SPDX-License-Identifier: Apache-2.0
// Slots of the x86_insn domain, from fields.def, and the words of its contexts and capabilities. Freestanding: the
// agent includes it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/x86/control_bits.h"

namespace diffvisor::insn {

// One enumerator per first slot; an array's further elements follow it.
enum FieldSlot : std::uint16_t {
#define FIELD(id, name, constant, width, count, role, group) constant, constant##Last = constant + (count)-1,
#include "harness/arch/insn/fields.def"
#undef FIELD
  kSlots
};

inline constexpr std::uint16_t kFirstState = Rax;
inline constexpr std::uint16_t kStateWords = CodeAddress - kFirstState;  // RAX .. SHADOW
inline constexpr unsigned kPatches = PatchAddressLast - PatchAddress + 1;
inline constexpr std::size_t kMostCode = 48;  // bytes

// What MODE says; settle() keeps CR0.PE, RFLAGS.VM, EFER.LMA and CS.L/D in step with it.
enum Mode : unsigned { kReal16, kVirtual8086, kProtected16, kProtected32, kCompatibility32, kLong64, kModes };
constexpr bool is_long(std::uint64_t mode) { return mode == kCompatibility32 || mode == kLong64; }
constexpr bool is_protected(std::uint64_t mode) { return mode >= kProtected16; }

enum Vendor : unsigned { kIntel, kAmd };
// GENERATION: 0 is a current CPU; 2 an 80286.
inline constexpr unsigned k80286 = 2;

// FEATURES, named as CPUID's bits.
namespace feature {
enum : unsigned {
#define FEATURE(name, leaf, subleaf, word, bit) name,
#include "harness/arch/insn/features.def"
#undef FEATURE
  kCount
};
}  // namespace feature

enum Segment : unsigned { kEs, kCs, kSs, kDs, kFs, kGs, kLdtr, kTr, kSegments };
constexpr std::uint16_t selector_of(unsigned s) { return static_cast<std::uint16_t>(EsSelector + 4 * s); }
constexpr std::uint16_t base_of(unsigned s) { return static_cast<std::uint16_t>(EsBase + 4 * s); }
constexpr std::uint16_t limit_of(unsigned s) { return static_cast<std::uint16_t>(EsLimit + 4 * s); }
constexpr std::uint16_t attr_of(unsigned s) { return static_cast<std::uint16_t>(EsAttr + 4 * s); }
static_assert(TrAttr == EsAttr + 4 * kTr && GdtrBase == TrAttr + 1);

// Segment attributes; type 3:0, DPL 6:5.
namespace attr {
enum : unsigned {
  ACCESSED = 0,
  WRITABLE = 1,
  EXPAND_DOWN = 2,
  CODE = 3,
  S = 4,
  DPL = 5,
  P = 7,
  AVL = 12,
  L = 13,
  DB = 14,
  G = 15,
  UNUSABLE = 16
};
}
constexpr unsigned dpl_of(std::uint64_t a) { return static_cast<unsigned>(a >> attr::DPL & 3); }

namespace cr0 = x86::cr0;
namespace cr4 = x86::cr4;
namespace efer = x86::efer;
namespace rflags {
enum : unsigned {
  CF = 0,
  PF = 2,
  AF = 4,
  ZF = 6,
  SF = 7,
  TF = 8,
  IF = 9,
  DF = 10,
  OF = 11,
  IOPL = 12,
  NT = 14,
  RF = 16,
  VM = 17,
  AC = 18,
  VIF = 19,
  VIP = 20,
  ID = 21
};
inline constexpr std::uint64_t kStatus = 0x8d5;      // CF PF AF ZF SF OF
inline constexpr std::uint64_t kDefined = 0x3f7fd7;  // every bit that can be 1
}  // namespace rflags

}  // namespace diffvisor::insn
