// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/limits.h"

#include <algorithm>

#include "oracles/unicorn/cpu_state.h"

namespace diffvisor::unicorn {
namespace {

std::uint64_t reg(const Context& c, unsigned number) { return c.get<std::uint64_t>(at::kRegs + 8 * number); }

bool is_lock_compare(const Opcode& o) {
  if (!o.lock || o.map != Opcode::kOneByte) return false;
  if (o.byte == 0xa6 || o.byte == 0xa7) return true;
  const bool immediate = o.byte >= 0x80 && o.byte <= 0x83 && o.reg() == 7;
  return (o.byte == 0x38 || o.byte == 0x39 || immediate) && !o.is_register();
}

bool is_lock_bit(const Opcode& o) {
  if (!o.lock || o.map != Opcode::k0f || !o.is_register()) return false;
  return o.byte == 0xa3 || o.byte == 0xab || o.byte == 0xb3 || o.byte == 0xba || o.byte == 0xbb;
}

bool is_explicit_length(const Opcode& o, const Context& now) {
  if (o.map != Opcode::k0f3a && o.map != Opcode::kVex) return false;
  const auto is_least = [&](unsigned n) { return (reg(now, n) & 0xffffffff) == 0x80000000; };
  return (o.byte == 0x60 || o.byte == 0x61) && (is_least(0) || is_least(2));
}

bool is_divide_least(const Opcode& o, const Context& now) {
  if (!o.is(Opcode::kOneByte, 0xf7) || o.reg() != 7 || o.rex_w()) return false;
  return (reg(now, 2) & 0xffffffff) == 0x80000000 && (reg(now, 0) & 0xffffffff) == 0;
}

bool is_debug_control(const Opcode& o, const std::uint64_t* v, const Context& now) {
  // A VEX prefix it takes for 0F.
  if (o.map != Opcode::k0f && o.map != Opcode::kVex) return false;
  if ((o.byte != 0x21 && o.byte != 0x23) || (o.reg() != 7 && o.reg() != 5)) return false;
  if ((v[insn::Dr7] & 0xff) != 0) return true;
  return o.byte == 0x23 && (reg(now, o.rm_register()) & 0xff) != 0;
}

bool is_own_msr(std::uint64_t index) {
  constexpr std::uint32_t kOwn[] = {0x174,      0x175,      0x176,      0xc0000080, 0xc0000081, 0xc0000082,
                                    0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103};
  return std::find(std::begin(kOwn), std::end(kOwn), static_cast<std::uint32_t>(index)) != std::end(kOwn);
}

Limit limit_done_0f(const Opcode& o, const Context& before) {
  switch (o.byte) {
    case 0x01:
      if (o.modrm == 0xf9) return Limit::Rdtsc;
      return o.modrm == 0xc8 || o.modrm == 0xc9 ? Limit::Mwait : Limit::None;
    case 0x05:
    case 0x34:
      return Limit::Syscall;
    case 0x30:
    case 0x32:
      return is_own_msr(reg(before, 1)) ? Limit::None : Limit::Msr;
    case 0x31:
      return Limit::Rdtsc;
    case 0x33:
      return Limit::Rdpmc;
    case 0xa2:
      return Limit::Cpuid;
    case 0xae:  // XSAVE, XRSTOR, XSAVEOPT
      return !o.is_register() && o.reg() >= 4 && o.reg() <= 6 && !o.operand_size ? Limit::Xsave : Limit::None;
    case 0xc7:  // RDRAND, RDSEED; XRSTORS, XSAVEC, XSAVES
      if (o.is_register()) return o.reg() >= 6 ? Limit::Rdrand : Limit::None;
      return o.reg() >= 3 && o.reg() <= 5 ? Limit::Xsave : Limit::None;
    default:
      return Limit::None;
  }
}

// By RIP too: a fault at the stop has to be told from one of the instruction.
bool is_sysret_to_itself(const Opcode& o, const Context& now) {
  if (!o.is(Opcode::k0f, 0x07)) return false;
  const auto rip = now.get<std::uint64_t>(at::kEip), target = sysret_target(o, now);
  return target == rip || target == cs_base(now) + rip;
}

}  // namespace

std::uint64_t sysret_target(const Opcode& o, const Context& now) {
  return o.rex_w() ? reg(now, 1) : reg(now, 1) & 0xffffffff;
}

std::span<const LimitRow> limit_rows() {
  static constexpr LimitRow kRows[] = {
#define LIMIT(constant, reason, when, bytes, why) {reason, bytes, why},
#include "oracles/unicorn/limits.def"
#undef LIMIT
  };
  return kRows;
}

Limit limit_before(const Opcode& o, const std::uint64_t* v, const Context& now) {
  if (o.length == 0) return Limit::None;
  if (o.is(Opcode::kOneByte, 0xff) && o.is_register() && (o.reg() == 3 || o.reg() == 5)) return Limit::FarRegister;
  if (o.is(Opcode::k0f, 0x07) && (now.get<std::uint64_t>(at::kEflags) >> insn::rflags::TF & 1) != 0)
    return Limit::SysretTrap;
  if (is_sysret_to_itself(o, now)) return Limit::SysretLoop;
  if (is_lock_compare(o)) return Limit::LockCompare;
  if (is_lock_bit(o)) return Limit::LockBit;
  if (is_divide_least(o, now)) return Limit::DivideLeast;
  if (is_explicit_length(o, now)) return Limit::ExplicitLength;
  return is_debug_control(o, v, now) ? Limit::DebugControl : Limit::None;
}

Limit limit_done(const Opcode& o, const Context& before, const Context& after) {
  if (o.length == 0) return Limit::None;
  if (o.map == Opcode::k0f || o.map == Opcode::kVex)
    if (const Limit limit = limit_done_0f(o, before); limit != Limit::None) return limit;
  return limit_faulted(o, before, after);
}

Limit limit_faulted(const Opcode& o, const Context& before, const Context& after) {
  const auto task = [](const Context& c) { return c.get<SegmentCache>(at::kTr).selector; };
  const auto switched = [](const Context& c) { return c.get<std::uint64_t>(at::kCr) >> insn::cr0::TS & 1; };
  const bool system = o.is(Opcode::k0f, 0x00) || o.is(Opcode::k0f, 0x01) || o.is(Opcode::k0f, 0x22);
  const bool switches = task(before) != task(after) || (switched(before) == 0 && switched(after) != 0);
  return switches && !system ? Limit::TaskSwitch : Limit::None;
}

}  // namespace diffvisor::unicorn
