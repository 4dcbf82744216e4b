// SPDX-License-Identifier: Apache-2.0
// Assembly of the agent: start, VM entry, the fixed VM-exit entry, exception stubs.
#include "oracles/agent/layout.h"

    .section .start, "ax"
    .globl start
start:
    mov $AGENT_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $AGENT_STACK_TOP, %esp
    mov $bss_start, %edi
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
    call agent_main
1:  hlt
    jmp 1b

// HOST_RIP. A case chooses the host's selectors, table bases, stack, CR0, CR4, EFER and CET state: until CR4 is back
// nothing here may use the stack, call, return or an indirect jump.
    .org 0x100
    .globl vm_exit_entry
vm_exit_entry:
    endbr64
    mov %cr4, %rax
    cmp agent_cr4, %rax
    jne fix_cr4
cr4_done:
    mov saved_rsp, %rsp
    mov %cr0, %rax
    cmp agent_cr0, %rax
    jne fix_cr0
cr0_done:
    mov %cr3, %rax
    cmp $AGENT_PAGE_TABLES, %rax
    jne fix_cr3
cr3_done:
    lgdt agent_gdtr
    lidt agent_idtr
    mov $0xc0000080, %ecx
    rdmsr
    cmp agent_efer, %eax
    jne fix_efer
efer_done:
    xor %eax, %eax
    .globl leave_guest
leave_guest:
    movq $0, fault_rip
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
fix_cr4:
    mov agent_cr4, %rax
    mov %rax, %cr4
    jmp cr4_done
fix_cr0:
    mov agent_cr0, %rax
    mov %rax, %cr0
    jmp cr0_done
fix_cr3:
    mov $AGENT_PAGE_TABLES, %eax
    mov %rax, %cr3
    jmp cr3_done
fix_efer:
    mov agent_efer, %eax
    xor %edx, %edx
    wrmsr
    jmp efer_done

    .section .rodata
agent_gdtr:
    .word 0x37
    .quad AGENT_GDT
agent_idtr:
    .word 0xfff
    .quad AGENT_IDT

    .text
.macro clear_all_but_rax
    xor %ecx, %ecx
    xor %edx, %edx
    xor %ebx, %ebx
    xor %ebp, %ebp
    xor %esi, %esi
    xor %edi, %edi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
.endm
.macro clear_registers
    xor %eax, %eax
    clear_all_but_rax
.endm

// std::uint64_t enter(unsigned how): 0 after a VM exit, 1 or 2 for VMfail with CF or ZF, 0x100 + vector for a fault.
    .globl enter
enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_rsp
    mov %rsp, fault_rsp
    movq $entry_faulted, fault_rip
    test %edi, %edi
    jnz unusual_entry
    clear_registers
site_launch:
    vmlaunch
    jmp entry_failed
unusual_entry:
    test $ENTER_CPL3, %edi
    jnz entry_from_user
    test $ENTER_MOV_SS, %edi
    jnz entry_after_mov_ss
    clear_registers
site_resume:
    vmresume
entry_failed:
    jc 1f
    mov $2, %eax
    jmp leave_guest
1:  mov $1, %eax
    jmp leave_guest

entry_after_mov_ss:
    test $ENTER_RESUME, %edi
    jnz 2f
    clear_registers
    mov data_selector, %ss
site_launch_after_mov_ss:
    vmlaunch
    jmp entry_failed
2:  clear_registers
    mov data_selector, %ss
site_resume_after_mov_ss:
    vmresume
    jmp entry_failed

// std::uint64_t enter_step(bool launched): 0 after a VM exit, 1 for VMfail. The guest's general registers come from
// step_registers and go there, RSP apart.
    .globl enter_step, step_exit
enter_step:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_rsp
    test %edi, %edi
    mov step_registers + 0x00, %rax
    mov step_registers + 0x08, %rcx
    mov step_registers + 0x10, %rdx
    mov step_registers + 0x18, %rbx
    mov step_registers + 0x28, %rbp
    mov step_registers + 0x30, %rsi
    mov step_registers + 0x38, %rdi
    mov step_registers + 0x40, %r8
    mov step_registers + 0x48, %r9
    mov step_registers + 0x50, %r10
    mov step_registers + 0x58, %r11
    mov step_registers + 0x60, %r12
    mov step_registers + 0x68, %r13
    mov step_registers + 0x70, %r14
    mov step_registers + 0x78, %r15
    jz 7f
    vmresume
    jmp 8f
7:  vmlaunch
8:  mov $1, %eax
    jmp leave_guest
step_exit:
    mov %rax, step_registers + 0x00
    mov %rcx, step_registers + 0x08
    mov %rdx, step_registers + 0x10
    mov %rbx, step_registers + 0x18
    mov %rbp, step_registers + 0x28
    mov %rsi, step_registers + 0x30
    mov %rdi, step_registers + 0x38
    mov %r8, step_registers + 0x40
    mov %r9, step_registers + 0x48
    mov %r10, step_registers + 0x50
    mov %r11, step_registers + 0x58
    mov %r12, step_registers + 0x60
    mov %r13, step_registers + 0x68
    mov %r14, step_registers + 0x70
    mov %r15, step_registers + 0x78
    mov saved_rsp, %rsp
    xor %eax, %eax
    jmp leave_guest

// std::uint64_t enter_svm(unsigned how, std::uint64_t vmcb): 0 after a #VMEXIT, 0x100 + vector for a fault. The host's
// registers but RAX, RSP and RFLAGS are the guest's after it.
    .globl enter_svm
enter_svm:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, fault_rsp
    movq $entry_faulted, fault_rip
    test $ENTER_CPL3, %edi
    jnz vmrun_from_user
    test $ENTER_ADDRESS32, %edi
    jnz vmrun_32
    mov %rsi, %rax
    clear_all_but_rax
site_vmrun:
    vmrun
svm_returned:
    stgi
    xor %eax, %eax
    jmp leave_guest
vmrun_32:
    mov %rsi, %rax
    clear_all_but_rax
site_vmrun_32:
    vmrun %eax
svm_returned_32:
    stgi
    xor %eax, %eax
    jmp leave_guest

vmrun_from_user:
    mov $(AGENT_USER_CODE + AGENT_USER_VMRUN), %eax
    test $ENTER_ADDRESS32, %edi
    jz 6f
    mov $(AGENT_USER_CODE + AGENT_USER_VMRUN32), %eax
6:  pushq $AGENT_USER_DATA_SELECTOR
    pushq $(AGENT_USER_CODE + 0x1000)
    pushq $2
    pushq $AGENT_USER_CODE_SELECTOR
    push %rax
    mov %rsi, %rax
    clear_all_but_rax
    iretq

entry_from_user:
    mov $(AGENT_USER_CODE + AGENT_USER_LAUNCH), %eax
    test $ENTER_RESUME, %edi
    jz 3f
    mov $(AGENT_USER_CODE + AGENT_USER_RESUME), %eax
3:  pushq $AGENT_USER_DATA_SELECTOR
    pushq $(AGENT_USER_CODE + 0x1000)
    pushq $2
    pushq $AGENT_USER_CODE_SELECTOR
    push %rax
    clear_registers
    iretq

    .globl entry_faulted
entry_faulted:
    mov fault_vector, %eax
    add $0x100, %eax
    jmp leave_guest

// Runs at CPL 3. Only an emulator that lets VMLAUNCH through comes to the UD2, with VMfail's flags.
    .globl user_code, user_code_end
user_code:
    vmlaunch
    ud2
    .org user_code + AGENT_USER_RESUME
    vmresume
    ud2
    .org user_code + AGENT_USER_VMRUN
    vmrun
    ud2
    .org user_code + AGENT_USER_VMRUN32
    vmrun %eax
    ud2
user_code_end:

// The guest of the cleansing entry: IRET is the only thing that ends virtual-NMI blocking.
    .globl cleansing_guest, cleansing_guest_end
cleansing_guest:
    iretq
cleansing_guest_end:
    vmcall
    hlt

// IRET in root operation, for blocking that a guest without virtual NMIs left behind.
    .globl unblock_nmi
unblock_nmi:
    mov %rsp, %rax
    pushq $AGENT_DATA
    push %rax
    pushq $2
    pushq $AGENT_CODE
    pushq $4f
    iretq
4:  ret

// bool try_rdmsr(std::uint32_t msr, std::uint64_t* value), bool try_wrmsr(std::uint32_t msr, std::uint64_t value)
    .globl try_rdmsr, try_wrmsr
try_rdmsr:
    mov %rsp, fault_rsp
    movq $msr_faulted, fault_rip
    mov %edi, %ecx
    rdmsr
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, (%rsi)
    jmp msr_done
try_wrmsr:
    mov %rsp, fault_rsp
    movq $msr_faulted, fault_rip
    mov %edi, %ecx
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
    wrmsr
msr_done:
    movq $0, fault_rip
    mov $1, %eax
    ret
msr_faulted:
    xor %eax, %eax
    ret

    .altmacro
.macro stub vector
    .balign 16
    .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
    push $0
    .endif
    push $\vector
    jmp fault
.endm
    .balign 16
    .globl fault_stubs
fault_stubs:
    .set n, 0
    .rept 256
    stub %n
    .set n, n + 1
    .endr

fault:
    cmpl $1, (%rsp)
    je debug_trap
expected:
    mov fault_rip, %rax
    test %rax, %rax
    jz unexpected
    pop %rcx
    mov %rcx, fault_vector
    pop %rcx                            // error code
    pop %rcx
    mov %rcx, fault_at
    pop %rcx
    pop %rcx
    mov %rcx, fault_flags
    movq $0, fault_rip
    mov fault_rsp, %rsp
    jmp *%rax
// Bochs 2.7 raises in the host, right after #VMEXIT, a single-step trap that was the guest's.
debug_trap:
    mov 16(%rsp), %rax
    cmp $svm_returned, %rax
    je 5f
    cmp $svm_returned_32, %rax
    jne expected
5:  add $16, %rsp
    iretq
unexpected:
    mov %rsp, %rdi
    mov $AGENT_STACK_TOP, %esp
    call panic_on_fault

    .section .rodata
// Where a fault is the outcome of a case; anywhere else the agent is lost.
    .balign 8
    .globl entry_sites
entry_sites:
    .quad site_launch, site_resume, site_launch_after_mov_ss, site_resume_after_mov_ss
    .quad AGENT_USER_CODE + AGENT_USER_LAUNCH, AGENT_USER_CODE + AGENT_USER_RESUME
    .quad site_vmrun, site_vmrun_32, AGENT_USER_CODE + AGENT_USER_VMRUN, AGENT_USER_CODE + AGENT_USER_VMRUN32
data_selector:
    .word AGENT_DATA

    .bss
    .balign 8
    .globl step_registers
step_registers: .skip 128               // RAX RCX RDX RBX - RBP RSI RDI R8 to R15
    .globl saved_rsp, fault_rsp, fault_rip, fault_vector, fault_at, fault_flags, agent_cr0, agent_cr4, agent_efer
saved_rsp:     .quad 0
fault_rsp:     .quad 0
fault_rip:     .quad 0                  // where to go on after the next fault; 0: none is expected
fault_vector:  .quad 0
fault_at:      .quad 0
fault_flags:   .quad 0
agent_cr0:     .quad 0
agent_cr4:     .quad 0
agent_efer:    .quad 0
    .section .note.GNU-stack, "", @progbits
