// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/schema.h"
#include "oracles/native/host_cpu.h"
#include "oracles/native/instruction.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

enum class State : std::uint8_t { Integer, X87, Sse };
constexpr unsigned kAlways = 0xff;

struct SetRow {
  ZydisISASet set;
  State state;
  unsigned feature;
};
constexpr SetRow kSets[] = {
#define SET(zydis, state, feature) {ZYDIS_ISA_SET_##zydis, State::state, feature},
#include "oracles/native/instruction_sets.def"
};

struct RefusedRow {
  ZydisMnemonic mnemonic;
  Limit limit;
};
constexpr RefusedRow kRefused[] = {
#define REFUSE(zydis, limit) {ZYDIS_MNEMONIC_##zydis, Limit::limit},
#include "oracles/native/instruction_sets.def"
};

constexpr u64 bit(unsigned n) { return u64{1} << n; }

const SetRow* row_of(ZydisISASet set) {
  static const auto index = [] {
    std::array<const SetRow*, ZYDIS_ISA_SET_MAX_VALUE + 1> rows{};
    for (const SetRow& row : kSets) rows[row.set] = &row;
    return rows;
  }();
  return index[set];
}

Limit refusal_of(ZydisMnemonic mnemonic) {
  static const auto index = [] {
    std::array<Limit, ZYDIS_MNEMONIC_MAX_VALUE + 1> limits{};
    for (const RefusedRow& row : kRefused) limits[row.mnemonic] = row.limit;
    return limits;
  }();
  return index[mnemonic];
}

bool is_legacy_or_scalar(const Instruction& i) {
  switch (i.decoded.encoding) {
    case ZYDIS_INSTRUCTION_ENCODING_LEGACY:
      return true;
    case ZYDIS_INSTRUCTION_ENCODING_VEX:
      return i.decoded.meta.isa_set == ZYDIS_ISA_SET_BMI1 || i.decoded.meta.isa_set == ZYDIS_ISA_SET_BMI2;
    default:
      return false;
  }
}

Limit limit_of_units(const u64* v, State state) {
  if (state == State::Integer) return Limit::None;
  if ((v[Cr0] & (bit(cr0::EM) | bit(cr0::TS))) != 0 || (v[Cr0] & bit(cr0::NE)) == 0) return Limit::FpuOff;
  return state == State::Sse && (v[Cr4] & bit(cr4::OSFXSR)) == 0 ? Limit::FpuOff : Limit::None;
}

// FS and GS are the host's; what loads any other goes to the case's tables.
Limit limit_of_segments(const Instruction& i) {
  for (const ZydisDecodedOperand& op : i.all_operands()) {
    if (op.type == ZYDIS_OPERAND_TYPE_MEMORY && op.mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
        (op.mem.segment == ZYDIS_REGISTER_FS || op.mem.segment == ZYDIS_REGISTER_GS))
      return Limit::FsGs;
    if (op.type != ZYDIS_OPERAND_TYPE_REGISTER || ZydisRegisterGetClass(op.reg.value) != ZYDIS_REGCLASS_SEGMENT)
      continue;
    if ((op.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) return Limit::SegmentLoad;
    if (op.reg.value == ZYDIS_REGISTER_FS || op.reg.value == ZYDIS_REGISTER_GS) return Limit::FsGs;
  }
  return i.decoded.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? Limit::SegmentLoad : Limit::None;
}

// PUSHF stores what the process has; POPF, CLI and STI depend on IOPL, VIF and VIP.
Limit limit_of_flags(const u64* v, const Instruction& i) {
  const u64 f = v[Rflags];
  const bool open = (f & (u64{3} << rflags::IOPL)) != 0;
  const u64 interrupts = bit(rflags::VIF) | bit(rflags::VIP);
  switch (i.decoded.mnemonic) {
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFD:
    case ZYDIS_MNEMONIC_PUSHFQ: {
      const bool hidden_ac = (f & bit(rflags::AC)) != 0 && (v[Cr0] & bit(cr0::AM)) == 0;
      const bool differs = (f & bit(rflags::IF)) == 0 || (f & (bit(rflags::NT) | interrupts)) != 0;
      return open || hidden_ac || differs ? Limit::FlagsImage : Limit::None;
    }
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFD:
    case ZYDIS_MNEMONIC_POPFQ:
      return open || (f & interrupts) != 0 ? Limit::FlagsImage : Limit::None;
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
      return open || (v[Cr4] & bit(cr4::PVI)) != 0 ? Limit::FlagsImage : Limit::None;
    default:
      return Limit::None;
  }
}

bool touches_debug_register(const Instruction& i) {
  for (const ZydisDecodedOperand& op : i.all_operands())
    if (op.type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(op.reg.value) == ZYDIS_REGCLASS_DEBUG)
      return true;
  return false;
}

bool depends_on_vendor(const Instruction& i) {
  const ZydisDecodedInstruction& d = i.decoded;
  const bool repeats = i.has_prefix(0xf2) || i.has_prefix(0xf3);
  if (i.is_branch) return (i.wide && i.has_prefix(0x66)) || repeats;
  if (d.opcode_map == ZYDIS_OPCODE_MAP_0F && d.opcode == 0x0d) return true;
  if (i.has_prefix(0xf2) && i.has_prefix(0xf3)) return true;
  return i.is_repeated && i.has_prefix(0x67);
}

}  // namespace

bool Instruction::has_prefix(std::uint8_t byte) const {
  for (unsigned p = 0; p < decoded.raw.prefix_count; ++p)
    if (decoded.raw.prefixes[p].value == byte) return true;
  return false;
}

Limit limit_of_set(const u64* v, const Instruction& i) {
  if (const Limit limit = refusal_of(i.decoded.mnemonic); limit != Limit::None) return limit;
  if (i.decoded.meta.category == ZYDIS_CATEGORY_IO || i.decoded.meta.category == ZYDIS_CATEGORY_IOSTRINGOP)
    return Limit::Io;
  const SetRow* row = row_of(i.decoded.meta.isa_set);
  if (row == nullptr || !is_legacy_or_scalar(i)) return Limit::InstructionSet;
  const HostCpu& host = host_cpu();
  if (row->feature != kAlways && ((v[CapFeatures] & host.features) >> row->feature & 1) == 0) return Limit::Feature;
  if (v[CapVendor] != host.vendor && depends_on_vendor(i)) return Limit::Vendor;
  if (const Limit limit = limit_of_units(v, row->state); limit != Limit::None) return limit;
  if (const Limit limit = limit_of_segments(i); limit != Limit::None) return limit;
  if (touches_debug_register(i)) return Limit::DebugRegister;
  return limit_of_flags(v, i);
}

}  // namespace diffvisor::native
