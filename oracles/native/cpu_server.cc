// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/cpu_server.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "oracles/native/enter.h"
#include "oracles/native/guest_pages.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr std::size_t kSignalStack = 128 << 10;  // an AVX-512 or AMX frame and ours
// After so many cases all of RAM is compared, which costs as much as a few of them.
constexpr std::size_t kGroup = 64;
constexpr int kCaught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

// A signal handler has no other way to know.
NativeResult* current_result = nullptr;

const char* with_errno(const char* what) {
  static char text[128];
  std::snprintf(text, sizeof text, "%s: %s", what, std::strerror(errno));
  return text;
}

const char* catch_signals() {
  void* stack = ::mmap(nullptr, kSignalStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return with_errno("cannot map a signal stack");
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = kSignalStack;
  if (::sigaltstack(&alternate, nullptr) != 0) return with_errno("no alternate signal stack");
  struct sigaction action {};
  action.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(&native_signal);
  // The handler does not return, so nothing may stay blocked.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int s : kCaught)
    if (::sigaction(s, &action, nullptr) != 0) return with_errno("cannot handle a signal");
  return nullptr;
}

// Everything but waiting and ending raises SIGSYS, also in the 32-bit and x32 tables.
const char* forbid_system_calls() {
  constexpr auto load = [](std::uint32_t offset) { return sock_filter(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); };
  constexpr auto unless_skip = [](std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    return sock_filter(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no));
  };
  sock_filter filter[] = {load(offsetof(seccomp_data, arch)),         unless_skip(AUDIT_ARCH_X86_64, 0, 4),
                          load(offsetof(seccomp_data, nr)),           unless_skip(SYS_futex, 1, 0),
                          unless_skip(SYS_exit_group, 0, 1),          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)};
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return with_errno("cannot forbid system calls");
  return nullptr;
}

// 64-bit programs run with null DS and ES, which 32-bit code cannot use.
void load_flat_segments() {
  asm volatile(
      "mov %0, %%ds\n\t"
      "mov %0, %%es"
      :
      : "r"(std::uint32_t{kSelUserData | 3}));
}

u64 qword_at(const std::uint8_t* ram, u64 gpa) {
  u64 value;
  std::memcpy(&value, ram + gpa, 8);
  return value;
}

void take_context(const ucontext_t& context, NativeResult& r) {
  constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  const auto& regs = context.uc_mcontext.gregs;
  const auto value = [&regs](int n) { return static_cast<u64>(regs[n]); };
  for (unsigned i = 0; i < 16; ++i) r.general[i] = value(kOrder[i]);
  r.rip = value(REG_RIP);
  r.rflags = value(REG_EFL);
  r.fault_address = value(REG_CR2);
  r.trap = static_cast<std::uint32_t>(value(REG_TRAPNO));
  r.error_code = static_cast<std::uint32_t>(value(REG_ERR));
  std::memcpy(r.fx, context.uc_mcontext.fpregs, sizeof r.fx);
}

}  // namespace

extern "C" void native_caught(int signal, void*, void* context) {
  if (current_result == nullptr) ::_exit(70);
  NativeResult& r = *current_result;
  current_result = nullptr;
  r.signal = static_cast<std::uint32_t>(signal);
  take_context(*static_cast<const ucontext_t*>(context), r);
  native_leave();
}

const char* CpuServer::start() {
  before_.assign(background(), background() + kRamEnd);
  changes_.reserve(kRamEnd / 8);
  if (const char* why = map_memory(); why != nullptr) return why;
  if (const char* why = catch_signals(); why != nullptr) return why;
  load_flat_segments();
  return forbid_system_calls();
}

const char* CpuServer::map_memory() {
  const int file = ::memfd_create("native_ram", MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, kRamEnd) != 0) return with_errno("cannot make the RAM");
  void* ram = ::mmap(nullptr, kRamEnd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (ram == MAP_FAILED) return with_errno("cannot map the RAM");
  ram_ = static_cast<std::uint8_t*>(ram);
  for (const Region& r : regions_to_map()) {
    const int rights = PROT_READ | (r.write ? PROT_WRITE : 0) | (r.execute ? PROT_EXEC : 0);
    void* const at = reinterpret_cast<void*>(r.linear);
    void* const got =
        ::mmap(at, r.bytes, rights, MAP_SHARED | MAP_POPULATE | MAP_FIXED_NOREPLACE, file, static_cast<off_t>(r.gpa));
    if (got == at) continue;
    static char text[160];
    std::snprintf(text, sizeof text, "cannot map linear address 0x%llx: %s (vm.mmap_min_addr, or a sanitizer)",
                  static_cast<unsigned long long>(r.linear), std::strerror(got == MAP_FAILED ? errno : EEXIST));
    return text;
  }
  ::close(file);
  reset_memory();
  return nullptr;
}

void CpuServer::serve(const case_child::Work& work) {
  const auto* cases = reinterpret_cast<const NativeCase*>(work.cases);
  auto* results = reinterpret_cast<NativeResult*>(work.results);
  for (std::size_t first = 0; first < work.count; first += kGroup) {
    const std::size_t end = std::min(work.count, first + kGroup);
    const auto run_all = [&](u64 more_pages) {
      for (std::size_t i = first; i < end; ++i) {
        work.cursor->store(static_cast<std::uint32_t>(i), std::memory_order_relaxed);
        run(cases[i], cases[i].pages | more_pages, results[i]);
      }
    };
    found_dirt_ = false;
    run_all(0);
    if (!found_dirt_ && is_background()) continue;
    // One of them wrote where nobody looked: look everywhere.
    reset_memory();
    run_all(~u64{0});
  }
}

void CpuServer::run(const NativeCase& c, u64 pages, NativeResult& result) {
  found_dirt_ = found_dirt_ || !is_clean_for(c, pages);
  load(c);
  current_result = &result;
  native_enter(&c.start);
  result.stop_overwritten = 0;
  for (const std::uint32_t stop : c.stop) {
    if (stop == kNoStop) continue;
    if (ram_[stop] != 0xcc) result.stop_overwritten = 1;
    ram_[stop] = before_[stop];
  }
  changes_.clear();
  find_changes(pages);
  result.memory_count = changes_.size();
  result.memory_digest = memory_digest(changes_.data(), changes_.size());
  for (unsigned i = 0; i < kMemoryShown; ++i)
    result.memory[i] = i < changes_.size() ? changes_[i] : MemoryChange{~u64{0}, ~u64{0}};
  result.tables_written =
      std::ranges::any_of(changes_, [](const MemoryChange& change) { return in_tables(change.address); });
  unload(c);
}

void CpuServer::write(u64 gpa, const void* bytes, std::size_t count) {
  std::memcpy(ram_ + gpa, bytes, count);
  std::memcpy(before_.data() + gpa, bytes, count);
}

void CpuServer::load(const NativeCase& c) {
  for (const MemoryChange& p : c.patch)
    if (p.address != 0) write(p.address, &p.value, 8);
  write(c.code_address, c.code, c.code_bytes);
  for (const std::uint32_t stop : c.stop)
    if (stop != kNoStop) ram_[stop] = 0xcc;
}

void CpuServer::find_changes(u64 pages) {
  for (u64 gpa = 0; pages != 0; pages >>= 1, gpa += kPage) {
    if ((pages & 1) == 0 || std::memcmp(ram_ + gpa, before_.data() + gpa, kPage) == 0) continue;
    for (u64 a = gpa; a < gpa + kPage; a += 8)
      if (const u64 now = qword_at(ram_, a); now != qword_at(before_.data(), a)) changes_.push_back({a, now});
  }
}

void CpuServer::restore(u64 gpa, std::size_t count) {
  std::memcpy(ram_ + gpa, background() + gpa, count);
  std::memcpy(before_.data() + gpa, background() + gpa, count);
}

void CpuServer::unload(const NativeCase& c) {
  for (const MemoryChange& change : changes_) restore(change.address, 8);
  for (const MemoryChange& p : c.patch)
    if (p.address != 0) restore(p.address, 8);
  restore(c.code_address, c.code_bytes);
}

bool CpuServer::is_clean(u64 gpa, std::size_t count) const {
  return std::memcmp(ram_ + gpa, background() + gpa, count) == 0;
}

// Whatever this case looks at or restores must not be what another one left.
bool CpuServer::is_clean_for(const NativeCase& c, u64 pages) const {
  for (u64 gpa = 0; pages != 0; pages >>= 1, gpa += kPage)
    if ((pages & 1) != 0 && !is_clean(gpa, kPage)) return false;
  for (const MemoryChange& p : c.patch)
    if (p.address != 0 && !is_clean(p.address, 8)) return false;
  return is_clean(c.code_address, c.code_bytes);
}

bool CpuServer::is_background() const { return is_clean(0, kRamEnd); }

void CpuServer::reset_memory() {
  std::memcpy(ram_, background(), kRamEnd);
  std::memcpy(before_.data(), background(), kRamEnd);
}

}  // namespace diffvisor::native
