// SPDX-License-Identifier: Apache-2.0
// Into user code with every register chosen, and back from the signal that ends it.
#pragma once

#include "oracles/native/native_wire.h"

extern "C" {
// Loads `registers` and goes on at its rip; returns when native_leave() is called. Changes what a function may change.
void native_enter(const diffvisor::native::Registers* registers);
// From a signal handler: returns from native_enter(), without a system call. The kernel has reset the FPU by then.
[[noreturn]] void native_leave();
// A signal handler: clears RFLAGS.AC and NT, which the kernel leaves as they were and which fault accesses and IRETQ of
// ours, and jumps to native_caught().
void native_signal(int signal, void* info, void* context);
[[noreturn]] void native_caught(int signal, void* info, void* context);
}
