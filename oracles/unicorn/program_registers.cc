// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/program_registers.h"

#include <unicorn/unicorn.h>

#include <fmt/format.h>

#include "harness/arch/insn/fields.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;

struct Row {
  std::uint16_t slot;
  int wide, narrow;  // 0: the mode has none
  const char* name_wide;
  const char* name_narrow;
  std::uint32_t number;
};

// clang-format off
#define SAME(slot, reg) {slot, UC_X86_REG_##reg, UC_X86_REG_##reg, #reg, #reg, 0}
#define PAIR(slot, reg, reg32) {slot, UC_X86_REG_##reg, UC_X86_REG_##reg32, #reg, #reg32, 0}
#define WIDE(slot, reg) {slot, UC_X86_REG_##reg, 0, #reg, "", 0}
#define PART(slot, reg, number) {slot, UC_X86_REG_##reg, UC_X86_REG_##reg, #reg, #reg, number}
constexpr Row kRows[] = {
    PAIR(Rax, RAX, EAX), PAIR(Rcx, RCX, ECX), PAIR(Rdx, RDX, EDX), PAIR(Rbx, RBX, EBX),
    PAIR(Rsp, RSP, ESP), PAIR(Rbp, RBP, EBP), PAIR(Rsi, RSI, ESI), PAIR(Rdi, RDI, EDI),
    WIDE(R8, R8), WIDE(R9, R9), WIDE(R10, R10), WIDE(R11, R11),
    WIDE(R12, R12), WIDE(R13, R13), WIDE(R14, R14), WIDE(R15, R15),
    PAIR(Rip, RIP, EIP), PAIR(Rflags, RFLAGS, EFLAGS),
    SAME(Cr0, CR0), SAME(Cr2, CR2), SAME(Cr3, CR3), SAME(Cr4, CR4),
    SAME(Dr0, DR0), SAME(Dr1, DR1), SAME(Dr2, DR2), SAME(Dr3, DR3), SAME(Dr6, DR6), SAME(Dr7, DR7),
    SAME(EsSelector, ES), SAME(CsSelector, CS), SAME(SsSelector, SS),
    SAME(DsSelector, DS), SAME(FsSelector, FS), SAME(GsSelector, GS),
    WIDE(FsBase, FS_BASE), WIDE(GsBase, GS_BASE),
    PART(LdtrBase, LDTR, 0), PART(LdtrLimit, LDTR, 8), PART(LdtrSelector, LDTR, 16),
    PART(TrBase, TR, 0), PART(TrLimit, TR, 8), PART(TrSelector, TR, 16),
    PART(GdtrBase, GDTR, 0), PART(GdtrLimit, GDTR, 8), PART(IdtrBase, IDTR, 0), PART(IdtrLimit, IDTR, 8),
    PART(Efer, MSR, 0xc0000080), PART(Star, MSR, 0xc0000081), PART(Lstar, MSR, 0xc0000082),
    PART(Cstar, MSR, 0xc0000083), PART(Fmask, MSR, 0xc0000084), PART(KernelGsBase, MSR, 0xc0000102),
    PART(SysenterCs, MSR, 0x174), PART(SysenterEsp, MSR, 0x175), PART(SysenterEip, MSR, 0x176),
    PART(TscAux, MSR, 0xc0000103),
    SAME(Mxcsr, MXCSR), SAME(Fcw, FPCW), SAME(Fsw, FPSW),
};
#undef SAME
#undef PAIR
#undef WIDE
#undef PART
// clang-format on

}  // namespace

std::optional<Api> api_of(unsigned slot, bool wide) {
  if (slot >= Xmm && slot <= XmmLast)
    return Api{UC_X86_REG_XMM0 + static_cast<int>(slot - Xmm) / 2, (slot - Xmm) % 2 == 1 ? 8u : 0u};
  if (slot >= Mm && slot <= MmLast) return Api{UC_X86_REG_MM0 + static_cast<int>(slot - Mm), 0};
  for (const Row& r : kRows)
    if (r.slot == slot && (wide ? r.wide : r.narrow) != 0) return Api{wide ? r.wide : r.narrow, r.number};
  return std::nullopt;
}

std::string api_name(int id) {
  if (id >= UC_X86_REG_XMM0 && id < UC_X86_REG_XMM0 + 16) return fmt::format("UC_X86_REG_XMM{}", id - UC_X86_REG_XMM0);
  if (id >= UC_X86_REG_MM0 && id < UC_X86_REG_MM0 + 8) return fmt::format("UC_X86_REG_MM{}", id - UC_X86_REG_MM0);
  for (const Row& r : kRows) {
    if (r.wide == id) return fmt::format("UC_X86_REG_{}", r.name_wide);
    if (r.narrow == id) return fmt::format("UC_X86_REG_{}", r.name_narrow);
  }
  if (id == UC_X86_REG_FPTAG) return "UC_X86_REG_FPTAG";
  return "UC_X86_REG_INVALID";
}

}  // namespace diffvisor::unicorn
