// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/summary.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kPresent = u64{1} << 63;

u8 prefixes_of(const Instruction& i) {
  const bool prefixes[] = {
      i.lock, i.operand_prefix, i.address_prefix, i.rep == Rep::Repne, i.rep == Rep::Repe, i.segment_prefix, i.rex != 0,
      i.vex};
  unsigned bits = 0;
  for (unsigned n = 0; n < std::size(prefixes); ++n) bits |= unsigned{prefixes[n]} << n;
  return static_cast<u8>(bits);
}

}  // namespace

Summary summary_of(const Instruction& i, bool defined) {
  Summary s;
  s.opcode = static_cast<u16>(i.map << 8 | i.opcode);
  s.modrm = i.modrm;
  s.prefixes = prefixes_of(i);
  s.length = i.length;
  if (!defined) return s;
  s.rex = i.rex & 15;
  s.operand_bytes = i.operand_bytes;
  s.address_bytes = i.address_bytes;
  return s;
}

u64 pack(const Summary& s) {
  return kPresent | s.opcode | u64{s.modrm} << 16 | u64{s.prefixes} << 24 | u64{s.length} << 32 | u64{s.rex} << 40 |
         u64{s.operand_bytes} << 44 | u64{s.address_bytes} << 48;
}

Summary unpack_summary(u64 word) {
  const auto byte = [word](unsigned at) { return static_cast<u8>(word >> at); };
  return {static_cast<u16>(word),
          byte(16),
          byte(24),
          byte(32),
          static_cast<u8>(byte(40) & 15),
          static_cast<u8>(byte(44) & 15),
          static_cast<u8>(byte(48) & 15)};
}

}  // namespace diffvisor::x86
