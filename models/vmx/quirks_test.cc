// SPDX-License-Identifier: Apache-2.0
// Every named quirk has an input that shows it, and the model without it says something else.
#include "models/vmx/quirks.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/arch/vmx/outcome.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_model.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;

// Rows broken with the edits, by id; limits and exits do not count.
std::set<std::string> broken(const std::vector<rules::RowEdit>& edits, const Case& c) {
  const rules::EditedRules table(arch_rules(), edits);
  rules::Survey plain;
  arch_rules().survey(c.v.data(), plain);
  std::set<std::string> ids;
  table.survey(c.v.data(), plain).broken.each([&](std::size_t i) {
    if (arch_rules().rows[i].kind == rules::Kind::Check) ids.emplace(arch_rules().rows[i].id);
  });
  return ids;
}

Case full_case(const Changes& changes) {
  Case c = golden_case(schema(), *find_profile(schema(), "full"));
  for (const Change& x : changes) c.v[x.slot] = (c.v[x.slot] & ~x.clear) | x.set;
  return c;
}

const std::map<std::string_view, Changes>& exposing() {
  static const Changes cet = {on(Entry, entry_ctl::LDCET)};
  static const std::map<std::string_view, Changes> inputs = {
      {"lgpa.msr_area_end", {put(ExitMsrStoreCount, 2), put(ExitMsrStoreAddr, one(46) - 16)}},
      {"lgpa.pdpte_nonpresent", pae_at(kScratch) + Changes{put(Cr3Pdpte, 0x1e0)}},
      {"lgpa.pi_align", with2(one(proc2::VID)) + tpr_shadow() +
                            Changes{on(Pin, pin::POSTED), on(Exit, exit_ctl::ACKINT), put(PostedIntrDescAddr, 0x20)}},
      {"cet.guest_ssp_width", cet + Changes{put(GuestSsp, one(56))}},
      {"cet.check_without_ctrl", {put(GuestSsp, 1)}},
      {"cet.cr4_no_wp", {on(GuestCr4, cr4::CET), off(GuestCr0, cr0::WP)}},
      {"cet.reserved_9_6", cet + Changes{put(GuestSCet, one(6))}},
      {"cet.suppress_tracker", cet + Changes{put(GuestSCet, 0xc04)}},
      {"cet.ssp_tab_aligned", cet + Changes{put(GuestIntrSspTableAddr, 0x1001)}},
      {"kvm2021", msr_list(1) + msr_entry(1, 0x808) + Changes{off(GuestCr4, cr4::PAE)}},
  };
  return inputs;
}

TEST(Quirks, ArchQuirksAreExposed) {
  for (const Quirk& q : named_quirks()) {
    if (q.model != QuirkModel::Arch) continue;
    const Case c = full_case(exposing().at(q.id));
    EXPECT_NE(broken(q.edits, c), broken({}, c)) << q.id;
    EXPECT_EQ(broken(q.edits, full_case({})), broken({}, full_case({}))) << q.id;
  }
}

TEST(Quirks, KvmQuirksAreExposed) {
  for (const Quirk& q : named_quirks()) {
    if (q.model != QuirkModel::Kvm) continue;
    const KvmModel plain, defective({.edits = q.edits});
    const Case c = case_of(exposing().at(q.id));
    EXPECT_NE(plain.ruling(c).seen.outcome, defective.ruling(c).seen.outcome) << q.id;
    EXPECT_EQ(plain.ruling(case_of({})).seen.outcome, defective.ruling(case_of({})).seen.outcome) << q.id;
  }
}

TEST(Quirks, IdsAreUniquePerModel) {
  std::set<std::pair<std::string_view, QuirkModel>> seen;
  for (const Quirk& q : named_quirks()) {
    EXPECT_TRUE(seen.emplace(q.id, q.model).second) << q.id;
    EXPECT_FALSE(q.story.empty() || q.edits.empty()) << q.id;
  }
}

}  // namespace
}  // namespace diffvisor::vmx
