// SPDX-License-Identifier: Apache-2.0
#include "models/svm/quirks.h"

#include "harness/rules/table_edits.h"
#include "models/svm/arch_rules.h"
#include "models/svm/terms.h"

namespace diffvisor::svm {
namespace {

using namespace arch;

rules::TableEdits rows() { return rules::TableEdits(arch_rules()); }

// The guard of a page-directory-pointer check without its "present" part.
Expr loads_pdptes() { return no_nested_paging() && pae_paging(); }

// What an address check says when it forgets that one bit means encryption.
Expr fits_width(Slot s) { return fits(all(s), CapMaxphyaddr); }

std::vector<rules::RowEdit> low_bits_of_legacy_cr3() {
  return rows()
      .require("svm.save.cr3.allmodes",
               legal_address(Cr3) && zero(Cr3, 2, 0) && (bit(Cr4, cr4::PAE) || zero(Cr3, 11, 5)))
      .take();
}

}  // namespace

std::vector<Quirk> named_quirks() {
  return {
      {"lgpa.pdpte_nonpresent", "reserved bits are tested in page-directory-pointer entries that are not present",
       rows().apply_when("svm.save.pdpte", loads_pdptes()).take()},
      {"lgpa.nsvm_legacy_low_bits", "outside long mode the low bits of CR3 must be 0", low_bits_of_legacy_cr3()},
      {"lgpa.cr3_long_mode_only", "CR3 is compared with the physical width in long mode only",
       rows().drop({"svm.save.cr3.allmodes"}).take()},
      {"lgpa.sev_cbit_nsvm_cr3", "the bit that means encryption is reserved in CR3",
       rows().require("svm.save.cr3.long", fits_width(Cr3)).require("svm.save.cr3.allmodes", fits_width(Cr3)).take()},
      {"svm.table_first_byte", "only the first byte of the permission maps is compared with the physical width",
       rows()
           .require("svm.ctl.msrpm", legal_address(MsrpmBase))
           .require("svm.ctl.iopm", legal_address(IopmBase))
           .take()},
      {"svm.late_2021", "the checks that nested SVM of February 2021 left to the processor are missing",
       rows()
           .drop({"svm.save.cr0.hi", "svm.save.efer.mbz", "svm.save.efer.lm_cap", "svm.save.long.cs_ld",
                  "svm.ctl.msrpm", "svm.ctl.iopm", "svm.ctl.ncr3"})
           .take()},
  };
}

}  // namespace diffvisor::svm
