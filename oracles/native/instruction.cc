// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/instruction.h"

#include "harness/arch/insn/schema.h"
#include "harness/base/bits.h"
#include "oracles/native/guest_pages.h"
#include "oracles/native/host_cpu.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr std::size_t kLongest = 15;

// ---- the state

bool is_flat(const u64* v, unsigned s) {
  constexpr unsigned kIgnored = bit(attr::AVL);
  return v[base_of(s)] == 0 && v[limit_of(s)] == 0xffffffff && (v[attr_of(s)] & ~u64{kIgnored}) == 0xc0f3;
}

// Linux has user segments under the same selectors as the background.
Limit limit_of_segments(const u64* v) {
  const bool wide = v[ModeOf] == kLong64;
  if (v[CsSelector] != ((wide ? kSelUserCode64 : kSelUserCode32) | 3u)) return Limit::Segments;
  for (const unsigned s : {kSs, kDs, kEs}) {
    if (v[selector_of(s)] != (kSelUserData | 3u)) return Limit::Segments;
    if (!wide && !is_flat(v, s)) return Limit::Segments;
  }
  const bool code_is_flat = v[CsBase] == 0 && v[CsLimit] == 0xffffffff && (v[CsAttr] & bit(attr::WRITABLE)) != 0;
  return wide || code_is_flat ? Limit::None : Limit::Segments;
}

Limit limit_of_paging(const u64* v) {
  if ((v[Cr3] & ~u64{0xfff}) != kPml4 || (v[Cr4] & bit(cr4::LA57)) != 0 || (v[Efer] & bit(efer::NXE)) == 0 ||
      !has(v, feature::PAGE1GB))
    return Limit::Paging;
  for (unsigned i = 0; i < kPatches; ++i)
    if (in_tables(v[PatchAddress + i])) return Limit::PatchedTables;
  // Access and write disable of key 0, which most pages have, and of the windows' key.
  constexpr u64 kKeys = 3 | 3 << 10;
  return (v[Cr4] & bit(cr4::PKE)) != 0 && (v[Pkru] & kKeys) != 0 ? Limit::ProtectionKeys : Limit::None;
}

// ---- the bytes

struct Bytes {
  std::array<std::uint8_t, kLongest + 1> byte{};
  std::array<u64, kLongest + 1> gpa{};
  std::size_t count = 0;  // that can be fetched
};

// One more than the longest instruction, so that the decoder can tell too long from cut off.
Limit fetch(const Case& c, Bytes& out) {
  const u64 mask = c[ModeOf] == kLong64 ? ~u64{0} : 0xffffffff;
  for (; out.count < out.byte.size(); ++out.count) {
    const u64 linear = (c[Rip] + out.count) & mask;
    if (linear >> 47 != 0) return out.count == 0 ? Limit::UpperHalf : Limit::None;
    const Page p = user_page(linear);
    if (!p.user_may(false, true) || !p.used) return Limit::None;
    if (!p.in_ram()) return Limit::NoMemory;
    out.gpa[out.count] = p.gpa;
    out.byte[out.count] = memory_byte(c, p.gpa);
  }
  return Limit::None;
}

const ZydisDecoder& decoder(bool wide) {
  const auto make = [](ZydisMachineMode mode, ZydisStackWidth stack) {
    ZydisDecoder d;
    ZydisDecoderInit(&d, mode, stack);
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_AMD_BRANCHES, host_cpu().vendor == kAmd);
    return d;
  };
  static const ZydisDecoder d64 = make(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  static const ZydisDecoder d32 = make(ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
  return wide ? d64 : d32;
}

void decode(const Case& c, const Bytes& bytes, Instruction& i) {
  i.wide = c[ModeOf] == kLong64;
  i.known = ZYAN_SUCCESS(
      ZydisDecoderDecodeFull(&decoder(i.wide), bytes.byte.data(), bytes.count, &i.decoded, i.operands.data()));
  if (!i.known) return;
  i.next = (c[Rip] + i.decoded.length) & (i.wide ? ~u64{0} : 0xffffffff);
  i.is_branch = i.decoded.meta.branch_type == ZYDIS_BRANCH_TYPE_SHORT ||
                i.decoded.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR || i.decoded.meta.category == ZYDIS_CATEGORY_RET;
  i.is_repeated = (i.decoded.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
}

// ---- how to stop

// False: INT3 there would change the instruction itself. A place that cannot be executed needs none: its fetch faults.
bool add_stop(Instruction& i, const Bytes& bytes, u64 linear) {
  if (linear >> 47 != 0) return true;
  const Page p = user_page(linear);
  if (!p.user_may(false, true) || !p.in_ram() || !p.used) return true;
  for (std::size_t b = 0; b < i.decoded.length; ++b)
    if (bytes.gpa[b] == p.gpa) return false;
  i.stop_at[i.stops++] = linear;
  return true;
}

void find_target(Instruction& i) {
  const ZydisDecodedOperand& op = i.operands[0];
  i.has_target = op.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op.imm.is_relative;
  if (!i.has_target) return;
  const unsigned width = i.wide && host_cpu().vendor == kIntel ? 64 : i.decoded.operand_width;
  i.target = (i.next + op.imm.value.u) & ones(width);
}

bool can_use_breakpoints(const Case& c, Instruction& i, const Bytes& bytes) {
  if ((c[Rflags] & bit(rflags::TF)) != 0 || (c[RepOne] != 0 && i.is_repeated)) return false;
  if (i.next == c[Rip] || !add_stop(i, bytes, i.next)) return false;
  if (!i.is_branch) return true;
  find_target(i);
  return i.has_target && i.target != c[Rip] && (i.target == i.next || add_stop(i, bytes, i.target));
}

bool stores_flags(const Instruction& i) {
  return i.is(ZYDIS_MNEMONIC_PUSHF) || i.is(ZYDIS_MNEMONIC_PUSHFD) || i.is(ZYDIS_MNEMONIC_PUSHFQ);
}

// A step shows itself in PUSHF, ends a REP after one iteration and looks like INT1.
Limit limit_of_stop(const Case& c, const Instruction& i) {
  if (i.stop == Stop::Breakpoint) return Limit::None;
  if (i.is(ZYDIS_MNEMONIC_INT1)) return Limit::SelfReference;
  if ((c[Rflags] & bit(rflags::TF)) != 0) return Limit::None;
  return stores_flags(i) || (i.is_repeated && c[RepOne] == 0) ? Limit::SelfReference : Limit::None;
}

// Where AMD reports #GP at the target.
Limit limit_of_target(const Instruction& i) {
  return i.has_target && !is_canonical(i.target, 48) && host_cpu().vendor == kAmd ? Limit::Vendor : Limit::None;
}

}  // namespace

std::uint8_t memory_byte(const Case& c, u64 gpa) {
  const auto& code = c.areas[kCodeArea];
  if (gpa - c[CodeAddress] < code.size()) return std::to_integer<std::uint8_t>(code[gpa - c[CodeAddress]]);
  const u64* v = c.v.data();
  for (unsigned i = 0; i < kPatches; ++i)
    if (v[PatchAddress + i] != 0 && v[PatchAddress + i] == (gpa & ~u64{7}))
      return static_cast<std::uint8_t>(v[PatchValue + i] >> gpa % 8 * 8);
  return background()[gpa];
}

Limit limit_of_state(const u64* v) {
  if (!is_long(v[ModeOf])) return Limit::Mode;
  if (cpl_of(v) != 3) return Limit::Cpl;
  if (v[ExtraSteps] != 0) return Limit::SeveralSteps;
  if ((v[Dr7] & 0xff) != 0) return Limit::Breakpoints;
  if ((v[Rflags] & bit(rflags::TF)) != 0 && v[Shadow] != 0) return Limit::TrapInShadow;
  if (const Limit limit = limit_of_segments(v); limit != Limit::None) return limit;
  return limit_of_paging(v);
}

Limit examine(const Case& c, Instruction& out) {
  Bytes bytes;
  if (const Limit limit = fetch(c, bytes); limit != Limit::None) return limit;
  decode(c, bytes, out);
  if (!out.known) return Limit::None;
  const u64* v = c.v.data();
  if (const Limit limit = limit_of_set(v, out); limit != Limit::None) return limit;
  if (can_use_breakpoints(c, out, bytes)) out.stop = Stop::Breakpoint;
  if (const Limit limit = examine_memory(v, out); limit != Limit::None) return limit;
  if (const Limit limit = limit_of_target(out); limit != Limit::None) return limit;
  return limit_of_stop(c, out);
}

}  // namespace diffvisor::native
