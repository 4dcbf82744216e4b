// SPDX-License-Identifier: Apache-2.0
// An emulator for tests: RAM and an agent in one ordinary process, whose command VmxEntry triples numbers and
// misbehaves on request (see fake_emulator.h).
#include "oracles/emulator_process/fake_emulator.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "harness/arch/agent/mailbox.h"

namespace diffvisor::emulator {
namespace {

using namespace fake;

// A sanitizer would turn the signal into an exit.
void crash() {
  ::signal(SIGSEGV, SIG_DFL);
  ::raise(SIGSEGV);
}

std::byte* ram;

template <class T>
volatile T* at(agent::Gpa a) {
  return reinterpret_cast<volatile T*>(ram + a);
}

void nap() {
  const timespec t{0, 50'000};
  ::nanosleep(&t, nullptr);
}

void write_marks(std::size_t wrong_block) {
  for (std::size_t block = 0; block < kRamBytes / agent::kBlockBytes; ++block)
    *at<std::uint64_t>((block + 1) * agent::kBlockBytes - 8) = agent::kBlockMark | (block == wrong_block ? 0 : block);
}

void be_killed_once() {
  if (::access("killed", F_OK) == 0) return;
  std::fclose(std::fopen("killed", "w"));
  ::raise(SIGKILL);
}

// What the items ask for besides a result. `previous` is the item before, 0 for the first since the start.
void misbehave(std::uint64_t item, std::uint64_t previous) {
  switch (item) {
    case kCrash:
      crash();
      break;
    case kHang:
      for (;;) asm volatile("");
    case kSleep:
      for (;;) ::pause();
    case kStuck:
      *at<std::uint64_t>(kStuckMark) = 1;
      for (;;) asm volatile("");
    case kPanic:
      std::printf("message: Device 7 is on FIRE !\n");
      std::fflush(stdout);
      std::_Exit(1);
    case kKilled:
      be_killed_once();
      break;
    case kAlwaysKilled:
      ::raise(SIGKILL);
      break;
    case kCrashAfterSeven:
      if (previous == 7) crash();
      break;
    case kDamage:
      *at<std::uint64_t>(kConstant) = *at<std::uint64_t>(kConstant) + 1;
      break;
    default:
      break;
  }
}

void serve(std::uint64_t sequence) {
  static std::uint64_t previous = 0;
  const agent::Gpa slot = agent::slot_of(sequence);
  while (*at<std::uint64_t>(slot) != sequence) nap();
  const auto* request = const_cast<const agent::Request*>(at<agent::Request>(slot));
  auto* response = at<agent::Response>(slot + agent::kResponseOffset);
  const auto* input = at<std::uint64_t>(slot + agent::kInputOffset);
  auto* output = at<std::uint64_t>(slot + agent::kOutputOffset);
  response->answer = agent::Answer::Done;
  if (request->command == agent::Command::VmxEntry) {
    for (std::uint32_t i = 0; i < request->count; ++i) {
      response->cursor = i;
      misbehave(input[1 + i], previous);
      previous = input[1 + i];
      // Damage changes what later items come to, as a damaged agent would.
      output[i] = input[1 + i] * 3 + input[0] + (*at<std::uint64_t>(kConstant) - kConstantValue);
    }
  } else if (request->command == agent::Command::Echo) {
    std::memcpy(const_cast<std::uint64_t*>(output), const_cast<const std::uint64_t*>(input), request->argument);
  } else {
    response->answer = agent::Answer::UnknownCommand;
  }
  __atomic_store_n(const_cast<std::uint64_t*>(&response->sequence), sequence, __ATOMIC_RELEASE);
}

int run(std::string_view mode) {
  if (mode == "silent") ::pause();
  if (mode == "dead") return std::puts("message: no such model"), 3;
  ram = static_cast<std::byte*>(
      ::mmap(nullptr, kRamBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (ram == MAP_FAILED) return 2;
  write_marks(mode == "torn" ? 300 : 0);
  std::printf("%s%d\n", agent::kGreeting, static_cast<int>(mode == "stranger" ? 9 : agent::kProtocol));
  std::fflush(stdout);
  if (mode == "killed") be_killed_once();
  if (mode == "killed_again") ::raise(SIGKILL);
  while (*at<std::uint64_t>(agent::kGo) != agent::kGoValue) nap();
  *at<std::uint64_t>(kConstant) = kConstantValue;
  for (std::uint64_t sequence = 1;; ++sequence) serve(sequence);
}

}  // namespace
}  // namespace diffvisor::emulator

int main(int argc, char** argv) { return diffvisor::emulator::run(argc > 1 ? argv[1] : ""); }
