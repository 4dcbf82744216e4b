// SPDX-License-Identifier: Apache-2.0
// Runs the case that lies in the ROM, and compares.
#include "harness/arch/agent/rom_case.h"

#include "harness/arch/agent/memory_map.h"
#include "oracles/agent/agent.h"

namespace diffvisor::agent {
namespace {

const RomCase& rom() { return *at<const RomCase>(kRomCase); }

void say(const char* text) {
  print(kRomCaseSays);
  print(text);
  print("\n");
}

u64 word_of(const u8* output, const RomCheck& c) {
  u64 value;
  memcpy(&value, output + c.offset, sizeof value);
  return value & c.mask;
}

void say(const RomCheck& c, u64 seen) {
  print(kRomCaseSays);
  print(c.name);
  print_number(" is ", seen);
  if (seen != c.manual) print_number(", the manual says ", c.manual);
  print("\n");
}

void compare(const RomCheck* checks, const u8* output) {
  bool as_manual = true, as_recorded = true;
  for (u64 i = 0; i < rom().checks; ++i) {
    const u64 seen = word_of(output, checks[i]);
    say(checks[i], seen);
    as_manual &= seen == checks[i].manual;
    as_recorded &= seen == checks[i].recorded;
  }
  say(as_manual ? "as the manual says" : as_recorded ? "differs from the manual, as recorded" : "differs otherwise");
}

}  // namespace

bool has_rom_case() { return rom().magic == kRomCaseMagic; }

[[noreturn]] void run_rom_case(Answer (*run)(const Request& request, const void* input, void* output,
                                             volatile u32* cursor)) {
  const auto* checks = reinterpret_cast<const RomCheck*>(&rom() + 1);
  const u64 slot = slot_of(1);
  auto* output = at<u8>(slot + kOutputOffset);
  memcpy(at<void>(slot + kInputOffset), checks + rom().checks, rom().input_bytes);
  memset(output, 0, kPage);
  const Request request{1, rom().command, 1, 0};
  volatile u32 cursor = 0;
  if (run(request, at<void>(slot + kInputOffset), output, &cursor) != Answer::Done) {
    say("this machine cannot run it");
  } else {
    compare(checks, output);
  }
  end_emulator();
}

}  // namespace diffvisor::agent
