// SPDX-License-Identifier: Apache-2.0
// Bit tests and scans, byte order, CRC32: SDM 2A "BSF" to "BTS", 2A "CRC32", 2B "LZCNT", "MOVBE", "POPCNT", "TZCNT".
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

enum class BitChange : u8 { None, Set, Reset, Complement };

u64 changed(u64 value, unsigned bit, BitChange change) {
  const u64 b = u64{1} << bit;
  switch (change) {
    case BitChange::None:
      return value;
    case BitChange::Set:
      return value | b;
    case BitChange::Reset:
      return value & ~b;
    case BitChange::Complement:
      return value ^ b;
  }
  return value;
}

// A register offset reaches beyond the operand: the operand-sized unit it falls into (SDM 2A "BT").
u64 unit_offset(Machine& m, const Instruction& i, u64 bit_offset) {
  if (i.row->src != Operand::G) return 0;
  const unsigned bytes = operand_size(i);
  const std::int64_t bit =
      m.quirk(Quirk::BtNegOffset) ? static_cast<std::int64_t>(bit_offset) : sign_extend(bit_offset, bytes);
  return static_cast<u64>((bit >> (bytes == 8 ? 6 : bytes == 4 ? 5 : 4)) * bytes);
}

void bit_test(Machine& m, const Instruction& i, BitChange change) {
  const unsigned bytes = operand_size(i);
  const u64 bit_offset = source(m, i);
  const auto bit = static_cast<unsigned>(bit_offset & (8 * bytes - 1));
  u64 value = 0;
  if (!i.is_memory()) {
    value = load(m, i, Operand::E, bytes);
    if (change != BitChange::None) set_destination(m, i, changed(value, bit, change));
  } else {
    const u64 at = effective_offset(m, i, unit_offset(m, i, bit_offset));
    value = change == BitChange::None ? m.read(i.segment, at, bytes) : m.read_for_write(i.segment, at, bytes);
    if (change != BitChange::None) m.write(i.segment, at, bytes, changed(value, bit, change));
  }
  m.set_flag(CF, (value >> bit & 1) != 0);
  leave_undefined(m, Undefined::BitTest);
}

// Of a source of 0 AMD documents an unchanged destination, Intel nothing.
void scan_of_zero(Machine& m, const Instruction& i) {
  m.set_flag(ZF, true);
  if (m.v[insn::CapVendor] == insn::kAmd) return;
  leave_register_undefined(m, i.reg(), operand_size(i) == 2 ? 0xffff : ~u64{0});
}

void scan(Machine& m, const Instruction& i, bool forward) {
  const u64 src = source(m, i);
  leave_undefined(m, Undefined::BitScan);
  if (src == 0) return scan_of_zero(m, i);
  set_flags(m, kStatus, 0);
  set_destination(m, i, static_cast<u64>(forward ? std::countr_zero(src) : 63 - std::countl_zero(src)));
}

void count_zeros(Machine& m, const Instruction& i, bool forward) {
  const unsigned bits = 8 * operand_size(i);
  const u64 src = source(m, i);
  const auto zeros = static_cast<unsigned>(forward ? std::countr_zero(src) : std::countl_zero(src) + int(bits) - 64);
  const unsigned count = src == 0 ? bits : zeros;
  set_flags(m, kStatus, flag_bit(CF, count == bits) | flag_bit(ZF, count == 0));
  leave_undefined(m, Undefined::CountZeros);
  set_destination(m, i, count);
}

u64 swapped(u64 value, unsigned bytes) {
  u64 result = 0;
  for (unsigned k = 0; k < bytes; ++k) result = result << 8 | (value >> 8 * k & 0xff);
  return result;
}

// Castagnoli polynomial, bit-reflected.
void crc32(Machine& m, const Instruction& i, unsigned bytes) {
  const u64 src = source(m, i, bytes);
  auto crc = static_cast<u32>(load(m, i, Operand::G, 4));
  for (unsigned k = 0; k < bytes; ++k) {
    crc ^= static_cast<u32>(src >> 8 * k & 0xff);
    for (unsigned n = 0; n < 8; ++n) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  set_register(m, i, i.reg(), i.rex_w() ? 8 : 4, crc);
}

}  // namespace

void bt(Machine& m, const Instruction& i) { bit_test(m, i, BitChange::None); }
void bts(Machine& m, const Instruction& i) { bit_test(m, i, BitChange::Set); }
void btr(Machine& m, const Instruction& i) { bit_test(m, i, BitChange::Reset); }
void btc(Machine& m, const Instruction& i) { bit_test(m, i, BitChange::Complement); }
void bsf(Machine& m, const Instruction& i) { scan(m, i, true); }
void bsr(Machine& m, const Instruction& i) { scan(m, i, false); }

// CPUs without them, and KVM's emulator, ignore the prefix and scan.
void tzcnt(Machine& m, const Instruction& i) {
  if (!m.has(insn::feature::BMI1) || m.quirk(Quirk::KvmBitScan)) return bsf(m, i);
  count_zeros(m, i, true);
}
void lzcnt(Machine& m, const Instruction& i) {
  if (!m.has(insn::feature::LZCNT) || m.quirk(Quirk::KvmBitScan)) return bsr(m, i);
  count_zeros(m, i, false);
}
void popcnt(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  set_flags(m, kStatus, flag_bit(ZF, src == 0));
  set_destination(m, i, static_cast<u64>(std::popcount(src)));
}

// Of 16 bits the result is undefined; CPUs give 0.
void bswap(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  if (bytes == 2) leave_register_undefined(m, opcode_register(i), 0xffff);
  set_destination(m, i, bytes == 2 ? 0 : swapped(load(m, i, Operand::Z, bytes), bytes));
}
void movbe(Machine& m, const Instruction& i) {
  if (!i.is_memory() && !m.quirk(Quirk::MovbeReg)) return m.undefined_opcode(Cause::Opcode);
  set_destination(m, i, swapped(source(m, i), operand_size(i)));
}
void crc32_byte(Machine& m, const Instruction& i) { crc32(m, i, 1); }
void crc32_full(Machine& m, const Instruction& i) { crc32(m, i, operand_size(i)); }

}  // namespace diffvisor::x86
