// SPDX-License-Identifier: Apache-2.0
// The table is complete and in KVM's order, names only rules the manual has, and its claims hold.
#include "models/vmx/kvm/kvm_rules.h"

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/arch/vmx/outcome.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;

std::set<std::string> words(std::string_view text) {
  std::set<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    out.emplace(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::set<std::string> spec_ids() {
  std::set<std::string> ids;
#define SPEC(id, section) ids.insert(id);
#include "models/vmx/spec_ids.def"
#undef SPEC
  return ids;
}

constexpr unsigned kFirstPlace = 1, kLastPlace = 98;

TEST(KvmRules, EveryPlaceIsARowOrAnException) {
  std::set<unsigned> places;
  for (std::size_t i = 0; i < kvm_rules().rows.size(); ++i) places.insert(kvm_row_place(i));
  for (const KvmException& e : kvm_exceptions()) places.insert(e.place);
  for (unsigned p = kFirstPlace; p <= kLastPlace; ++p) EXPECT_TRUE(places.contains(p)) << p;
}

TEST(KvmRules, PlacesAscendAndIdsAreUnique) {
  std::set<std::string> names;
  unsigned last = 0;
  for (std::size_t i = 0; i < kvm_rules().rows.size(); ++i) {
    EXPECT_TRUE(names.insert(rules::rule_name(kvm_rules().rows[i])).second) << kvm_rules().rows[i].id;
    if (kvm_row_place(i) >= 97) continue;
    EXPECT_GE(kvm_row_place(i), last) << kvm_rules().rows[i].id;
    last = kvm_row_place(i);
  }
}

// So that which row of a phase comes first never matters.
TEST(KvmRules, ChecksOfOnePhaseHaveOneOutcome) {
  std::map<unsigned, rules::Outcome> outcomes;
  for (const rules::Rule& r : kvm_rules().rows)
    if (r.kind == rules::Kind::Check) {
      EXPECT_EQ(outcomes.emplace(r.phase, r.outcome).first->second, r.outcome) << r.id;
    }
}

TEST(KvmRules, CoversOnlyRulesOfTheManual) {
  const auto known = spec_ids();
  for (std::size_t i = 0; i < kvm_rules().rows.size(); ++i)
    for (const std::string& id : words(kvm_row_covers(i))) EXPECT_TRUE(known.contains(id)) << id;
  for (const KvmException& e : kvm_exceptions())
    for (const std::string& id : words(e.covers)) EXPECT_TRUE(known.contains(id)) << id;
}

// What KVM leaves to the processor, to nobody, or does not model: everything else is a row.
bool deferred(const std::string& id) {
  for (const char* prefix : {"vmx.desc.", "vmx.rip.", "vmx.rflags.", "vmx.intr.", "vmx.dbg.", "vmx.smm.", "vmx.order.",
                             "vmx.fail.", "vmx.act.", "vmx.pdpte.vmcs."})
    if (id.starts_with(prefix)) return true;
  for (const char* part :
       {".base_canon",    ".base_hi",     ".type_acc",       ".type_read",    ".ar_rsvd_",      ".g_low",
        ".g_high",        ".p",           ".db_l",           "nofield",       ".dpl_type3",     ".dpl_zero",
        ".unusable_free", ".ignored",     "invalid_ignored", ".tprthr.",      ".tscmul",        ".txt_smm",
        ".vtpr_clear",    "link.current", "link.executive",  "noia32e.pcide", "guest.sysenter", "seg.tr.s",
        "seg.ldtr.s"})
    if (id.find(part) != std::string::npos) return true;
  return id == "vmx.ctl.encls" || id == "vmx.ctl.enclv" || id == "vmx.ctl.xss";
}

TEST(KvmRules, EveryRuleOfTheManualHasAPlace) {
  std::set<std::string> covered;
  for (std::size_t i = 0; i < kvm_rules().rows.size(); ++i) covered.merge(words(kvm_row_covers(i)));
  for (const KvmException& e : kvm_exceptions()) covered.merge(words(e.covers));
  for (const std::string& id : spec_ids()) EXPECT_TRUE(covered.contains(id) || deferred(id)) << id;
}

TEST(KvmRules, GoldenBreaksNothing) {
  rules::Survey s;
  kvm_rules().survey(case_of({}).v.data(), s);
  EXPECT_TRUE(s.broken.none());
}

TEST(KvmRules, ClaimsHold) {
  std::map<std::string_view, std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Rng rng(1, i);
    Case c = case_of(with2(rng.next() & 0xffffffff));
    for (unsigned k = 0; k < 4; ++k) {
      const Slot s = static_cast<Slot>(Pin + rng.below(kSlots - Pin));
      c.v[s] ^= one(static_cast<unsigned>(rng.below(field_of_slot(schema(), s).width)));
    }
    c.v[Exit] ^= std::uint64_t{rng.below(2)} << exit_ctl::HOST64;
    rules::Survey s;
    kvm_rules().survey(c.v.data(), s);
    for (const rules::Claim& claim : kvm_claims()) {
      if (!s.broken.test(rules::find_rule(kvm_rules(), claim.id))) continue;
      ++seen[claim.id];
      EXPECT_TRUE(s.broken.test(rules::find_rule(kvm_rules(), claim.by))) << claim.id;
    }
  }
  for (const rules::Claim& claim : kvm_claims()) EXPECT_GT(seen[claim.id], 0u) << claim.id;
}

}  // namespace
}  // namespace diffvisor::vmx
