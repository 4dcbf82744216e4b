// SPDX-License-Identifier: Apache-2.0
// What tests and the fake emulator agree on. Input of command VmxEntry: an addend, then items; result = 3 * item +
// addend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "oracles/emulator_process/emulator_process.h"

namespace diffvisor::emulator::fake {

inline constexpr std::size_t kRamBytes = 64 << 20;
inline constexpr std::uint64_t kConstant = 0x200000, kConstantValue = 0x5afe;  // memory nothing may change
inline constexpr std::uint64_t kStuckMark = 0x210000;

// Items that misbehave.
inline constexpr std::uint64_t kCrash = 1000, kHang = 1001, kStuck = 1002, kPanic = 1003,
                               kKilled = 1004,  // once: as if somebody else had killed it
    kCrashAfterSeven = 1005,                    // only with item 7 right before it
    kSleep = 1008,                              // for ever, without using any processor
    kAlwaysKilled = 1007, kDamage = 1006;       // changes constant memory, and with it later results

inline EmulatorSpec spec(const std::string& program, const std::string& mode = "") {
  EmulatorSpec s;
  s.name = "fake";
  s.ram_bytes = kRamBytes;
  s.prepare = [program, mode](const std::filesystem::path& directory) -> Result<ChildSpec> {
    return ChildSpec{{program, mode}, {}, directory};
  };
  s.reach_memory = [](pid_t pid, const std::filesystem::path&) { return find_process_ram(pid, kRamBytes); };
  s.complaint = [](const std::string& console) -> std::string {
    const std::size_t at = console.find("message: ");
    return at == std::string::npos ? "" : console.substr(at + 9, console.find('\n', at) - at - 9);
  };
  return s;
}

}  // namespace diffvisor::emulator::fake
