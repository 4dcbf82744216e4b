// SPDX-License-Identifier: Apache-2.0
#include "models/svm/kvm/kvm_quirks.h"

#include "harness/rules/table_edits.h"
#include "models/svm/kvm/kvm_expr.h"
#include "models/svm/kvm/kvm_rules.h"

namespace diffvisor::svm {
namespace {

using namespace kvm;
using rules::RowEdit;

constexpr const char* kPdpteRows[] = {"kvm.cr3.pdpte.0", "kvm.cr3.pdpte.1", "kvm.cr3.pdpte.2", "kvm.cr3.pdpte.3"};

rules::TableEdits rows() { return rules::TableEdits(kvm_rules()); }

// What an address check says when it forgets that one bit means encryption.
Expr fits_width(Slot s) { return fits(all(s), CapMaxphyaddr); }

std::vector<RowEdit> nonpresent_pdptes() {
  rules::TableEdits e = rows();
  for (const char* id : kPdpteRows) e.apply_when(id, loads_pdptes());
  return e.take();
}

std::vector<RowEdit> pdptes_without_c_bit() {
  rules::TableEdits e = rows();
  for (unsigned i = 0; i < 4; ++i) {
    const Slot s = static_cast<Slot>(Cr3Pdpte + i);
    e.require(kPdpteRows[i], zero(s, 2, 1) && zero(s, 8, 5) && fits_width(s));
  }
  return e.take();
}

Expr legacy_low_bits() { return long_mode() || (zero(Cr3, 2, 0) && (bit(Cr4, cr4::PAE) || zero(Cr3, 11, 5))); }

std::vector<RowEdit> efer_left_to_processor() {
  return rows().drop({"kvm.save.efer.never_offered", "kvm.save.efer.offered", "kvm.save.efer.long_mode"}).take();
}

std::vector<RowEdit> first_byte_of_tables() {
  return rows()
      .require("kvm.control.msrpm", legal_address(MsrpmBase))
      .require("kvm.control.iopm", legal_address(IopmBase))
      .take();
}

void append(std::vector<RowEdit>& to, std::vector<RowEdit> more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

KvmKernel kvm_2021() {
  KvmKernel kernel;
  kernel.version = "5.10";
  kernel.edits =
      rows()
          .drop({"kvm.save.cr0.high", "kvm.save.long.cs", "kvm.control.ncr3", "kvm.control.msrpm", "kvm.control.iopm"})
          .require("kvm.cr3.legal", fits_width(Cr3) && legacy_low_bits())
          .take();
  append(kernel.edits, efer_left_to_processor());
  append(kernel.edits, pdptes_without_c_bit());
  return kernel;
}

std::vector<Quirk> named_kvm_quirks() {
  return {
      {"lgpa.pdpte_nonpresent", "reserved bits are tested in page-directory-pointer entries that are not present",
       nonpresent_pdptes()},
      {"lgpa.sev_cbit_nsvm_cr3", "the bit that means encryption is reserved in CR3",
       rows().require("kvm.cr3.legal", fits_width(Cr3)).take()},
      {"lgpa.sev_cbit_long_only", "the bit that means encryption is reserved in page-directory-pointer entries",
       pdptes_without_c_bit()},
      {"lgpa.nsvm_legacy_low_bits", "outside long mode the low bits of CR3 must be 0",
       rows().require("kvm.cr3.legal", legal_address(Cr3) && legacy_low_bits()).take()},
      {"svm.ncr3_unchecked", "the root of the nested page tables is not compared with the physical width",
       rows().drop({"kvm.control.ncr3"}).take()},
      {"svm.tables_unchecked", "the permission maps are not compared with the physical width",
       rows().drop({"kvm.control.msrpm", "kvm.control.iopm"}).take()},
      {"svm.table_first_byte", "only the first byte of the permission maps is compared with the physical width",
       first_byte_of_tables()},
      {"svm.efer_left_to_processor", "EFER of L2 may hold what the processor has and L1 is not offered",
       efer_left_to_processor()},
      {kKvm2021, "KVM before February 2021: fewer software checks of the VMCB", kvm_2021().edits},
  };
}

}  // namespace diffvisor::svm
