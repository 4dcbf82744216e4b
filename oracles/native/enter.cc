// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/enter.h"

// IRETQ takes RIP, CS, RFLAGS, RSP and SS at once from where `rip` lies in Registers.
asm(R"(
.text
.globl native_enter
.type native_enter, @function
native_enter:
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, native_host_stack(%rip)
  fxrstor64 192(%rdi)
  leaq 128(%rdi), %rsp
  movq %rdi, %rax
  movq 8(%rax), %rcx
  movq 16(%rax), %rdx
  movq 24(%rax), %rbx
  movq 40(%rax), %rbp
  movq 48(%rax), %rsi
  movq 56(%rax), %rdi
  movq 64(%rax), %r8
  movq 72(%rax), %r9
  movq 80(%rax), %r10
  movq 88(%rax), %r11
  movq 96(%rax), %r12
  movq 104(%rax), %r13
  movq 112(%rax), %r14
  movq 120(%rax), %r15
  movq (%rax), %rax
  iretq
.size native_enter, . - native_enter

.globl native_leave
.type native_leave, @function
native_leave:
  endbr64
  movq native_host_stack(%rip), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size native_leave, . - native_leave

.globl native_signal
.type native_signal, @function
native_signal:
  endbr64
  pushq $2
  popfq
  jmp native_caught@PLT
.size native_signal, . - native_signal

.local native_host_stack
.comm native_host_stack, 8, 8
)");
