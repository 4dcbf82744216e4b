// SPDX-License-Identifier: Apache-2.0
#include "models/kvm_table_under_test.h"

#include "models/vmx/kvm/kvm_rules.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::models {
namespace {

using namespace vmx;
using namespace vmx::kvm_test;

constexpr std::string_view kSpec[] = {
#define SPEC(id, section) id,
#include "models/vmx/spec_ids.def"
#undef SPEC
};

// What KVM leaves to the processor, to nobody, or does not model: everything else is a row.
bool left_to_others(std::string_view id) {
  for (const char* prefix : {"vmx.desc.", "vmx.rip.", "vmx.rflags.", "vmx.intr.", "vmx.dbg.", "vmx.smm.", "vmx.order.",
                             "vmx.fail.", "vmx.act.", "vmx.pdpte.vmcs."})
    if (id.starts_with(prefix)) return true;
  for (const char* part :
       {".base_canon",    ".base_hi",     ".type_acc",       ".type_read",    ".ar_rsvd_",      ".g_low",
        ".g_high",        ".p",           ".db_l",           "nofield",       ".dpl_type3",     ".dpl_zero",
        ".unusable_free", ".ignored",     "invalid_ignored", ".tprthr.",      ".tscmul",        ".txt_smm",
        ".vtpr_clear",    "link.current", "link.executive",  "noia32e.pcide", "guest.sysenter", "seg.tr.s",
        "seg.ldtr.s"})
    if (id.find(part) != std::string_view::npos) return true;
  return id == "vmx.ctl.encls" || id == "vmx.ctl.enclv" || id == "vmx.ctl.xss";
}

Case random_case(Rng& rng) {
  Case c = case_of(with2(rng.next() & 0xffffffff));
  for (unsigned k = 0; k < 4; ++k) {
    const Slot s = static_cast<Slot>(Pin + rng.below(kSlots - Pin));
    c.v[s] ^= one(static_cast<unsigned>(rng.below(field_of_slot(schema(), s).width)));
  }
  c.v[Exit] ^= std::uint64_t{rng.below(2)} << exit_ctl::HOST64;
  return c;
}

}  // namespace

const KvmTableUnderTest& kvm_table_under_test() {
  static const KvmTableUnderTest kTable = {kvm_table(), kSpec, 98, 97, case_of({}), &random_case, &left_to_others};
  return kTable;
}

}  // namespace diffvisor::models
