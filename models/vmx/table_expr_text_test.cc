// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/expr_text.h"

#include <string>

#include <gtest/gtest.h>

#include "harness/arch/vmx/schema.h"
#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/vmx/arch_rules.h"

namespace diffvisor::rules {
namespace {

using namespace vmx;  // slots

std::span<const FreeCondition> functions() { return arch_rules().functions; }
std::string text(const Expr& e) { return expr_text(e, schema(), functions()); }
Result<Expr> parse(std::string_view t) { return parse_expr(t, schema(), functions(), "line 7"); }

TEST(ExprText, RowsReadBackAsTheyWere) {
  for (const Rule& r : arch_rules().rows) {
    for (const Expr* e : {&r.when, &r.must}) {
      const std::string written = text(*e);
      const auto read = parse(written);
      ASSERT_TRUE(read.has_value()) << written << ": " << read.error().text();
      ASSERT_EQ(text(*read), written);
      for (std::uint64_t n = 0; n < 60; ++n) {
        Rng rng(n, 9);
        Case c = wild_case(schema(), rng);
        const Locks nothing{};
        if (n % 3 > 0) make(*e, c.v.data(), nothing, n % 3 == 1, rng, functions());
        ASSERT_EQ(holds(*read, c.v.data(), functions()), holds(*e, c.v.data(), functions())) << written;
      }
    }
  }
}

struct Pair {
  Expr e;
  const char* text;
};

// clang-format off
const Pair kPairs[] = {
    {always(), "true"},
    {never(), "!(true)"},
    {bit(Proc2, 7), "PROC2[7]"},
    {clear(Proc2, 7), "PROC2[7] == 0x0"},
    {zero(GuestCr0, 63, 32), "GUEST_CR0[63:32] == 0x0"},
    {eq(GuestCr0, ~std::uint64_t{0}), "GUEST_CR0 == 0xffffffffffffffff"},
    {nonzero(bits(GuestCr0, 3, 1)), "!(GUEST_CR0[3:1] == 0x0)"},
    {in(bits(GuestCsAr, 3, 0), {9, 11}), "in(GUEST_CS_AR[3:0], 0x9, 0xb)"},
    {in(bits(GuestCsAr, 3, 0), {}), "in(GUEST_CS_AR[3:0])"},
    {le(bits(GuestCsAr, 7, 0), 0x80), "GUEST_CS_AR[7:0] <= 0x80"},
    {le(all(GuestCr0), all(GuestCr4)), "GUEST_CR0 <= GUEST_CR4"},
    {same(bits(GuestSsSelector, 1, 0), bits(GuestCsSelector, 1, 0)), "GUEST_SS_SELECTOR[1:0] == GUEST_CS_SELECTOR[1:0]"},
    {zero(static_cast<Slot>(Cr3Pdpte + 2), 8, 5), "CR3_PDPTE.2[8:5] == 0x0"},
    {zero(Cr3Pdpte, 8, 5), "CR3_PDPTE.0[8:5] == 0x0"},
    {subset(all(GuestCr0), all(CapCr0Fixed1)), "subset(GUEST_CR0, CR0_FIXED1)"},
    {subset(all(GuestCr0), all(CapCr0Fixed1), 0x21), "subset(GUEST_CR0, CR0_FIXED1, 0x21)"},
    {covers(bits(Pin, 31, 0), bits(CapPinCtls, 31, 0), 1), "covers(PIN[31:0], PIN_CTLS[31:0], 0x1)"},
    {fits(all(GuestCr3), CapMaxphyaddr), "fits(GUEST_CR3, MAXPHYADDR)"},
    {canonical(GuestRip, CapLinearWidth), "canonical(GUEST_RIP, LINEAR_WIDTH)"},
    {high_equal(GuestRip, CapLinearWidth), "high_equal(GUEST_RIP, LINEAR_WIDTH)"},
    {pat(GuestIa32Pat), "pat(GUEST_IA32_PAT)"},
    {last_fits(EntryMsrLoadAddr, all(EntryMsrLoadCount), 16, 1, CapMaxphyaddr),
     "last_fits(ENTRY_MSR_LOAD_ADDR, ENTRY_MSR_LOAD_COUNT, 0x10, 0x1, MAXPHYADDR)"},
    {condition(2, all(GuestCr3), all(CapTmeKeyidBits)), "cr3_fits_with_keys(GUEST_CR3, TME_KEYID_BITS)"},
    {(bit(Proc, 1) || bit(Proc, 2)) && bit(Proc, 3), "(PROC[1] || PROC[2]) && PROC[3]"},
    {bit(Proc, 1) || (bit(Proc, 2) && bit(Proc, 3)), "PROC[1] || (PROC[2] && PROC[3])"},
    {!(bit(Proc, 1) || bit(Proc, 2)), "!(PROC[1] || PROC[2])"},
};
// clang-format on

TEST(ExprText, WritesAndReads) {
  for (const Pair& p : kPairs) {
    EXPECT_EQ(text(p.e), p.text);
    const auto read = parse(p.text);
    ASSERT_TRUE(read.has_value()) << p.text << ": " << read.error().text();
    EXPECT_EQ(*read, p.e) << p.text;
  }
}

TEST(ExprText, AcceptsOtherSpellings) {
  const Pair spellings[] = {
      {never(), "false"},
      {bit(Proc, 1) || (bit(Proc, 2) && bit(Proc, 3)), " PROC[1]||PROC[2]&&\n\tPROC[3] "},
      {!eq(bits(Proc, 3, 0), 10), "PROC[3:0] != 10"},
      {nonzero(bits(Proc, 3, 0)), "PROC[3:0]"},
      {eq(bits(Proc, 3, 0), 0xab), "((PROC[3:0] == 0xAB))"},
      {!!bit(Proc, 1), "!!PROC[1]"},
      {!same(all(GuestCr0), all(GuestCr4)), "GUEST_CR0 != GUEST_CR4"},
      {le(all(GuestCr0), ~std::uint64_t{0}), "GUEST_CR0 <= 18446744073709551615"},
      {bit(Proc, 0), "true && PROC[0]"},
  };
  for (const Pair& p : spellings) {
    const auto read = parse(p.text);
    ASSERT_TRUE(read.has_value()) << p.text << ": " << read.error().text();
    EXPECT_EQ(*read, p.e) << p.text;
  }
}

TEST(ExprText, SaysWhatIsWrong) {
  std::string many = "PROC[0]", deep = "PROC[0]";
  for (int i = 0; i < 12; ++i) many += " || PROC[0]";
  for (int i = 0; i < 40; ++i) deep = "(" + deep + ")";
  const std::pair<std::string, std::string> errors[] = {
      {"", "expected a field before ''"},
      {"GUEST_CR9 == 1", "expected '(' before '=='"},
      {"GUEST_CR0 == GUEST_CR9", "no field is called 'GUEST_CR9'"},
      {"sorted(GUEST_CR0, GUEST_CR4)", "no field and no condition is called 'sorted'"},
      {"GUEST_CR0[64] == 1", "bit ranges are [high:low] within 63:0"},
      {"GUEST_CR0[3:5] == 1", "bit ranges are [high:low] within 63:0"},
      {"GUEST_CR0[3 == 1", "expected ']' before '=='"},
      {"GUEST_CR0[x] == 1", "expected a number before 'x'"},
      {"CR3_PDPTE.4 == 1", "CR3_PDPTE has 4 elements"},
      {"GUEST_CR0.1 == 1", "GUEST_CR0 has 1 elements"},
      {"GUEST_CR0 == 0x10000000000000000", "'0x10000000000000000' is not a number"},
      {"GUEST_CR0 == 18446744073709551616", "'18446744073709551616' is not a number"},
      {"GUEST_CR0 == 0x", "'0x' is not a number"},
      {"GUEST_CR0 == 12ab", "'12ab' is not a number"},
      {"GUEST_CR0 == 1 GUEST_CR4", "unexpected 'GUEST_CR4'"},
      {"GUEST_CR0 == 1)", "unexpected ')'"},
      {"(GUEST_CR0 == 1", "expected ')' before ''"},
      {"GUEST_CR0 == 1 &&", "expected a field before ''"},
      {"&& GUEST_CR0 == 1", "expected a field before '&&'"},
      {"GUEST_CR0 = 1", "unexpected '='"},
      {"in(GUEST_CS_AR[3:0], 64)", "in() takes ranges of at most 6 bits"},
      {"in(GUEST_CS_AR[6:0], 3)", "in() takes ranges of at most 6 bits"},
      {"in(GUEST_CR0)", "in() takes ranges of at most 6 bits"},
      {"fits(GUEST_CR0)", "expected ',' before ')'"},
      {"pat(GUEST_IA32_PAT, GUEST_CR0)", "expected ')' before ','"},
      {"last_fits(GUEST_CR0, GUEST_CR4, 0, 1, MAXPHYADDR)", "last_fits() wants a scale and a small bias"},
      {"last_fits(GUEST_CR0, GUEST_CR4, 16, 256, MAXPHYADDR)", "last_fits() wants a scale and a small bias"},
      {many, "the condition is too long"},
      {deep, "nested too deeply"},
      {std::string(100000, '!'), "nested too deeply"},
      {std::string(100000, '('), "nested too deeply"},
  };
  for (const auto& [bad, why] : errors) {
    const auto read = parse(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().detail, why) << bad;
    EXPECT_EQ(read.error().place, "line 7");
    EXPECT_EQ(read.error().code, ErrorCode::Format);
  }
}

// Whatever it reads is a tree that can be walked and written again.
TEST(ExprText, DamagedTextsAreReadOrRefused) {
  std::size_t read_back = 0, refused = 0;
  for (std::uint64_t n = 0; n < 20000; ++n) {
    Rng rng(n, 10);
    std::string t = text(arch_rules().rows[rng.below(arch_rules().rows.size())].when);
    for (std::uint64_t k = 1 + rng.below(3); k > 0; --k) {
      const std::size_t at = rng.below(t.size() + 1);
      if (rng.one_in(2))
        t.insert(at, 1, "()[]&|!=<,.:0x9 Aa"[rng.below(18)]);
      else
        t.erase(at, 1 + rng.below(4));
    }
    const auto read = parse(t);
    ++(read ? read_back : refused);
    if (!read) continue;
    const std::string written = text(*read);
    const auto again = parse(written);
    ASSERT_TRUE(again.has_value()) << t << " -> " << written << ": " << again.error().text();
    ASSERT_EQ(text(*again), written) << t;
    const Case c = wild_case(schema(), rng);
    ASSERT_EQ(holds(*again, c.v.data(), functions()), holds(*read, c.v.data(), functions())) << t;
  }
  EXPECT_GT(read_back, 400u);
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace diffvisor::rules
