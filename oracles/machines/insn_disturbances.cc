// SPDX-License-Identifier: Apache-2.0
// x86_insn cases that leave as much behind as a guest can: every register that entries and exits do not switch, every
// kind of memory, and every way to end.
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "oracles/machines/clean_state.h"

namespace diffvisor {
namespace {

using namespace insn;

constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr Outcome kDone = make_outcome(OutcomeKind::Done);
constexpr Outcome exception(std::uint32_t vector) { return make_outcome(OutcomeKind::Exception, vector); }

struct Row {
  const char* what;
  unsigned mode;
  std::vector<unsigned> code;
  std::vector<Edit> edits;
  Outcome outcome = kDone;
};

// clang-format off
const Row kRows[] = {
    {"does nothing",               kLong64, {0x90}, {}},
    {"does nothing in real mode",  kReal16, {0x90}, {}},
    {"does nothing in virtual-8086 mode", kVirtual8086, {0x90}, {}},
    {"does nothing in compatibility mode", kCompatibility32, {0x90}, {}},
    {"loads all registers",        kLong64, {0x90}, {{Rax, 0, 1}, {R15, 0, 2}, {Cr2, 0, 0x1234}, {Cr8, 0, 7}, {Dr0, 0, 5}, {Dr3, 0, 6}, {Dr6, 0, 15}, {Xcr0, 0, 7}, {Pkru, 0, 0xaaaaaaaa}, {Star, 0, 1}, {Fmask, 0, 1}, {TscAux, 0, 9}, {KernelGsBase, 0, 0x1000}}},
    {"loads all of x87 and SSE",   kLong64, {0x90}, {{Mxcsr, kAll, 0x1fbf}, {Fcw, kAll, 0x47f}, {Fsw, kAll, 0x3801}, {Ftw, kAll, 0x5a}, {Mm, 0, 77}, {Xmm, 0, 88}, {Xmm + 31, 0, 99}}},
    {"writes PKRU",                kLong64, {0x0f, 0x01, 0xef}, {{Cr4, 0, 0x400000}, {Rax, 0, 0xfffffffc}}},
    {"reads PKRU",                 kLong64, {0x0f, 0x01, 0xee}, {{Cr4, 0, 0x400000}}},
    {"writes an MSR",              kLong64, {0x0f, 0x30}, {{Rcx, 0, 0xc0000103}, {Rax, 0, 0x77}}},
    {"reads that MSR",             kLong64, {0x0f, 0x32}, {{Rcx, 0, 0xc0000103}}},
    {"swaps GS",                   kLong64, {0x0f, 0x01, 0xf8}, {}},
    {"writes CR2",                 kLong64, {0x0f, 0x22, 0xd0}, {{Rax, 0, 0xbad}}},
    {"writes CR8",                 kLong64, {0x44, 0x0f, 0x22, 0xc0}, {{Rax, 0, 0xf}}},
    {"writes DR2",                 kLong64, {0x0f, 0x23, 0xd0}, {{Rax, 0, 0xbad}}},
    {"reads DR2",                  kLong64, {0x0f, 0x21, 0xd0}, {}},
    {"writes DR6",                 kLong64, {0x0f, 0x23, 0xf0}, {{Rax, 0, 0xffff0fff}}},
    {"loads YMM",                  kLong64, {0xc5, 0xfc, 0x10, 0x13}, {{Cr4, 0, 0x40000}, {Xcr0, 0, 7}, {Rbx, 0, kData}}},
    {"stores YMM",                 kLong64, {0xc5, 0xfc, 0x11, 0x13}, {{Cr4, 0, 0x40000}, {Xcr0, 0, 7}, {Rbx, 0, kStack}}},
    {"loads x87",                  kLong64, {0xd9, 0xe8}, {}},
    {"writes memory",              kLong64, {0x48, 0xab}, {{Rdi, 0, kData}, {Rax, 0, 3}}},
    {"writes page tables",         kLong64, {0x48, 0xab}, {{Rdi, 0, kPt + 8}, {Rax, 0, 3}}},
    {"writes its GDT",             kLong64, {0x48, 0xab}, {{Rdi, 0, kGdt + 8}, {Rax, 0, 3}}},
    {"writes its code",            kLong64, {0x48, 0xab}, {{Rdi, 0, kCode}, {Rax, 0, 3}}},
    {"writes over a patch",        kLong64, {0x48, 0xab}, {{Rdi, 0, kStack}, {PatchAddress, 0, kStack}, {PatchValue, 0, 7}}},
    {"sets accessed and dirty bits", kLong64, {0x48, 0xab}, {{Rdi, 0, window(kUntouched)}}},
    {"writes many qwords",         kLong64, {0xf3, 0x48, 0xab}, {{Rdi, 0, kStack}, {Rcx, 0, 0x40}, {Rax, 0, 1}}},
    {"reads many qwords",          kLong64, {0xf3, 0x48, 0xad}, {{Rsi, 0, kData}, {Rcx, 0, 0x40}}},
    {"writes before it faults",    kLong64, {0xf3, 0x48, 0xab}, {{Rdi, 0, window(kAbsent) - 32}, {Rcx, 0, 0x40}, {Rax, 0, 1}}, exception(kPF)},
    {"reads memory",               kLong64, {0x48, 0xad}, {{Rsi, 0, kData}}},
    {"has patches",                kLong64, {0x90}, {{PatchAddress, 0, kPt}, {PatchValue, 0, 0}, {PatchAddress + 1, 0, kGdt}, {PatchValue + 1, 0, 5}}},
    {"blocks by MOV SS",           kLong64, {0x8e, 0xd0}, {{Rax, 0, kSelData}}},
    {"blocks by STI",              kLong64, {0xfb}, {}},
    {"does not block",             kLong64, {0x8e, 0xd8}, {{Rax, 0, kSelData}}},
    {"single-steps",               kLong64, {0x90}, {{Rflags, 0, 0x100}}, exception(kDB)},
    {"hits a breakpoint",          kLong64, {0x90}, {{Dr7, 0, 1}, {Dr0, 0, kCode}}, exception(kDB)},
    {"delivers an exception",      kLong64, {0x0f, 0x0b}, {{Deliver, 0, 1}}},
    {"does not deliver it",        kLong64, {0x0f, 0x0b}, {}, exception(kUD)},
    {"shuts down",                 kLong64, {0x0f, 0x0b}, {{Deliver, 0, 1}, {IdtrLimit, kAll, 0}}, make_outcome(OutcomeKind::TripleFault)},
    {"halts",                      kLong64, {0xf4}, {}, make_outcome(OutcomeKind::Halt)},
    {"writes a port",              kLong64, {0xe6, 0x80}, {}, make_outcome(OutcomeKind::PortAccess)},
    {"reads a port to memory",     kLong64, {0x6c}, {{Rdi, 0, kData}}, make_outcome(OutcomeKind::PortAccess)},
    {"returns from an NMI",        kLong64, {0x48, 0xcf}, {{PatchAddress, 0, kStack + 0x8000}, {PatchValue, 0, kCode}, {PatchAddress + 1, 0, kStack + 0x8008}, {PatchValue + 1, 0, kSelCode64}, {PatchAddress + 2, 0, kStack + 0x8010}, {PatchValue + 2, 0, 2}, {PatchAddress + 3, 0, kStack + 0x8018}, {PatchValue + 3, 0, kStack}, {PatchAddress + 4, 0, kStack + 0x8020}, {PatchValue + 4, 0, kSelData}}},
    {"leaves long mode's CS",      kLong64, {0x48, 0xcb}, {{PatchAddress, 0, kStack + 0x8000}, {PatchValue, 0, kCode}, {PatchAddress + 1, 0, kStack + 0x8008}, {PatchValue + 1, 0, kSelCode32}}},
    {"clears CR0.WP",              kLong64, {0x0f, 0x22, 0xc0}, {{Rax, 0, 0x80000031}}},
    {"changes CR4",                kLong64, {0x0f, 0x22, 0xe0}, {{Rax, 0, 0x6a0}}},
    {"enters protected mode",      kReal16, {0x0f, 0x22, 0xc0}, {{Rax, 0, 0x31}}},
};
// clang-format on

std::vector<Disturbance> disturbances() {
  std::vector<Disturbance> out;
  for (const Row& row : kRows) {
    Case c = golden_case(schema());
    c[ModeOf] = row.mode;
    reset_to_golden(c);
    for (const unsigned b : row.code) c.areas[kCodeArea].push_back(static_cast<std::byte>(b));
    for (const Edit& e : row.edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
    settle(c.v.data());
    out.push_back({row.what, c, row.outcome});
  }
  return out;
}

// The case's memory, its background, EPT and the bitmaps.
constexpr agent::ConstantRange kMemory[] = {{agent::kStepRam, agent::kStepVmcs}};

}  // namespace

const CleanStateSubject kInsnOnBochs = {"insn_on_bochs", "bochs",       "x86_insn", "tigerlake",
                                        "bochs-bin",     &disturbances, kMemory};

}  // namespace diffvisor
