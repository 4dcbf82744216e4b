// SPDX-License-Identifier: Apache-2.0
// One x86 processor and its memory while it carries out an instruction. Faults are sticky: after the first one every
// read gives 0, every write does nothing, and whoever runs the instruction throws its register changes away. So an
// instruction reads like the manual's pseudocode, and a fault changes nothing by construction. Only loops have to ask.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/memory.h"
#include "models/x86/paging/walked_entries.h"
#include "models/x86/quirks.h"

namespace diffvisor::x86 {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using insn::Cause;
using insn::Segment;

struct Fault {
  bool raised = false;
  u8 vector = 0;
  bool soft = false;  // INT3, INTO, INT1: delivered like INT n
  bool trap = false;  // RIP is behind the instruction
  u32 error_code = 0;
  u64 payload = 0;  // #PF: address; #DB: DR6 bits
  Cause cause = Cause::None;
};

// Why nobody can judge the case: static text, lower case with underscores; null: it can be judged.
using Limit = const char*;

enum class Access : u8 { Read, Write, ReadForWrite, Execute };

struct OpcodeRow;  // decoder/opcode_table.h

inline constexpr u8 kNoVector = 0xff;

class Machine {
 public:
  // ---- state: registers by slot (harness/arch/insn/fields.def), general registers as Rax + number
  std::array<u64, insn::kSlots> v{};
  Fault fault;
  Limit limit = nullptr;
  Cause delivered = Cause::None;  // of the last fault that was delivered
  // In this step: the vector of the fault that was delivered, and of the first that came of delivering it.
  u8 delivered_vector = kNoVector, second_vector = kNoVector;
  insn::Outcome ended = 0;  // set by end(): HLT, port access, x86.kvm gave up
  bool has_ended = false;
  u64 port = 0, port_value = 0;  // record slots kPort and kPortValue of a port access
  u64 next_rip = 0;              // where the instruction goes on: set to the following one before it runs
  u64 undefined_flags = 0;       // RFLAGS bits the manual leaves undefined after this instruction
  struct Undefined {
    u8 slot = 0;  // of v
    u64 bits = 0;
  };
  Undefined undefined_register;    // a general register the manual leaves undefined
  bool upper_halves_open = false;  // RCX, RSI and RDI: a REP with 32-bit addresses and a count of 0
  u8 new_shadow = 0;               // SHADOW after the instruction
  bool rep_goes_on = false;        // REP_ONE: an iteration was carried out and RIP stays
  const Personality* personality = nullptr;
  Quirks quirks;
  Memory* memory = nullptr;
  // A task switch is past the point where it could be undone: the registers are the new task's even if a fault follows.
  bool committed = false;
  bool keeps_tr = false;                     // Bochs, Unicorn: LTR has loaded TR even if it faults
  bool narrow_stack = false;                 // Unicorn: SS.B counts in 64-bit mode too
  unsigned override_base = insn::kSegments;  // Unicorn: a segment whose base counts in 64-bit mode
  bool had_rf = false;                       // before the instruction
  bool flags_survive = false;                // Unicorn: a fault does not bring the status flags back
  bool in_far_frame = false;                 // of a far transfer through memory: the operand has been read
  u32 external = 0;  // the EXT bit of error codes: 1 while an event is delivered that no INT instruction asked for
  // Page-directory pointers of PAE paging: registers of the CPU, loaded before the case's first access and by MOV CR.
  std::array<u64, 4> pdpte{};
  bool pdptes_known = false;
  WalkedEntries walked;  // by this instruction
  // Sign and exponent of the physical x87 registers, and whether the x87 pointers are still 0: only FXSAVE shows them.
  std::array<u16, 8> st_exponent = {0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff};
  bool fpu_pointers_known = true;
  const OpcodeRow* row = nullptr;      // of the last instruction that was decoded
  u32 form = 0;                        // of the first one, see decoder/form.h
  u64 decoded = 0;                     // how the first one decoded, see decoder/summary.h
  u16 last_opcode = 0;                 // map << 8 | opcode of the last one
  bool repeated = false;               // REP counts for it
  u8 last_reg = 0;                     // its ModRM.reg, with REX.R
  u64 code_start = 0, code_bytes = 0;  // the case's own code, by linear address

  u64& reg(unsigned number) { return v[insn::Rax + number]; }
  bool has(unsigned feature) const { return insn::has(v.data(), feature); }
  bool flag(unsigned bit) const { return v[insn::Rflags] >> bit & 1; }
  void set_flag(unsigned bit, bool on) {
    v[insn::Rflags] = on ? v[insn::Rflags] | u64{1} << bit : v[insn::Rflags] & ~(u64{1} << bit);
  }
  bool cr0(unsigned bit) const { return v[insn::Cr0] >> bit & 1; }
  bool cr4(unsigned bit) const { return v[insn::Cr4] >> bit & 1; }
  bool efer(unsigned bit) const { return v[insn::Efer] >> bit & 1; }
  bool quirk(Quirk q) const { return quirks.test(q); }
  bool kvm() const { return personality->kvm; }

  // The mode follows the state; an instruction may change it.
  bool real_mode() const { return !cr0(insn::cr0::PE); }
  bool virtual_8086() const { return cr0(insn::cr0::PE) && flag(insn::rflags::VM); }
  bool protected_mode() const { return cr0(insn::cr0::PE) && !flag(insn::rflags::VM); }
  bool long_mode() const { return efer(insn::efer::LMA); }
  bool code64() const { return long_mode() && (v[insn::CsAttr] >> insn::attr::L & 1) != 0; }
  // Real mode, too, goes by the CS that protected mode left; KVM's emulator does not.
  bool code32() const {
    const bool ignores = virtual_8086() || (quirk(Quirk::KvmRealWidth) && real_mode());
    return !code64() && !ignores && (v[insn::CsAttr] >> insn::attr::DB & 1) != 0;
  }
  unsigned cpl() const;
  unsigned iopl() const { return static_cast<unsigned>(v[insn::Rflags] >> insn::rflags::IOPL & 3); }
  // Bytes of a stack slot address: 8 in 64-bit mode, else by SS.B.
  unsigned stack_address_bytes() const;

  bool ok() const { return !fault.raised && limit == nullptr && !has_ended; }

  // ---- ways to end: the first one counts
  void raise(unsigned vector, Cause cause);  // no error code
  void raise(unsigned vector, u32 error_code, Cause cause);
  void raise_page_fault(u64 address, u32 error_code, Cause cause);
  void raise_debug(u64 dr6_bits, Cause cause, bool trap);
  void raise_software(unsigned vector);  // INT3, INTO, INT1
  void general_protection(Cause cause) { raise(insn::kGP, 0, cause); }
  void undefined_opcode(Cause cause) { raise(insn::kUD, cause); }
  void cannot_judge(Limit why);
  void end(insn::OutcomeKind kind);

  // ---- memory through a segment: 1, 2, 4 or 8 bytes (segmentation.cc). `address_bytes` wraps the offset.
  u64 read(Segment s, u64 offset, unsigned bytes);
  void write(Segment s, u64 offset, unsigned bytes, u64 value);
  // The read half of a read-modify-write: faults like a write. A later write() to the same place cannot fault.
  u64 read_for_write(Segment s, u64 offset, unsigned bytes);
  // Any number of bytes, up to a page; `alignment` 1 or 16: the operand must have it, else #GP(0).
  void read_block(Segment s, u64 offset, std::span<u8> out, unsigned alignment = 1);
  void write_block(Segment s, u64 offset, std::span<const u8> in, unsigned alignment = 1);
  // #GP(0) if the operand is not aligned; CPUs look at that before the segment and before canonicality.
  void require_alignment(Segment s, u64 offset, unsigned alignment);
  // Checks as a write of so many bytes would, changes nothing but accessed and dirty bits.
  void probe_write(Segment s, u64 offset, unsigned bytes);
  // The linear address of `bytes` bytes for this access; faults where segmentation forbids it.
  u64 linear(Segment s, u64 offset, unsigned bytes, Access a);

  // ---- memory by linear address, as the supervisor does it for descriptors, gates and task states (paging.cc)
  u64 read_system(u64 linear, unsigned bytes);
  void write_system(u64 linear, unsigned bytes, u64 value);
  bool can_write_system(u64 linear, unsigned bytes);  // raises what a write would

  // Guest-physical address of one byte; faults with #PF (paging.cc). Never called for a range that crosses a page.
  u64 translate(u64 linear, Access a, bool as_supervisor);
  // What an instruction stores; inside RAM.
  void store(u64 physical, unsigned bytes, u64 value);
  // Code bytes from CS:offset on to the end of their page, at most out.size(), or none and fetch_fault. Ask again for
  // what is behind only when the instruction goes on there: a fetch sets accessed bits.
  std::size_t fetch(u64 offset, std::span<u8> out, Fault& fetch_fault);

  // ---- stack: SS:RSP by the current stack address size
  void push(u64 value, unsigned bytes);
  u64 pop(unsigned bytes);
  u64 stack_pointer() const;
  void set_stack_pointer(u64 value);  // keeps the upper bits a smaller stack does not use

  // ---- control transfer inside CS: masks by operand size, checks limit or canonicality, sets next_rip
  void branch(u64 target, unsigned operand_bytes);

  // ---- segment registers (segments.cc)
  void load_segment(Segment s, u16 selector);       // MOV, POP, LDS …: everything but CS
  void load_real_segment(Segment s, u16 selector);  // real and virtual-8086 mode, without checks

  bool is_canonical(u64 address) const;
  u64 physical_mask() const { return insn::physical_mask(v.data()); }
};

}  // namespace diffvisor::x86
