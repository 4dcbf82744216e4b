// SPDX-License-Identifier: Apache-2.0
// svm_entry cases that leave as much behind as Bochs and QEMU let them.
#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"
#include "oracles/machines/clean_state.h"

namespace diffvisor {
namespace {

using namespace svm;
using namespace agent;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kAll = ~std::uint64_t{0}, kInject = bit(31);
constexpr std::uint64_t kVirtualInterruptNow = bit(int_ctl::V_IRQ) | 0xf0000;

struct Row {
  const char* what;
  std::vector<Edit> edits;
  Outcome bochs, qemu;
  std::uint64_t context = 0;
};

constexpr Outcome kUd = make_outcome(OutcomeKind::InvalidOpcode), kGp = make_outcome(OutcomeKind::GeneralProtection);
constexpr Outcome kVmmcallSeen = entered(kVmmcallExit);

// clang-format off
const Row kRows[] = {
    {"leaves at once",                    {}, kVmmcallSeen, kVmmcallSeen},
    {"leaves by a virtual interrupt",     {{IntCtl, kAll, kVirtualInterruptNow}, {IntVector, kAll, 0x20}, {Rflags, 0, bit(9)}}, kVmmcallSeen, entered(kVirtualInterruptExit)},
    {"has no nested paging",              {{NestedCtl, 1, 0}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected #GP",                   {{Eventinj, 0, kInject | 0xb0d}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected #PF, sets CR2",         {{Eventinj, 0, kInject | 0xb0e}, {Cr2, kAll, 0x1234567}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected #GP without nested paging", {{Eventinj, 0, kInject | 0xb0d}, {NestedCtl, 1, 0}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected an NMI",                {{Eventinj, 0, kInject | 0x202}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected an interrupt",          {{Eventinj, 0, kInject | 0x30}, {Rflags, 0, bit(9)}}, kVmmcallSeen, kVmmcallSeen},
    {"is injected a software interrupt",  {{Eventinj, 0, kInject | 0x480}}, kVmmcallSeen, kVmmcallSeen},
    {"pushes elsewhere",                  {{Eventinj, 0, kInject | 0x306}, {Rsp, kAll, kScratchEnd}}, kVmmcallSeen, kVmmcallSeen},
    {"pushes to where its tables end",    {{Eventinj, 0, kInject | 0x306}, {Rsp, kAll, 0x500000}}, entered(kExceptionExit + 14), entered(kExceptionExit + 14)},
    {"pushes there without paging",       {{Cr0, bit(cr0::PG), 0}, {Efer, bit(efer::LME) | bit(efer::LMA), 0}, {CsAttr, kAll, 0xc9b}, {Eventinj, 0, kInject | 0x306}, {Rsp, kAll, 0x500000}}, kVmmcallSeen, kVmmcallSeen},
    {"pushes over its own tables",        {{Eventinj, 0, kInject | 0x306}, {Rsp, kAll, kGuestCr3 + 0x2800}}, kVmmcallSeen, kVmmcallSeen},
    {"walks tables of its own",           {{Cr3, kAll, kScratch}, {Cr3Pdpte, kAll, (kGuestCr3 + kPage) | 7}}, kVmmcallSeen, kVmmcallSeen},
    {"walks tables of its own without nested paging", {{NestedCtl, 1, 0}, {Cr3, kAll, kScratch}, {Cr3Pdpte, kAll, (kGuestCr3 + kPage) | 7}}, kVmmcallSeen, kVmmcallSeen},
    {"pushes through tables of its own",  {{Cr3, kAll, kScratch}, {Cr3Pdpte, kAll, (kGuestCr3 + kPage) | 7}, {Eventinj, 0, kInject | 0x306}}, kVmmcallSeen, kVmmcallSeen},
    {"uses its tables as nested ones",    {{Ncr3, kAll, kGuestCr3}}, kVmmcallSeen, kVmmcallSeen},
    {"has facts",                         {{Cr3Pdpte + 1, kAll, 0x1234}}, kVmmcallSeen, kVmmcallSeen},
    {"has facts and fails",               {{Cr3Pdpte + 1, kAll, 0x1234}, {Asid, kAll, 0}}, kInvalid, kInvalid},
    {"runs without paging",               {{Cr0, bit(cr0::PG), 0}, {Efer, bit(efer::LME) | bit(efer::LMA), 0}, {CsAttr, kAll, 0xc9b}}, kVmmcallSeen, kVmmcallSeen},
    {"runs without paging at all",        {{Cr0, bit(cr0::PG), 0}, {Efer, bit(efer::LME) | bit(efer::LMA), 0}, {CsAttr, kAll, 0xc9b}, {NestedCtl, 1, 0}}, kVmmcallSeen, kVmmcallSeen},
    {"pushes without paging at all",      {{Cr0, bit(cr0::PG), 0}, {Efer, bit(efer::LME) | bit(efer::LMA), 0}, {CsAttr, kAll, 0xc9b}, {NestedCtl, 1, 0}, {Eventinj, 0, kInject | 0x306}}, kVmmcallSeen, kVmmcallSeen},
    {"writes memory",                     {{Rip, kAll, kGuestPagesEnd - 0x40}, {Rax, kAll, kScratch}}, entered(kExceptionExit + 14), entered(kExceptionExit + 14)},
    {"writes memory without nested paging", {{Rip, kAll, kGuestPagesEnd - 0x40}, {Rax, kAll, kScratch}, {NestedCtl, 1, 0}}, entered(kExceptionExit + 14), entered(kExceptionExit + 14)},
    {"loads debug registers",             {{Dr6, kAll, 0xffff4ff1}, {Dr7, kAll, 0x455}}, kVmmcallSeen, kVmmcallSeen},
    {"loads CR2",                         {{Cr2, kAll, 0xdead000}}, kVmmcallSeen, kVmmcallSeen},
    {"loads PAT",                         {{GPat, kAll, 0x0606060606060606}}, kVmmcallSeen, kVmmcallSeen},
    {"loads PAT without nested paging",   {{GPat, kAll, 0x0606060606060606}, {NestedCtl, 1, 0}}, kVmmcallSeen, kVmmcallSeen},
    {"loads DEBUGCTL",                    {{Dbgctl, kAll, 3}, {VirtExt, 0, 1}}, kVmmcallSeen, kVmmcallSeen},
    {"has other segments",                {{FsBase, kAll, 0x1000}, {GsBase, kAll, 0x2000}, {TrBase, kAll, 0x3000}, {LdtrBase, kAll, 0x4000}}, kVmmcallSeen, kVmmcallSeen},
    {"has other system-call MSRs",        {{Star, kAll, 1}, {Lstar, kAll, 2}, {KernelGsBase, kAll, 3}, {SysenterCs, kAll, 4}, {SysenterEip, kAll, 5}}, kVmmcallSeen, kVmmcallSeen},
    {"has other tables",                  {{GdtrBase, kAll, 0x8000}, {IdtrBase, kAll, 0x8000}}, kVmmcallSeen, kVmmcallSeen},
    {"sets CR4 bits",                     {{Cr4, 0, bit(cr4::TSD) | bit(cr4::DE) | bit(cr4::PGE) | bit(cr4::FSGSBASE) | bit(cr4::OSXSAVE)}}, kVmmcallSeen, kVmmcallSeen},
    {"sets CR0 bits",                     {{Cr0, bit(cr0::WP), bit(cr0::TS) | bit(cr0::EM) | bit(cr0::AM)}}, kVmmcallSeen, kVmmcallSeen},
    {"clears EFER bits",                  {{Efer, bit(efer::NXE) | bit(efer::SCE), 0}}, kVmmcallSeen, kVmmcallSeen},
    {"is in an interrupt shadow",         {{IntState, kAll, 1}, {Rflags, 0, bit(9)}}, kVmmcallSeen, kVmmcallSeen},
    {"runs at CPL 3",                     {{Cpl, kAll, 3}, {CsSelector, kAll, 0x33}, {CsAttr, kAll, 0xafb}, {SsSelector, kAll, 0x3b}, {SsAttr, kAll, 0xcf3}}, kVmmcallSeen, kVmmcallSeen},
    {"single-steps",                      {{Rflags, 0, bit(8)}}, kVmmcallSeen, kVmmcallSeen},
    {"takes #PF through its IDT",         {{InterceptExc, bit(14), 0}, {Rip, kAll, 0x700000}}, kVmmcallSeen, kVmmcallSeen},
    {"has a nested page fault",           {{Cr3, kAll, 0x10000}}, entered(kNestedPageFaultExit), entered(kNestedPageFaultExit)},
    {"has an unaligned VMCB",             {{VmcbAddress, 0, 8}}, kGp, kGp},
    {"has no VMCB",                       {{VmcbAddress, kAll, bit(45)}}, kGp, kGp},
    {"fails its controls",                {{Asid, kAll, 0}}, kInvalid, kInvalid},
    {"fails its state",                   {{Dr7, 0, bit(40)}}, kInvalid, kInvalid},
    {"fails its injection",               {{Eventinj, 0, kInject | 0x100}}, kInvalid, kInvalid},
    {"has no SVM",                        {}, kUd, kUd, bit(kSvmeOff)},
    {"comes from CPL 3",                  {}, kGp, kGp, bit(kCpl3)},
    {"has a 32-bit address size",         {{VmcbAddress, 0, bit(50)}}, kVmmcallSeen, kVmmcallSeen, bit(kAddress32)},
    {"comes from CPL 3 with neither",     {}, kUd, kUd, bit(kSvmeOff) | bit(kCpl3) | bit(kAddress32)},
};
// clang-format on

std::vector<Disturbance> disturbances(Outcome Row::*seen) {
  std::vector<Disturbance> out;
  for (const Row& row : kRows) {
    Case c = golden_case(schema());
    c[Context] = row.context;
    reset_to_golden(c);
    for (const Edit& e : row.edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
    settle_facts(c.v.data());
    out.push_back({row.what, c, row.*seen});
  }
  return out;
}

// The guest window, the nested tables, and the bitmaps.
constexpr ConstantRange kMemory[] = {{kGuestWindow, kGuestWindowEnd},
                                     {kNestedPml4, kNestedTablesEnd},
                                     {kMsrpm, kMsrpm + 2 * kPage},
                                     {kIopm, kIopm + 3 * kPage}};

}  // namespace

const CleanStateSubject kSvmOnBochs = {
    "svm_on_bochs", "bochs", "svm_entry", "ryzen", "bochs-bin", [] { return disturbances(&Row::bochs); }, kMemory};
const CleanStateSubject kSvmOnQemu = {
    "svm_on_qemu", "qemu", "svm_entry", "ryzen", "qemu-system-x86_64", [] { return disturbances(&Row::qemu); },
    kMemory};

}  // namespace diffvisor
