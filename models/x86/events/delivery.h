// SPDX-License-Identifier: Apache-2.0
// Interrupts and exceptions through the interrupt vector or descriptor table: SDM 3A 6.12, 6.14, SDM 2 INT n.
#pragma once

#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {

enum class Source : u8 {
  Exception,
  Interrupt,      // INT n
  SoftException,  // INT3, INTO
  Int1
};

struct Event {
  u8 vector = 0;
  Source source = Source::Exception;
  bool has_error = false;
  u32 error_code = 0;
  u64 return_rip = 0;
  u64 flags = 0;  // what is pushed
  bool checks_gate_dpl() const { return source == Source::Interrupt || source == Source::SoftException; }
};

// Enters the handler: state and next_rip are the handler's, or the fault is raised that came up.
void deliver(Machine& m, const Event& e);

// An INT instruction's own delivery: pushes next_rip.
void deliver_interrupt(Machine& m, u8 vector);

// DELIVER: a fault that ended an instruction. The registers are those the record of `f` has (RIP of the instruction,
// or behind it for a trap), next_rip is behind the instruction. Afterwards RIP is at a handler and the machine ok, or
// it has ended with a triple fault, or there is a limit.
void deliver_fault(Machine& m, const Fault& f);

// INT n in virtual-8086 mode with CR4.VME: true if the redirection bitmap sent it to the program's own handler.
bool redirect_virtual_interrupt(Machine& m, u8 vector);

// The stack that the current TSS has for an inner privilege level.
struct InnerStack {
  u16 selector = 0;
  Descriptor d;
  u64 pointer = 0;
};
InnerStack inner_stack(Machine& m, unsigned level);
// Loads SS:ESP; mark_accessed() is for later, when nothing can fault any more.
void set_inner_stack(Machine& m, const InnerStack& s);
// In long mode: interrupt stack table entry 1 to 7, or 0 for the level's own.
u64 inner_stack_64(Machine& m, unsigned level, unsigned ist);

// Selector with its RPL replaced.
constexpr u16 with_rpl(u64 selector, unsigned rpl) { return static_cast<u16>((selector & 0xfffc) | rpl); }

}  // namespace diffvisor::x86
