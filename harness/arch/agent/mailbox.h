// SPDX-License-Identifier: Apache-2.0
// The protocol between a host and the agent: a few mailbox slots in guest-physical memory, each a request, a response,
// input and output. Freestanding: both sides include it. Bump kProtocol when a struct below or in wire.h changes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace diffvisor::agent {

using Gpa = std::uint64_t;

inline constexpr std::uint64_t kProtocol = 3;

// The agent's first line on the debug console (port 0xe9), followed by kProtocol in decimal.
inline constexpr char kGreeting[] = "diffvisor agent ";
// Prefix of the line after which the agent gives up.
inline constexpr char kPanic[] = "agent panic: ";

// Before it says hello the agent writes kBlockMark | n into the last qword of every 128 KiB of RAM: an emulator
// may keep RAM in pieces of that size, and the host must know that it sees each where it thinks.
inline constexpr std::uint64_t kBlockBytes = 0x20000;
inline constexpr std::uint64_t kBlockMark = 0x6d61726b64760000;
inline constexpr Gpa kLegacyHole = 0xa0000;  // .. 0xfffff is video memory and ROM, not RAM
inline constexpr Gpa kLegacyHoleEnd = 0x100000;

// The host sets it once the marks are verified; only then does the agent build its world over them.
inline constexpr Gpa kGo = 0x1fff000;
inline constexpr std::uint64_t kGoValue = 0x6f67206f67206f67;

enum class Command : std::uint32_t {
  Echo = 1,          // output = input, `argument` bytes
  Capabilities = 2,  // output = Capabilities: what the machine is, and the state it is in
  VmxEntry = 3,      // input = vmx::WireBatch, output = vmx::WireResult[count]
  Quit = 4,          // answers, then ends the emulator
  SvmEntry = 5,      // input = svm::WireBatch, output = svm::WireResult[count]
  InsnStep = 6,      // input = insn::WireCase[1 + count], the first unused; output = insn::WireResult[count]
};

struct Request {
  std::uint64_t sequence;  // written last; 1, 2, 3 … and slot = sequence % kMailboxSlots
  Command command;
  std::uint32_t count;
  std::uint64_t argument;
};

enum class Answer : std::uint32_t { Done = 1, UnknownCommand = 2, NoVmx = 3, GoldenRefused = 4, NoSvm = 5 };

struct Response {
  std::uint64_t sequence;  // written last
  Answer answer;
  std::uint32_t cursor;  // index of the item in work, moves while the command runs
};

inline constexpr Gpa kMailbox = 0x2000000;
inline constexpr std::size_t kMailboxSlots = 4;
inline constexpr std::size_t kSlotBytes = 0x400000;
inline constexpr std::size_t kResponseOffset = 0x40;
inline constexpr std::size_t kInputOffset = 0x1000;
inline constexpr std::size_t kOutputOffset = 0x300000;
inline constexpr std::size_t kInputBytes = kOutputOffset - kInputOffset;
inline constexpr std::size_t kOutputBytes = kSlotBytes - kOutputOffset;

constexpr Gpa slot_of(std::uint64_t sequence) { return kMailbox + sequence % kMailboxSlots * kSlotBytes; }

struct MsrReading {
  std::uint32_t index;
  std::uint32_t readable;  // 0: RDMSR raised #GP
  std::uint64_t value;
};

struct CpuidReading {
  std::uint32_t leaf, subleaf;
  std::uint32_t eax, ebx, ecx, edx;
};

inline constexpr std::uint32_t kMsrsRead[] = {
    0x480, 0x481, 0x482, 0x483, 0x484, 0x485, 0x486, 0x487, 0x488, 0x489, 0x48a, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f,
    0x490, 0x491, 0x492, 0x493, 0x03a, 0x277, 0x1d9, 0x38f,
    // State that a case can load: STAR, LSTAR, FMASK, KERNEL_GS_BASE, TSC_AUX, U_CET, S_CET, the SSP table.
    0xc0000081, 0xc0000082, 0xc0000084, 0xc0000102, 0xc0000103, 0x6a0, 0x6a2, 0x6a8,
    // What a guest of VMRUN shares with its host: CSTAR, FS and GS base, the SYSENTER MSRs; VM_CR, VM_HSAVE_PA.
    0xc0000083, 0xc0000100, 0xc0000101, 0x174, 0x175, 0x176, 0xc0010114, 0xc0010117};
inline constexpr std::uint32_t kLeavesRead[][2] = {{0, 0},          {1, 0},          {7, 0},          {7, 1},
                                                   {0xa, 0},        {0xd, 0},        {0xd, 1},        {0x12, 0},
                                                   {0x14, 0},       {0x15, 0},       {0x1c, 0},       {0x80000000, 0},
                                                   {0x80000001, 0}, {0x80000008, 0}, {0x8000000a, 0}, {0x8000001f, 0}};
inline constexpr std::size_t kMsrsReadCount = sizeof kMsrsRead / sizeof kMsrsRead[0];
inline constexpr std::size_t kLeavesReadCount = sizeof kLeavesRead / sizeof kLeavesRead[0];

struct Capabilities {
  std::uint64_t has_vmx, has_svm;
  // The agent's own state: the same before and after any batch.
  std::uint64_t cr0, cr2, cr3, cr4, efer, dr6, dr7, gdtr_base, idtr_base;
  std::uint64_t maxphyaddr, linear_width;
  std::uint64_t missing_fields[4];  // bit (slot - vmx::Pin): VMWRITE refused the field
  MsrReading msrs[kMsrsReadCount];
  CpuidReading cpuid[kLeavesReadCount];
};

}  // namespace diffvisor::agent
