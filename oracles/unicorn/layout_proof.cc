// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/layout_proof.h"

#include <memory>

#include <fmt/format.h>

#include "oracles/unicorn/context.h"

namespace diffvisor::unicorn {
namespace {

using u64 = std::uint64_t;

tl::unexpected<Error> other_layout(const std::string& what) {
  return fail(ErrorCode::Environment, "unicorn", fmt::format("this build keeps {} elsewhere than 2.0.1 does", what));
}

u64 low_bytes(u64 value, unsigned bytes) { return bytes == 8 ? value : value & ((u64{1} << 8 * bytes) - 1); }

// A value that the register takes as it is.
u64 value_for(const Probe& p, u64 seed) {
  if (p.reg == UC_X86_REG_RFLAGS) return 0x44002;
  if (p.msr == 0xc0000080) return 0x400;  // LMA without LME: the others need features
  if (p.reg == UC_X86_REG_MXCSR) return 0x9fc0;
  if (p.reg == UC_X86_REG_FPCW) return 0x0b7f;
  if (p.reg >= UC_X86_REG_ES && p.reg <= UC_X86_REG_GS) return seed & 0x7ff8;
  return low_bytes(seed * 0x9e3779b97f4a7c15 & 0x7fffffffffff, p.bytes);
}

void write_register(uc_engine* uc, const Probe& p, u64 value) {
  if (p.reg < 0) {
    uc_x86_msr msr{p.msr, value};
    uc_reg_write(uc, UC_X86_REG_MSR, &msr);
    return;
  }
  u64 wide[2] = {value, 0};
  uc_reg_write(uc, p.reg, wide);
}

u64 read_at(const Context& c, const Probe& p) { return low_bytes(c.get<u64>(p.offset), p.bytes); }

constexpr Probe kProbes[] = {
    {"RAX", UC_X86_REG_RAX, 0, at::kRegs, 8},
    {"RCX", UC_X86_REG_RCX, 0, at::kRegs + 8, 8},
    {"RDX", UC_X86_REG_RDX, 0, at::kRegs + 16, 8},
    {"RBX", UC_X86_REG_RBX, 0, at::kRegs + 24, 8},
    {"RSP", UC_X86_REG_RSP, 0, at::kRegs + 32, 8},
    {"RDI", UC_X86_REG_RDI, 0, at::kRegs + 56, 8},
    {"R8", UC_X86_REG_R8, 0, at::kRegs + 64, 8},
    {"R15", UC_X86_REG_R15, 0, at::kRegs + 120, 8},
    {"RIP", UC_X86_REG_RIP, 0, at::kEip, 8},
    {"RFLAGS", UC_X86_REG_RFLAGS, 0, at::kEflags, 8},
    {"CR0", UC_X86_REG_CR0, 0, at::kCr, 8},
    {"CR2", UC_X86_REG_CR2, 0, at::kCr + 16, 8},
    {"CR3", UC_X86_REG_CR3, 0, at::kCr + 24, 8},
    {"CR4", UC_X86_REG_CR4, 0, at::kCr + 32, 8},
    {"DR0", UC_X86_REG_DR0, 0, at::kDr, 8},
    {"DR3", UC_X86_REG_DR3, 0, at::kDr + 24, 8},
    {"DR6", UC_X86_REG_DR6, 0, at::kDr + 48, 8},
    {"DR7", UC_X86_REG_DR7, 0, at::kDr + 56, 8},
    {"FS base", UC_X86_REG_FS_BASE, 0, at::kSegs + 4 * 24 + 8, 8},
    {"GS base", UC_X86_REG_GS_BASE, 0, at::kSegs + 5 * 24 + 8, 8},
    {"MXCSR", UC_X86_REG_MXCSR, 0, at::kMxcsr, 4},
    {"FCW", UC_X86_REG_FPCW, 0, at::kFpuc, 2},
    {"XMM0", UC_X86_REG_XMM0, 0, at::kXmm, 8},
    {"XMM15", UC_X86_REG_XMM15, 0, at::kXmm + 15 * 64, 8},
    {"EFER", -1, 0xc0000080, at::kEfer, 8},
    {"STAR", -1, 0xc0000081, at::kStar, 8},
    {"LSTAR", -1, 0xc0000082, at::kLstar, 8},
    {"CSTAR", -1, 0xc0000083, at::kCstar, 8},
    {"FMASK", -1, 0xc0000084, at::kFmask, 4},
    {"kernel GS base", -1, 0xc0000102, at::kKernelGsBase, 8},
    {"TSC_AUX", -1, 0xc0000103, at::kTscAux, 4},
    {"SYSENTER_CS", -1, 0x174, at::kSysenterCs, 2},
    {"SYSENTER_ESP", -1, 0x175, at::kSysenterEsp, 8},
    {"SYSENTER_EIP", -1, 0x176, at::kSysenterEip, 8},
};

struct TableProbe {
  const char* name;
  int reg;
  std::size_t offset;
};
constexpr TableProbe kTables[] = {{"GDTR", UC_X86_REG_GDTR, at::kGdt},
                                  {"IDTR", UC_X86_REG_IDTR, at::kIdt},
                                  {"LDTR", UC_X86_REG_LDTR, at::kLdt},
                                  {"TR", UC_X86_REG_TR, at::kTr}};

}  // namespace

std::span<const Probe> layout_probes() { return kProbes; }

Result<void> prove_layout(std::span<const Probe> probes) {
  uc_engine* uc = nullptr;
  if (const uc_err e = uc_open(UC_ARCH_X86, UC_MODE_64, &uc); e != UC_ERR_OK)
    return fail(ErrorCode::Environment, "unicorn", uc_strerror(e));
  const std::unique_ptr<uc_engine, uc_err (*)(uc_engine*)> owner(uc, &uc_close);
  if (uc_context_size(uc) != at::kEnd + 16) return other_layout("a context of another size, and that");
  auto context = std::make_unique<Context>();
  u64 seed = 1;
  for (const Probe& p : probes) {
    const u64 value = value_for(p, ++seed);
    write_register(uc, p, value);
    context->save_from(uc);
    if (read_at(*context, p) != value) return other_layout(p.name);
  }
  for (const TableProbe& t : kTables) {
    const uc_x86_mmr mmr{0x18, 0x123450 + ++seed, 0x7f, 0x8b00};
    uc_reg_write(uc, t.reg, &mmr);
    context->save_from(uc);
    const auto cache = context->get<SegmentCache>(t.offset);
    if (cache.base != mmr.base || cache.limit != mmr.limit) return other_layout(t.name);
  }
  return {};
}

}  // namespace diffvisor::unicorn
