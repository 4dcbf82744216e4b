// SPDX-License-Identifier: Apache-2.0
// Instructions that concern the system: control and debug registers, descriptor tables, segments, interrupts, far
// transfers, fast system calls, MSRs, ports (SDM 3A chapters 2 to 7, SDM 2). Rows of decoder/opcode_table.cc name
// them. The emulator has already checked LOCK, mode, generation and feature; privilege is checked here.
#pragma once

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// control and debug registers; the register form is certain, whatever ModRM.mod said
void mov_from_cr(Machine& m, const Instruction& i);
void mov_to_cr(Machine& m, const Instruction& i);
void mov_from_dr(Machine& m, const Instruction& i);
void mov_to_dr(Machine& m, const Instruction& i);
void lmsw(Machine& m, const Instruction& i);
void smsw(Machine& m, const Instruction& i);
void clts(Machine& m, const Instruction& i);

// descriptor tables and descriptors
void lgdt(Machine& m, const Instruction& i);
void lidt(Machine& m, const Instruction& i);
void sgdt(Machine& m, const Instruction& i);
void sidt(Machine& m, const Instruction& i);
void lldt(Machine& m, const Instruction& i);
void ltr(Machine& m, const Instruction& i);
void sldt(Machine& m, const Instruction& i);
void str(Machine& m, const Instruction& i);
void verr(Machine& m, const Instruction& i);
void verw(Machine& m, const Instruction& i);
void lar(Machine& m, const Instruction& i);
void lsl(Machine& m, const Instruction& i);
void arpl(Machine& m, const Instruction& i);

// caches, waiting
void invlpg(Machine& m, const Instruction& i);
void invpcid(Machine& m, const Instruction& i);
void invd(Machine& m, const Instruction& i);
void wbinvd(Machine& m, const Instruction& i);  // WBNOINVD too
void hlt(Machine& m, const Instruction& i);
void monitor(Machine& m, const Instruction& i);
void mwait(Machine& m, const Instruction& i);

// flags, interrupts
void cli(Machine& m, const Instruction& i);
void sti(Machine& m, const Instruction& i);
void pushf(Machine& m, const Instruction& i);
void popf(Machine& m, const Instruction& i);
void clac(Machine& m, const Instruction& i);
void stac(Machine& m, const Instruction& i);
void int_n(Machine& m, const Instruction& i);
void int3(Machine& m, const Instruction& i);
void into(Machine& m, const Instruction& i);
void int1(Machine& m, const Instruction& i);
void iret(Machine& m, const Instruction& i);

// far transfers: offset in immediate and selector in immediate2, or both in memory. ret_far takes immediate (0 for CB).
void call_far(Machine& m, const Instruction& i);
void jmp_far(Machine& m, const Instruction& i);
void call_far_memory(Machine& m, const Instruction& i);
void jmp_far_memory(Machine& m, const Instruction& i);
void ret_far(Machine& m, const Instruction& i);
void syscall(Machine& m, const Instruction& i);
void sysret(Machine& m, const Instruction& i);
void sysenter(Machine& m, const Instruction& i);
void sysexit(Machine& m, const Instruction& i);

// segment registers; push_segment and pop_segment know theirs from bits 5:3 of the opcode (06, 0E, 0F A0 ...)
void mov_from_segment(Machine& m, const Instruction& i);
void mov_to_segment(Machine& m, const Instruction& i);
void push_segment(Machine& m, const Instruction& i);
void pop_segment(Machine& m, const Instruction& i);
void load_far_pointer(Machine& m, const Instruction& i);  // LES C4, LDS C5, LSS 0F B2, LFS 0F B4, LGS 0F B5
void swapgs(Machine& m, const Instruction& i);
void fs_gs_base(Machine& m, const Instruction& i);  // F3 0F AE: group 0 RDFSBASE, 1 RDGSBASE, 2 WRFSBASE, 3 WRGSBASE

// MSRs and the like
void rdmsr(Machine& m, const Instruction& i);
void wrmsr(Machine& m, const Instruction& i);
void rdtsc(Machine& m, const Instruction& i);
void rdtscp(Machine& m, const Instruction& i);
void rdpmc(Machine& m, const Instruction& i);
void rdpid(Machine& m, const Instruction& i);
void cpuid(Machine& m, const Instruction& i);
void xgetbv(Machine& m, const Instruction& i);
void xsetbv(Machine& m, const Instruction& i);
void rdpkru(Machine& m, const Instruction& i);
void wrpkru(Machine& m, const Instruction& i);

// ports: byte forms have an even opcode; immediate port E4 to E7. INS, OUTS: one iteration, registers updated, RCX not.
void in(Machine& m, const Instruction& i);
void out(Machine& m, const Instruction& i);
void ins(Machine& m, const Instruction& i);
void outs(Machine& m, const Instruction& i);
// What INS and OUTS check before memory; nothing for other instructions.
void check_port(Machine& m, const Instruction& i);

// VMX and SVM instructions (VMCALL ... VMXON, VMRUN ... SKINIT)
void virtualisation(Machine& m, const Instruction& i);

}  // namespace diffvisor::x86
