// SPDX-License-Identifier: Apache-2.0
// The debug console (port 0xe9) and the ways to end the emulator that runs us.
#include "oracles/agent/agent.h"

namespace diffvisor::agent {

void print(const char* text) {
  while (*text != 0) outb(0xe9, static_cast<u8>(*text++));
}

void print_number(const char* name, u64 value) {
  print(name);
  for (int shift = 60; shift >= 0; shift -= 4) outb(0xe9, static_cast<u8>("0123456789abcdef"[value >> shift & 15]));
}

void end_emulator() {
  outb(0xf4, 0);                                                                     // QEMU's isa-debug-exit
  for (const char* s = "Shutdown"; *s != 0; ++s) outb(0x8900, static_cast<u8>(*s));  // Bochs
  for (;;) asm volatile("cli; hlt");
}

void panic(const char* why) {
  print(kPanic);
  print(why);
  print("\n");
  end_emulator();
}

// frame: vector, error code, RIP, CS, RFLAGS
extern "C" [[noreturn]] void panic_on_fault(const u64* frame) {
  print(kPanic);
  print_number("exception ", frame[0]);
  print_number(" error ", frame[1]);
  print_number(" rip ", frame[2]);
  print_number(" cr2 ", read_cr2());
  print("\n");
  end_emulator();
}

}  // namespace diffvisor::agent
