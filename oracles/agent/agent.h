// SPDX-License-Identifier: Apache-2.0
// The parts of the agent as they see each other. One command, one .cc.
#pragma once

#include "harness/arch/agent/mailbox.h"
#include "oracles/agent/instructions.h"

namespace diffvisor::agent {

// console.cc
void print(const char* text);
void print_number(const char* name, u64 value);
[[noreturn]] void panic(const char* why);
[[noreturn]] void end_emulator();

// rom_case.cc
bool has_rom_case();
[[noreturn]] void run_rom_case(Answer (*run)(const Request& request, const void* input, void* output,
                                             volatile u32* cursor));

// memory.cc
void build_host_tables();
void load_task_register();
void build_guest_window();
// Clean content, as at start, of the few entries that any entry's page walk marks accessed or dirty.
void restore_page_walks();
// Whether the golden tables' dirty bits tell of any write; clean content of the pages they name.
bool some_page_is_marked();
void restore_marked_pages();
// Whether somebody wrote to the golden page directory by way of the golden page-directory-pointer table: 32-bit paging
// takes the one for a page and the other for a page table.
bool page_directory_is_marked();
bool is_empty_page(u64 page);
// Copies a piece of the guest window back to what it was at start-up; outside the window it does nothing.
void restore_range(u64 address, u64 bytes);
// Clean content of a page of the guest window.
void restore_page(u64 page);
// Clean content of `bytes` bytes inside the guest window.
void restore_bytes(u64 address, u64 bytes);

// Breakpoint addresses where no guest of ours goes: a case may set DR7, but not DR0 to DR3.
void set_breakpoints();

// vmx_machine.cc
bool has_vmx();
// Enters VMX operation; later calls do nothing. False if this machine has none.
bool enter_vmx_operation();
u64 missing_field_word(unsigned word);
// Writes every field the machine has from a block of slots, into the current VMCS.
void write_fields(const u64* block);
// Ends NMI and virtual-NMI blocking that an earlier guest left behind.
void end_nmi_blocking();

// The controls with the bits this machine insists on. `index`: 0 pin, 1 processor, 2 exit, 3 entry.
u32 allowed_control(unsigned index, u32 wanted);
u32 vmcs_revision();

// svm_machine.cc
bool has_svm();
// Sets EFER.SVME, VM_HSAVE_PA and the tables that a case may point to; later calls do nothing. False if there is no
// SVM.
bool enter_svm_operation();
// Clean content, as at start, of the nested tables; and of every page that they say the guest wrote.
void restore_nested_tables();
void restore_written_pages();

// Commands: input and output are the slot's, the result goes into the response.
Answer read_capabilities(Capabilities* out);
Answer run_svm_entry(const void* input, void* output, u32 count, volatile u32* cursor);
Answer run_insn_step(const void* input, void* output, u32 count, volatile u32* cursor);
Answer run_vmx_entry(const void* input, void* output, u32 count, volatile u32* cursor);

}  // namespace diffvisor::agent
