// SPDX-License-Identifier: Apache-2.0
// The agent's main loop: hello, then one mailbox slot after the other for ever, or the case in the ROM.
#include "oracles/agent/agent.h"

namespace diffvisor::agent {
namespace {

void wait_for(u64 address, u64 value) {
  while (*at<volatile u64>(address) != value) asm volatile("pause" ::: "memory");
}

Answer run(const Request& request, const void* input, void* output, volatile u32* cursor) {
  switch (request.command) {
    case Command::Echo:
      memcpy(output, input, request.argument);
      return Answer::Done;
    case Command::Capabilities:
      return read_capabilities(static_cast<Capabilities*>(output));
    case Command::VmxEntry:
      return run_vmx_entry(input, output, request.count, cursor);
    case Command::SvmEntry:
      return run_svm_entry(input, output, request.count, cursor);
    case Command::InsnStep:
      return run_insn_step(input, output, request.count, cursor);
    case Command::Quit:
      return Answer::Done;
  }
  return Answer::UnknownCommand;
}

void serve(u64 sequence) {
  const u64 slot = slot_of(sequence);
  wait_for(slot, sequence);
  const Request& request = *at<Request>(slot);
  volatile Response* response = at<volatile Response>(slot + kResponseOffset);
  response->answer = run(request, at<void>(slot + kInputOffset), at<void>(slot + kOutputOffset), &response->cursor);
  asm volatile("" ::: "memory");
  response->sequence = sequence;
  if (request.command == Command::Quit) end_emulator();
}

}  // namespace

extern "C" [[noreturn]] void agent_main() {
  static_assert(kProtocol < 10);
  print(kGreeting);
  constexpr char kLine[] = {'0' + kProtocol, '\n', 0};
  print(kLine);
  if (!has_rom_case()) wait_for(kGo, kGoValue);
  build_host_tables();
  build_guest_window();
  set_breakpoints();
  agent_cr0 = read_cr0();
  agent_cr4 = read_cr4();
  agent_efer = rdmsr(0xc0000080);
  if (has_rom_case()) run_rom_case(&run);
  for (u64 sequence = 1;; ++sequence) serve(sequence);
}

}  // namespace diffvisor::agent
