// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of the MSRs that a case's state has: SDM 4 2.1, SDM 2 WRMSR, spec 09D.
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace efer = insn::efer;
namespace feature = insn::feature;

enum class Takes : u8 { Anything, Canonical, Low, LowOrLimit, Efer };

struct Msr {
  u32 number;
  u16 slot;
  u8 feature;
  Takes takes;
};
// clang-format off
constexpr Msr kMsrs[] = {
    // number     slot               feature           values
    {0x174,      insn::SysenterCs,   feature::SEP,     Takes::LowOrLimit},
    {0x175,      insn::SysenterEsp,  feature::SEP,     Takes::Canonical},
    {0x176,      insn::SysenterEip,  feature::SEP,     Takes::Canonical},
    {0xc0000080, insn::Efer,         feature::SYSCALL, Takes::Efer},
    {0xc0000081, insn::Star,         feature::SYSCALL, Takes::Anything},
    {0xc0000082, insn::Lstar,        feature::LM,      Takes::Canonical},
    {0xc0000083, insn::Cstar,        feature::LM,      Takes::Canonical},
    {0xc0000084, insn::Fmask,        feature::LM,      Takes::LowOrLimit},
    {0xc0000100, insn::FsBase,       feature::LM,      Takes::Canonical},
    {0xc0000101, insn::GsBase,       feature::LM,      Takes::Canonical},
    {0xc0000102, insn::KernelGsBase, feature::LM,      Takes::Canonical},
    {0xc0000103, insn::TscAux,       feature::RDTSCP,  Takes::Low},
};
// clang-format on

const Msr* find(Machine& m) {
  const auto number = static_cast<u32>(m.v[insn::Rcx]);
  for (const Msr& msr : kMsrs)
    if (msr.number == number && m.has(msr.feature)) return &msr;
  m.cannot_judge("msr_not_modelled");
  return nullptr;
}

void refuse(Machine& m) { m.general_protection(Cause::Msr); }

// EFER bits that some CPU has and the vocabulary leaves out.
constexpr u64 kEferNotModelled = u64{1} << efer::SVME | u64{1} << efer::LMSLE | u64{1} << efer::FFXSR |
                                 u64{1} << efer::TCE | u64{1} << efer::MCOMMIT | u64{1} << efer::INTWB |
                                 u64{1} << efer::UAIE | u64{1} << efer::AIBRSE;

void write_efer(Machine& m, u64 value) {
  const u64 known = insn::efer_mask(m.v.data());
  u64 unknown = value & ~known;
  const bool amd = m.v[insn::CapVendor] == insn::kAmd;
  const u64 changed = value ^ m.v[insn::Efer];
  if ((unknown & ~(amd ? kEferNotModelled : 0)) != 0) return refuse(m);
  if ((changed >> efer::LME & 1) != 0 && m.cr0(insn::cr0::PG)) return refuse(m);
  if (unknown != 0) return m.cannot_judge("efer_bit_not_modelled");
  // LMA is the CPU's own.
  constexpr u64 kLma = u64{1} << efer::LMA;
  m.v[insn::Efer] = (value & ~kLma) | (m.v[insn::Efer] & kLma);
}

void write(Machine& m, const Msr& msr, u64 value) {
  switch (msr.takes) {
    case Takes::Efer:
      return write_efer(m, value);
    case Takes::Canonical:
      if (!m.is_canonical(value)) return refuse(m);
      break;
    case Takes::Low:
      if (value >> 32 != 0 && !m.quirk(Quirk::BochsTscAux)) return refuse(m);
      value &= 0xffffffff;
      break;
    case Takes::LowOrLimit:
      // Some CPUs drop the upper half, some refuse it.
      if (value >> 32 != 0) return m.cannot_judge("msr_upper_half");
      break;
    case Takes::Anything:
      break;
  }
  const bool half = msr.slot == insn::SysenterCs && m.quirk(Quirk::UnicornRegisters);
  m.v[msr.slot] = half ? value & 0xffff : value;
}

}  // namespace

void rdmsr(Machine& m, const Instruction&) {
  if (!require_cpl0(m)) return;
  const Msr* msr = find(m);
  if (msr == nullptr) return;
  const u64 value = m.v[msr->slot];
  m.v[insn::Rax] = value & 0xffffffff;
  m.v[insn::Rdx] = value >> 32;
}

void wrmsr(Machine& m, const Instruction&) {
  if (!require_cpl0(m)) return;
  const Msr* msr = find(m);
  if (msr != nullptr) write(m, *msr, (m.v[insn::Rdx] & 0xffffffff) << 32 | (m.v[insn::Rax] & 0xffffffff));
}

}  // namespace diffvisor::x86
