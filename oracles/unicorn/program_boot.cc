// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/program_boot.h"

#include <fmt/format.h>

#include "harness/arch/insn/schema.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u64 = std::uint64_t;

// Numbers of registers in ModRM.
constexpr unsigned kAccumulator = 0, kStackPointer = 4;

class Writer {
 public:
  explicit Writer(Setup& s) : s_(s) {}

  void move(unsigned reg, u64 value, std::string_view what) {
    const bool wide = s_.mode == UC_MODE_64;
    std::vector<std::uint8_t> b;
    if (wide) b.push_back(0x48);
    if (s_.mode == UC_MODE_16) b.push_back(0x66);
    b.push_back(static_cast<std::uint8_t>(0xb8 + reg));
    for (unsigned i = 0; i < (wide ? 8u : 4u); ++i) b.push_back(static_cast<std::uint8_t>(value >> 8 * i));
    add(b, fmt::format("mov {}, {:#x}{}{}", reg == kStackPointer ? stack() : accumulator(), value,
                       what.empty() ? "" : "   ", what));
  }
  void control(unsigned n, u64 value) {
    move(kAccumulator, value, "");
    add({0x0f, 0x22, static_cast<std::uint8_t>(0xc0 | n << 3)}, fmt::format("mov cr{}, {}", n, accumulator()));
  }
  // A descriptor for the selector, which may be that of another segment too.
  void descriptor(u64 address, u64 value) {
    const unsigned step = s_.mode == UC_MODE_64 ? 8 : 4;
    for (unsigned i = 0; i < 8; i += step) {
      move(kAccumulator, step == 8 ? value : value >> 8 * i & 0xffffffff, "");
      std::vector<std::uint8_t> b = step == 8 ? std::vector<std::uint8_t>{0x48, 0xa3} : std::vector<std::uint8_t>{0xa3};
      for (unsigned k = 0; k < step; ++k) b.push_back(static_cast<std::uint8_t>((address + i) >> 8 * k));
      add(std::move(b), fmt::format("mov [{:#x}], {}", address + i, accumulator()));
    }
  }
  void segment(unsigned s, u64 selector) {
    static constexpr const char* kNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    move(kAccumulator, selector, "");
    add({0x8e, static_cast<std::uint8_t>(0xc0 | s << 3)}, fmt::format("mov {}, ax", kNames[s]));
  }
  // What IRET reads by; the library opens the CPU with a stack of 16 bits.
  void flat_stack(u64 gdt) {
    descriptor(gdt + 8, 0x00cf93000000ffff);
    segment(kSs, 8);
  }
  void push(u64 value, std::string_view what) {
    move(kAccumulator, value, what);
    add({0x50}, fmt::format("push {}", accumulator()));
  }
  void iret() {
    if (s_.mode == UC_MODE_64) return add({0x48, 0xcf}, "iretq");
    add({0xcf}, "iretd");
  }

 private:
  const char* accumulator() const { return s_.mode == UC_MODE_64 ? "rax" : "eax"; }
  const char* stack() const { return s_.mode == UC_MODE_64 ? "rsp" : "esp"; }
  void add(std::vector<std::uint8_t> bytes, std::string text) {
    s_.boot.push_back({std::move(bytes), std::move(text)});
  }

  Setup& s_;
};

void control_registers(const Case& c, Writer& w) {
  w.control(4, c.v[Cr4]);
  w.control(3, boot_cr3(c));
  w.control(0, c.v[Cr0]);
}

// SDM 2A, IRET: what a return takes from the stack, last first.
void frame(const Case& c, const Selectors& sel, Writer& w, bool whole) {
  const bool virtual8086 = c.v[ModeOf] == kVirtual8086;
  if (virtual8086)
    for (const unsigned s : {kGs, kFs, kDs, kEs}) w.push(sel.of[s], "");
  if (whole || virtual8086) {
    w.push(sel.of[kSs], "ss");
    w.push(c.v[Rsp], "its stack pointer");
  }
  w.push(virtual8086 ? c.v[Rflags] : u64{2}, "flags");
  w.push(sel.of[kCs], "cs");
  w.push(c.v[Rip], "instruction pointer");
}

}  // namespace

u64 boot_cr3(const Case& c) {
  const auto has = [&](unsigned bit) { return (c.v[Cr4] >> bit & 1) != 0; };
  if (is_long(c.v[ModeOf])) return has(cr4::LA57) ? kPml5 : kPml4;
  return has(cr4::PAE) ? kPdptPae : kPd32;
}

void add_boot(const Case& c, const Selectors& sel, Setup& s) {
  Writer w(s);
  control_registers(c, w);
  u64 bytes = 0;
  if (c.v[ModeOf] == kReal16) {
    for (const BootLine& line : s.boot) bytes += line.bytes.size();
    s.boot_end = s.boot_address + bytes;
    return;
  }
  const bool virtual8086 = c.v[ModeOf] == kVirtual8086, inner = cpl_of(c.v.data()) == 0;
  const auto place = [&](unsigned seg) {
    if (!sel.is_null(seg)) w.descriptor(sel.place(seg), descriptor_of(c, seg));
  };
  if (!s.wide) w.flat_stack(sel.gdt);
  for (const unsigned seg : {kEs, kDs, kFs, kGs}) {
    if (virtual8086) break;
    place(seg);
    w.segment(seg, sel.of[seg]);
  }
  if (!virtual8086) place(kCs), place(kSs);
  // A return within one level, of 32 bits, leaves SS alone.
  if (inner && !s.wide) w.segment(kSs, sel.of[kSs]);
  w.move(kStackPointer, s.boot_address + kPage, "the end of this page");
  frame(c, sel, w, s.wide || !inner);
  w.iret();
  s.boot_end = (c.v[ModeOf] == kLong64 ? 0 : c.v[CsBase]) + c.v[Rip];
  if (c.v[ModeOf] != kLong64) s.boot_end &= 0xffffffff;
}

}  // namespace diffvisor::unicorn
