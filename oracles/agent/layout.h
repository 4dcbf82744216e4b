// SPDX-License-Identifier: Apache-2.0
// Where the agent keeps what is its own business: addresses that harness/arch/vmx/memory_map.h leaves free, selectors,
// and the control-register values it runs with. Assembler and C++ both include it.
#pragma once

#define AGENT_IMAGE 0x100000
#define AGENT_IMAGE_BYTES 0x1f000  // what the reset stub copies out of the ROM
#define AGENT_BSS 0x124000
#define AGENT_STACK_TOP 0x13fff0        // below a block mark
#define AGENT_FAULT_STACK_TOP 0x137000  // for faults that come from CPL 3
#define AGENT_PAGE_TABLES 0x10000
#define AGENT_CLEAN_COPY 0x800000  // of the guest window
#define AGENT_USER_CODE 0x600000   // the only page with the user bit: SMEP and SMAP forbid it to everything else

#define AGENT_GDT 0x120000
#define AGENT_IDT 0x121000
#define AGENT_TSS 0x122000
#define AGENT_CODE 0x08
#define AGENT_DATA 0x10
#define AGENT_TASK 0x18  // two entries
#define AGENT_USER_CODE_SELECTOR 0x2b
#define AGENT_USER_DATA_SELECTOR 0x33

// Offsets inside the page of AGENT_USER_CODE.
#define AGENT_USER_LAUNCH 0x00
#define AGENT_USER_RESUME 0x10
#define AGENT_USER_VMRUN 0x20
#define AGENT_USER_VMRUN32 0x30

// How enter() starts the guest.
#define ENTER_RESUME 1
#define ENTER_MOV_SS 2
#define ENTER_CPL3 4
#define ENTER_ADDRESS32 8
