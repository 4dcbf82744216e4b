// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/kvm_2021.h"

#include "harness/base/check.h"
#include "models/vmx/kvm/kvm_expr.h"
#include "models/vmx/kvm/kvm_rules.h"

namespace diffvisor::vmx {
namespace {

rules::RowEdit edit_of(std::string_view id) {
  rules::RowEdit e;
  e.row = rules::find_rule(kvm_rules(), id);
  CHECK(e.row < kvm_rules().rows.size());
  return e;
}

rules::RowEdit without(std::string_view id) {
  rules::RowEdit e = edit_of(id);
  e.drop = true;
  return e;
}

// What the row demands, and more.
rules::RowEdit stricter(std::string_view id, const rules::Expr& more) {
  rules::RowEdit e = edit_of(id);
  e.must = kvm_rules().rows[e.row].must && more;
  return e;
}

}  // namespace

KvmKernel kvm_2021() {
  using namespace kvm;
  KvmKernel kernel;
  kernel.version = "5.10";
  kernel.raw_debugctl = true;
  for (const char* id : {"kvm.guest.cr0.pg_pe", "kvm.guest.ia32e.pae", "kvm.guest.ia32e.pg", "kvm.guest.debugctl",
                         "kvm.host.cr4.never_offered", "kvm.guest.cr4.never_offered"})
    kernel.edits.push_back(without(id));
  kernel.edits.push_back(stricter("kvm.guest.activity", clear(ActivityState, 1)));
  kernel.edits.push_back(
      stricter("kvm.exec.proc2.never_offered", clear(Proc2, proc2::ENCLS) && clear(Proc2, proc2::TSCSCALE)));
  // Without a virtual PMU the control is not offered at all, so it fails as a control and not as a field.
  const Expr has_pmu = nonzero(all(CapPerfGlobalCtrlMask));
  kernel.edits.push_back(stricter("kvm.exit.never_offered", has_pmu || clear(Exit, exit_ctl::LDPGC)));
  kernel.edits.push_back(stricter("kvm.entry.never_offered", has_pmu || clear(Entry, entry_ctl::LDPGC)));
  return kernel;
}

void to_kvm_2021_profile(std::uint64_t* v) {
  const auto withdraw = [v](Slot s, unsigned control) { v[s] &= ~(std::uint64_t{1} << (32 + control)); };
  withdraw(CapProc2Ctls, proc2::ENCLS);
  withdraw(CapProc2Ctls, proc2::TSCSCALE);
  v[CapVmxMisc] &= ~(std::uint64_t{1} << 8);  // wait-for-SIPI came with 5.11
  if (v[CapPerfGlobalCtrlMask] != 0) return;
  withdraw(CapExitCtls, exit_ctl::LDPGC);
  withdraw(CapEntryCtls, entry_ctl::LDPGC);
}

}  // namespace diffvisor::vmx
