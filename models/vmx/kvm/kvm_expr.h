// SPDX-License-Identifier: Apache-2.0
// The predicates that KVM's nested checks are built from, in its own terms (arch/x86/kvm/vmx/nested.c, vmx.c).
#pragma once

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/rules/expr.h"

namespace diffvisor::vmx::kvm {

using rules::all;
using rules::always;
using rules::bit;
using rules::bits;
using rules::clear;
using rules::condition;
using rules::eq;
using rules::Expr;
using rules::le;
using rules::nonzero;
using rules::zero;

enum FreeIndex : unsigned { kSetMsrAccepts, kSetMsrKnown };

// A secondary control counts only when the primary controls activate it.
constexpr Expr has2(unsigned control) { return bit(Proc, proc::SECONDARY) && bit(Proc2, control); }

constexpr Expr page_aligned(Slot s) { return zero(s, 11, 0); }
constexpr Expr legal(Slot s) { return rules::fits(all(s), CapMaxphyaddr); }
constexpr Expr mapped(Slot s) { return le(bits(s, 63, 12), (kRamEnd >> 12) - 1); }
constexpr Expr list_fits(Slot address, Slot count) {
  return rules::last_fits(address, all(count), 16, 1, CapMaxphyaddr);
}

// KVM takes the width from L1's CR4.LA57, which is 0.
constexpr Expr canonical48(Slot s) { return zero(s, 63, 47) || eq(bits(s, 63, 47), 0x1ffff); }

constexpr Expr apicv() {
  return bit(Pin, pin::POSTED) ||
         (bit(Proc, proc::SECONDARY) && (bit(Proc2, proc2::VX2APIC) || !zero(Proc2, proc2::VID, proc2::APICREG)));
}

// SMXE, KL, CET and everything above are never shown to L1.
constexpr Expr cr4_known(Slot cr4) { return zero(cr4, 15, 14) && clear(cr4, 19) && zero(cr4, 63, 23); }
// SCE, LME, LMA, NXE
constexpr Expr efer_known(Slot efer) {
  return rules::subset(all(efer), all(CapEferMask)) && zero(efer, 7, 1) && clear(efer, 9) && zero(efer, 63, 12);
}
// LBR and BTF are always accepted (and then not loaded); bus-lock, freeze-LBR and RTM only where enumerated.
constexpr Expr debugctl_known() {
  return rules::subset(all(GuestIa32Debugctl), all(CapDebugctlMask), 3) && zero(GuestIa32Debugctl, 10, 3) &&
         zero(GuestIa32Debugctl, 14, 12) && zero(GuestIa32Debugctl, 63, 16);
}

constexpr Expr injecting() { return bit(EntryIntrInfo, 31); }
constexpr Expr injecting(unsigned type) { return bit(EntryIntrInfo, 31) && eq(bits(EntryIntrInfo, 10, 8), type); }
constexpr Expr injecting_software() {
  return bit(EntryIntrInfo, 31) && rules::in(bits(EntryIntrInfo, 10, 8), {4, 5, 6});
}
// #CP is not among them.
constexpr Expr vector_has_error_code() { return rules::in(bits(EntryIntrInfo, 4, 0), {8, 10, 11, 12, 13, 14, 17}); }

constexpr Expr linked() { return !eq(VmcsLinkPointer, ~std::uint64_t{0}); }
constexpr Expr link_read() {
  return linked() && page_aligned(VmcsLinkPointer) && legal(VmcsLinkPointer) && mapped(VmcsLinkPointer);
}

constexpr Expr in_v86() { return !has2(proc2::URG) && bit(GuestRflags, rflags::VM); }
constexpr Expr in_protected() { return !has2(proc2::URG) && clear(GuestRflags, rflags::VM); }
constexpr Expr v86_base(Slot base, Slot selector) {
  return rules::same(bits(base, 19, 4), bits(selector, 15, 0)) && zero(base, 3, 0) && zero(base, 63, 20);
}

constexpr Slot pdpte(unsigned i) { return static_cast<Slot>(Cr3Pdpte + i); }
constexpr Expr loads_pdptes() {
  return !has2(proc2::EPT) && bit(GuestCr0, cr0::PG) && bit(GuestCr4, cr4::PAE) && clear(Entry, entry_ctl::IA32E);
}
// All of CR3[63:5] is used, also in 32-bit modes.
constexpr Expr pdptes_mapped() { return le(bits(GuestCr3, 63, 5), (kRamEnd >> 5) - 1); }

constexpr Slot msr_index(unsigned i) { return static_cast<Slot>(EntryMsrIndex + i - 1); }
constexpr Slot msr_reserved(unsigned i) { return static_cast<Slot>(EntryMsrReserved + i - 1); }
constexpr Slot msr_value(unsigned i) { return static_cast<Slot>(EntryMsrValue + i - 1); }
constexpr Expr entry_exists(unsigned i) { return !le(all(EntryMsrLoadCount), i - 1); }
constexpr Expr entry_mapped(unsigned i) { return le(bits(EntryMsrLoadAddr, 63, 4), (kRamEnd >> 4) - i); }
constexpr Expr set_msr_accepts(unsigned i) { return condition(kSetMsrAccepts, all(msr_index(i)), all(msr_value(i))); }
constexpr Expr set_msr_known(unsigned i) { return condition(kSetMsrKnown, all(msr_index(i)), all(msr_value(i))); }

}  // namespace diffvisor::vmx::kvm
