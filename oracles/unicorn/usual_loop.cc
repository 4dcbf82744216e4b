// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/usual_loop.h"

#include <ctime>

#include <array>
#include <cstdint>
#include <vector>

#include <unicorn/unicorn.h>

#include "harness/arch/insn/memory_map.h"
#include "harness/base/rng.h"

namespace diffvisor::unicorn {
namespace {

constexpr unsigned kRuns = 5000;

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

constexpr std::array kRegisters = {
    UC_X86_REG_RAX,   UC_X86_REG_RCX,   UC_X86_REG_RDX,   UC_X86_REG_RBX,   UC_X86_REG_RSP,   UC_X86_REG_RBP,
    UC_X86_REG_RSI,   UC_X86_REG_RDI,   UC_X86_REG_R8,    UC_X86_REG_R9,    UC_X86_REG_R10,   UC_X86_REG_R11,
    UC_X86_REG_R12,   UC_X86_REG_R13,   UC_X86_REG_R14,   UC_X86_REG_R15,   UC_X86_REG_XMM0,  UC_X86_REG_XMM1,
    UC_X86_REG_XMM2,  UC_X86_REG_XMM3,  UC_X86_REG_XMM4,  UC_X86_REG_XMM5,  UC_X86_REG_XMM6,  UC_X86_REG_XMM7,
    UC_X86_REG_XMM8,  UC_X86_REG_XMM9,  UC_X86_REG_XMM10, UC_X86_REG_XMM11, UC_X86_REG_XMM12, UC_X86_REG_XMM13,
    UC_X86_REG_XMM14, UC_X86_REG_XMM15, UC_X86_REG_ST0,   UC_X86_REG_ST1,   UC_X86_REG_ST2,   UC_X86_REG_ST3,
    UC_X86_REG_ST4,   UC_X86_REG_ST5,   UC_X86_REG_ST6,   UC_X86_REG_ST7};

std::vector<std::uint8_t> memory_of(UsualLoop kind, Rng& rng) {
  std::vector<std::uint8_t> memory(insn::kRamEnd, kind == UsualLoop::Halts ? 0xf4 : 0);
  if (kind == UsualLoop::OtherCode)
    for (std::uint8_t& byte : memory) byte = static_cast<std::uint8_t>(rng.next());
  return memory;
}

void run_once(uc_engine* uc, UsualLoop kind, Rng& rng) {
  const std::array<std::uint8_t, 3> code = {0x48, static_cast<std::uint8_t>(8 * rng.below(8) + 1),
                                            static_cast<std::uint8_t>(0xc0 | rng.below(64))};
  constexpr std::uint64_t kEnd = insn::kCode + std::tuple_size_v<decltype(code)>;
  uc_mem_write(uc, insn::kCode, code.data(), code.size());
  uc_ctl_remove_cache(uc, insn::kCode, kEnd);  // or it runs what was there before
  std::array<std::uint64_t, 2> value;
  for (const int r : kRegisters) {
    value = {rng.next(), 0};
    uc_reg_write(uc, r, value.data());
  }
  const std::uint64_t flags = 2;
  uc_reg_write(uc, UC_X86_REG_RFLAGS, &flags);
  const bool until = kind == UsualLoop::Until;
  uc_emu_start(uc, insn::kCode, until ? kEnd : 0, 0, until ? 0 : 1);
  for (const int r : kRegisters) uc_reg_read(uc, r, value.data());
  uc_reg_read(uc, UC_X86_REG_RFLAGS, value.data());
  uc_reg_read(uc, UC_X86_REG_RIP, value.data());
}

}  // namespace

double usual_loop_seconds(UsualLoop kind) {
  uc_engine* uc = nullptr;
  if (uc_open(UC_ARCH_X86, UC_MODE_64, &uc) != UC_ERR_OK) return 0;
  Rng rng(3, 4);
  const std::vector<std::uint8_t> memory = memory_of(kind, rng);
  uc_mem_map(uc, 0, insn::kRamEnd, UC_PROT_ALL);
  uc_mem_write(uc, 0, memory.data(), memory.size());
  const double begin = cpu_seconds();
  for (unsigned i = 0; i < kRuns; ++i) run_once(uc, kind, rng);
  const double each = (cpu_seconds() - begin) / kRuns;
  uc_close(uc);
  return each;
}

}  // namespace diffvisor::unicorn
