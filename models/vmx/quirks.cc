// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/quirks.h"

#include "harness/arch/vmx/fields.h"
#include "harness/rules/table_edits.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_2021.h"
#include "models/vmx/kvm/kvm_rules.h"

namespace diffvisor::vmx {
namespace {

using rules::Expr;
using rules::RowEdit;
using Edits = rules::TableEdits;

Edits arch() { return Edits(arch_rules()); }
Edits kvm() { return Edits(kvm_rules()); }

// The guard of a page-directory-pointer check without its "present" part.
Expr pae_paging() {
  using namespace rules;
  return bit(GuestCr0, cr0::PG) && bit(GuestCr4, cr4::PAE) && clear(Entry, entry_ctl::IA32E);
}
Expr ept() {
  using namespace rules;
  return bit(Proc, proc::SECONDARY) && bit(Proc2, proc2::EPT);
}

std::vector<RowEdit> nonpresent_pdptes_arch() {
  Edits e = arch();
  for (const char* id : {"vmx.pdpte.cr3.0", "vmx.pdpte.cr3.1", "vmx.pdpte.cr3.2", "vmx.pdpte.cr3.3"})
    e.apply_when(id, pae_paging() && !ept());
  for (const char* id : {"vmx.pdpte.vmcs.0", "vmx.pdpte.vmcs.1", "vmx.pdpte.vmcs.2", "vmx.pdpte.vmcs.3"})
    e.apply_when(id, pae_paging() && ept());
  return e.take();
}

std::vector<RowEdit> nonpresent_pdptes_kvm() {
  Edits e = kvm();
  for (const char* id : {"kvm.cr3.pdpte.0", "kvm.cr3.pdpte.1", "kvm.cr3.pdpte.2", "kvm.cr3.pdpte.3"})
    e.apply_when(id, pae_paging() && !ept());
  return e.take();
}

std::vector<RowEdit> cet_without_control() {
  using rules::always;
  using rules::bit;
  using rules::clear;
  Edits e = arch();
  for (const char* id :
       {"vmx.host.scet.rsvd", "vmx.host.scet.suptrk", "vmx.host.ssp.align", "vmx.host.isst", "vmx.guest.scet.canon",
        "vmx.guest.scet.rsvd", "vmx.guest.scet.suptrk", "vmx.guest.isst", "vmx.ssp.align", "vmx.ssp.width"})
    e.apply_when(id, always());
  e.apply_when("vmx.host.as.h32_scet", clear(Exit, exit_ctl::HOST64));
  e.apply_when("vmx.host.as.h64_scet", bit(Exit, exit_ctl::HOST64));
  return e.take();
}

}  // namespace

std::vector<Quirk> named_quirks() {
  using enum QuirkModel;
  return {
      {"lgpa.msr_area_end", "only the first byte of an MSR area is compared with the physical-address width", Arch,
       arch().drop({"vmx.ctl.exit.msrstore.last", "vmx.ctl.exit.msrload.last", "vmx.ctl.entry.msrload.last"}).take()},
      {"lgpa.msr_area_end", "only the first byte of an MSR area is compared with the physical-address width", Kvm,
       kvm()
           .drop({"kvm.exit.msr_store.last_legal", "kvm.exit.msr_load.last_legal", "kvm.entry.msr_load.last_legal"})
           .take()},
      {"lgpa.pdpte_nonpresent", "reserved bits are tested in page-directory-pointer entries that are not present", Arch,
       nonpresent_pdptes_arch()},
      {"lgpa.pdpte_nonpresent", "reserved bits are tested in page-directory-pointer entries that are not present", Kvm,
       nonpresent_pdptes_kvm()},
      {"lgpa.pi_align", "the posted-interrupt descriptor need not be aligned to 64 bytes", Arch,
       arch().drop({"vmx.ctl.pi.desc_align"}).take()},
      {"lgpa.pi_align", "the posted-interrupt descriptor need not be aligned to 64 bytes", Kvm,
       kvm().drop({"kvm.exec.posted.align"}).take()},
      {"cet.guest_ssp_width", "the guest's SSP must be canonical, one bit more than the manual asks", Arch,
       arch().require("vmx.ssp.width", rules::canonical(GuestSsp, CapLinearWidth)).take()},
      {"cet.check_without_ctrl", "CET fields are tested although no control loads them", Arch, cet_without_control()},
      {"cet.cr4_no_wp", "CR4.CET is accepted with CR0.WP = 0", Arch,
       arch().drop({"vmx.host.cr4_cet_wp", "vmx.guest.cr4_cet_wp"}).take()},
      {"cet.reserved_9_6", "bits 9:6 of IA32_S_CET are accepted", Arch,
       arch().drop({"vmx.host.scet.rsvd", "vmx.guest.scet.rsvd"}).take()},
      {"cet.suppress_tracker", "SUPPRESS together with TRACKER is accepted in IA32_S_CET", Arch,
       arch().drop({"vmx.host.scet.suptrk", "vmx.guest.scet.suptrk"}).take()},
      {"cet.ssp_tab_aligned", "the interrupt-SSP table address must be aligned like a shadow-stack pointer", Arch,
       arch()
           .require("vmx.host.isst",
                    rules::canonical(HostIntrSspTableAddr, CapLinearWidth) && rules::zero(HostIntrSspTableAddr, 1, 0))
           .require("vmx.guest.isst",
                    rules::canonical(GuestIntrSspTableAddr, CapLinearWidth) && rules::zero(GuestIntrSspTableAddr, 1, 0))
           .take()},
      {"kvm2021", "KVM before February 2021: fewer software checks of the guest state", Kvm, kvm_2021().edits},
  };
}

}  // namespace diffvisor::vmx
