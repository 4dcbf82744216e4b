// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/operands.h"

#include "fuzzers/x86_insn/environment.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

constexpr unsigned kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6, kRdi = 7;

void take_16_bit_registers(const ZydisDecodedInstruction& d, MemoryOperand& m) {
  static constexpr unsigned kBase[] = {kRbx, kRbx, kRbp, kRbp, kRsi, kRdi, kRbp, kRbx};
  static constexpr unsigned kIndex[] = {kRsi, kRdi, kRsi, kRdi, kNone, kNone, kNone, kNone};
  if (d.raw.modrm.mod == 0 && d.raw.modrm.rm == 6) return;
  m.base = kBase[d.raw.modrm.rm];
  m.index = kIndex[d.raw.modrm.rm];
}

void take_registers(const Builder& b, MemoryOperand& m) {
  const ZydisDecodedInstruction& d = b.code.decoded;
  const auto& extension = b.code.context.vector_unified;
  if (d.raw.modrm.rm != 4) {
    const bool plain = d.raw.modrm.mod != 0 || d.raw.modrm.rm != 5;
    m.base = plain ? d.raw.modrm.rm + 8u * extension.B : b.mode == kLong64 ? kRipBase : kNone;
    return;
  }
  const unsigned index = d.raw.sib.index + 8u * extension.X;
  if (d.raw.sib.base != 5 || d.raw.modrm.mod != 0) m.base = d.raw.sib.base + 8u * extension.B;
  if (index != 4) m.index = index;
  m.scale = 1u << d.raw.sib.scale;
}

void set_displacement(Builder& b, const MemoryOperand& m, u64 value) {
  if (m.displacement_bytes == 0) return;
  for (unsigned i = 0; i < m.displacement_bytes; ++i)
    b.code.bytes[m.displacement_offset + i] = static_cast<u8>(value >> 8 * i);
  b.code.decoded.raw.disp.value = static_cast<ZyanI64>(sign_extend(value, 8 * m.displacement_bytes));
}

u64 register_of(const Builder& b, unsigned number) {
  if (number == kNone) return 0;
  return number == kRipBase ? b.v[Rip] + b.code.length : b.v[Rax + number];
}

}  // namespace

unsigned segment_of(const Builder& b, unsigned usual) {
  const auto& raw = b.code.decoded.raw;
  unsigned s = usual;
  for (unsigned i = 0; i < raw.prefix_count; ++i) switch (raw.prefixes[i].value) {
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        if (b.mode != kLong64) s = raw.prefixes[i].value >> 3 & 3;
        break;
      case 0x64:
        s = kFs;
        break;
      case 0x65:
        s = kGs;
        break;
    }
  return s;
}

MemoryOperand memory_operand(const Builder& b) {
  const ZydisDecodedInstruction& d = b.code.decoded;
  MemoryOperand m;
  const bool absolute = !b.code.has_modrm() && d.raw.disp.size != 0;
  m.exists = b.code.valid && (b.code.is_memory() || absolute);
  if (!m.exists) return m;
  m.address_bytes = b.code.address_bytes();
  m.displacement = static_cast<u64>(d.raw.disp.value);
  m.displacement_offset = d.raw.disp.offset;
  m.displacement_bytes = d.raw.disp.size / 8u;
  if (!absolute && m.address_bytes == 2) take_16_bit_registers(d, m);
  if (!absolute && m.address_bytes != 2) take_registers(b, m);
  m.segment = segment_of(b, m.base == kRsp || m.base == kRbp ? kSs : kDs);
  return m;
}

u64 linear_of(const Builder& b, const MemoryOperand& m) {
  const u64 offset = register_of(b, m.base) + register_of(b, m.index) * m.scale + m.displacement;
  const u64 linear = b.segment_base(m.segment) + (offset & ones(8 * m.address_bytes));
  return b.mode == kLong64 ? linear : linear & 0xffffffff;
}

void aim(Builder& b, const MemoryOperand& m, u64 linear) {
  const u64 offset = offset_in_segment(b, m.segment, linear, m.address_bytes);
  if (m.index != kNone && b.chance(80)) b.set_low(m.index, m.address_bytes, b.rng.below(0x100));
  if (m.base == kRipBase || m.base == kNone) {
    const u64 rest = offset - register_of(b, m.base) - register_of(b, m.index) * m.scale;
    set_displacement(b, m, rest);
    const u64 kept = sign_extend(rest, 8 * m.displacement_bytes);
    if (m.index != kNone && ((rest ^ kept) & ones(8 * m.address_bytes)) != 0)
      b.set_low(m.index, m.address_bytes, (offset - kept) / m.scale);
    return;
  }
  if (m.base != m.index) {
    b.set_low(m.base, m.address_bytes, offset - m.displacement - register_of(b, m.index) * m.scale);
    return;
  }
  // base + base * scale: what the division leaves goes into the displacement.
  const u64 value = (offset - m.displacement) / (1 + m.scale);
  b.set_low(m.base, m.address_bytes, value);
  set_displacement(b, m, offset - value * (1 + m.scale));
}

unsigned operand_bytes_of(const Code& code) {
  const unsigned bytes = code.operand_bytes();
  if (code.map() == 0) {
    const u8 op = code.opcode();
    return op == 0x62                                                            ? 2 * bytes
           : op == 0xc4 || op == 0xc5 || (op == 0xff && (code.group() | 6) == 7) ? bytes + 2
                                                                                 : bytes;
  }
  if (code.is(1, 0xae)) return code.group() < 2 ? 512 : 4;
  if (code.is(1, 0xc7)) return code.context.vector_unified.W != 0 ? 16 : 8;
  if (code.is(1, 0x01)) return code.group() < 4 ? 10 : 2;
  if (code.is(1, 0x00)) return 2;
  return bytes == 0 || bytes > 16 ? 16 : bytes;
}

void aim_somewhere(Builder& b, const MemoryOperand& m) {
  const unsigned bytes = operand_bytes_of(b.code);
  b.operand_size = bytes;
  if (b.chance(2)) {
    b.operand_linear = linear_of(b, m);  // wherever the registers point
    return;
  }
  u64 linear = choose_linear(b, bytes);
  if (bytes >= 16 && b.chance(80)) linear &= ~u64{15};
  if ((m.segment == kCs || m.segment == kSs) && m.address_bytes == 2)
    linear = b.segment_base(m.segment) + (linear & 0xffff);
  aim(b, m, linear);
  b.operand_linear = linear_of(b, memory_operand(b));
}

void aim_register(Builder& b, unsigned number, unsigned segment, unsigned bytes) {
  const u64 linear = choose_linear(b, bytes);
  b.set_low(number, b.code.address_bytes(), offset_in_segment(b, segment, linear, b.code.address_bytes()));
  b.operand_linear = linear;
  b.operand_size = bytes;
}

}  // namespace diffvisor::x86_insn
