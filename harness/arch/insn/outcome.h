// SPDX-License-Identifier: Apache-2.0
// What a case of x86_insn can come to, packed into one word, and the layout of its record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/arch/insn/fields.h"

namespace diffvisor::insn {

using Outcome = std::uint32_t;

// How the last instruction ended. Everything but Done ends a sequence.
enum class OutcomeKind : std::uint8_t {
  Done,          // all steps were carried out
  Exception,     // the number is the vector; reported before delivery, or after a failed delivery with DELIVER
  TripleFault,   // shutdown
  Halt,          // HLT completed: RIP is behind it
  PortAccess,    // an I/O instruction passed its checks and is about to touch the port: nothing has changed yet
  Unhandleable,  // x86.kvm only: its emulator gives up
  Unjudged,      // this executor cannot say: becomes Incomparable
};

constexpr Outcome make_outcome(OutcomeKind kind, std::uint32_t number = 0) {
  return static_cast<std::uint32_t>(kind) << 24 | (number & 0xffffff);
}
constexpr OutcomeKind kind_of(Outcome o) { return static_cast<OutcomeKind>(o >> 24); }
constexpr std::uint32_t number_of(Outcome o) { return o & 0xffffff; }

enum Vector : unsigned {
  kDE,
  kDB,
  kNMI,
  kBP,
  kOF,
  kBR,
  kUD,
  kNM,
  kDF,
  kTS = 10,
  kNP,
  kSS_,
  kGP,
  kPF,
  kMF = 16,
  kAC,
  kMC,
  kXM,
  kVE,
  kCP
};
constexpr bool has_error_code(unsigned vector) {
  return vector == kDF || (vector >= kTS && vector <= kPF) || vector == kAC || vector == kCP;
}

// "done", "#GP", "triple_fault", "halt", "port_access"
std::string outcome_text(Outcome o);
bool parse_outcome(std::string_view text, Outcome& out);
// Letters and underscores only: "gp", "triple_fault"
std::string outcome_word(Outcome o);

// Observation::record: the state after the case in the order of the fields (slot - kFirstState), then this. Registers
// of an Exception are those before the faulting instruction; RF is not compared there and is 0.
inline constexpr unsigned kMemoryShown = 4;
enum RecordSlot : unsigned {
  kAfterState = kStateWords,
  kErrorCode = kAfterState,  // of an Exception that has one
  kPayload,                  // #PF: the address; #DB: the DR6 bits it reports
  kPort,                     // PortAccess: port, bytes << 16, 1 << 24 for input, 1 << 25 for a string instruction
  kPortValue,                // what OUT or OUTS writes
  kSteps,                    // instructions that completed
  kMemoryCount,              // qwords that differ from before the case
  kMemoryDigest,             // of their addresses and values
  kMemoryAddress,            // the first kMemoryShown of them, ascending; ~0 where there are fewer, and their values
  kMemoryValue = kMemoryAddress + kMemoryShown,
  kCause = kMemoryValue + kMemoryShown,  // which check raised the exception (causes.def); the reference alone says so
  kDecoded,                              // how it decoded the first instruction, 0 if it could not fetch it
  kLastStep,                             // how its last step went, see models/x86/decoder/last_step.h
  kRecordSlots
};

enum class Cause : std::uint8_t {
  None,
#define CAUSE(constant, name, text) constant,
#include "harness/arch/insn/causes.def"
#undef CAUSE
};
std::string_view cause_name(Cause c);

// A qword of memory that a case changed.
struct MemoryChange {
  std::uint64_t address, value;
};
// Digest of changes in ascending order of address: the same for every executor.
std::uint64_t memory_digest(const MemoryChange* changes, std::size_t count);

}  // namespace diffvisor::insn
