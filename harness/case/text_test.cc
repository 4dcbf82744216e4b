// SPDX-License-Identifier: Apache-2.0
#include "harness/case/text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/case/binary.h"
#include "harness/case/test_schemas.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

using samples::awkward_schema;

Result<std::vector<StoredCase>> decoded(std::string_view text, Digests digests = Digests::MustMatch) {
  return decode_text(text, samples::test_schemas(), "f.case", digests);
}

std::string digests(const Schema& schema, std::uint16_t profile) {
  return fmt::format("schema {:016x} golden {:016x}\n", schema_digest(schema), golden_digest(schema, profile));
}

std::string header(std::string_view profile = "none") {
  return fmt::format("# why\ncase 1\ndomain awkward\nprofile {}\n{}", profile,
                     digests(awkward_schema(), *find_profile(awkward_schema(), profile)));
}

std::string error_of(std::string_view body) {
  const auto r = decoded(header() + std::string(body) + "\n---\n");
  return r ? "no error" : r.error().text();
}

TEST(Text, CanonicalFormIsAsDocumented) {
  StoredCase s;
  s.story = "Everything at once.";
  s.c = golden_case(awkward_schema(), 1);
  s.c.v[samples::kCap] = 3;
  s.c.v[samples::kContext] = 0x82;
  s.c.v[samples::kChoice] = 5;
  reset_to_golden(s.c);
  s.c.v[samples::kWide] = ~std::uint64_t{0};
  s.c.v[samples::kList + 3] = 0x1000;
  s.c.areas[0] = {std::byte{0x90}, std::byte{0x0f}};
  s.c.operations = {{0, {0, 1023, 1024, 5}}, {7, {}}};
  s.expect = {{"vmx.arch", "0.1.0", "entry_failure(33, 0)", {}},
              {"bochs", "2.7 \"x\"", "entered", {{"EXIT_REASON", 52}, {"EXIT_QUALIFICATION", 0}}}};
  const std::string text = "# Everything at once.\ncase 1\ndomain awkward\nprofile big\n" +
                           digests(awkward_schema(), 1) +
                           "CONTEXT = two|top\n"
                           "CHOICE = 0x5\n"
                           "CAP = 0x3\n"
                           "WIDE = 0xffffffffffffffff\n"
                           "LIST[3] = 0x1000\n"
                           "area code = 90 0f\n"
                           "op four 0 1023 0x400 5\n"
                           "op nop\n"
                           "expect vmx.arch 0.1.0 = entry_failure(33, 0)\n"
                           "expect bochs \"2.7 \\\"x\\\"\" = entered; EXIT_REASON = 0x34; EXIT_QUALIFICATION = 0x0\n"
                           "---\n";
  EXPECT_EQ(encode_text(s), text);
  const auto back = decoded(text);
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ((*back)[0], s);
}

TEST(Text, ManyCasesPerFileBlankLinesAndLineEnds) {
  const auto r = decoded("\n" + header() + "---\r\n\n\n" + header("big") + "  BIT = 1  \r\n---");
  ASSERT_TRUE(r) << r.error().text();
  ASSERT_EQ(r->size(), 2u);
  EXPECT_EQ((*r)[0].c, golden_case(awkward_schema()));
  EXPECT_EQ((*r)[1].c.profile, 1);
  EXPECT_EQ((*r)[1].c[samples::kBit], 1u);
  EXPECT_EQ(decoded("")->size(), 0u);
}

TEST(Text, ValuesReadAsNumbersOrNames) {
  const auto value = [](std::string_view text) {
    const auto r = decoded(fmt::format("{}NAMED = {}\n---\n", header(), text));
    return r ? hex_text((*r)[0].c[samples::kNamed]) : r.error().detail;
  };
  EXPECT_EQ(value("0x10093"), "0x10093");
  EXPECT_EQ(value("17"), "0x11");
  EXPECT_EQ(value("type:0xb|S|P"), "0x9b");
  EXPECT_EQ(value("P|DPL:3"), "0xe0");
  EXPECT_EQ(value("P|P"), "'P|P' is no value for NAMED");
  EXPECT_EQ(value("S|over:7"), "'S|over:7' is no value for NAMED");
  EXPECT_EQ(value("DPL"), "'DPL' is no value for NAMED");
  EXPECT_EQ(value("DPL:4"), "'DPL:4' is no value for NAMED");
  EXPECT_EQ(value("P:1"), "'P:1' is no value for NAMED");
  EXPECT_EQ(value("P|"), "'P|' is no value for NAMED");
  EXPECT_EQ(value("-1"), "'-1' is no value for NAMED");
  EXPECT_EQ(value("0x"), "'0x' is no value for NAMED");
  EXPECT_EQ(value("0x10000000000000000"), "'0x10000000000000000' is no value for NAMED");
  EXPECT_EQ(value("0x20000"), "NAMED has 17 bits");
}

TEST(Text, NamesAreUsedOnlyWhenTheySpellTheValue) {
  const Field& f = *find_field(awkward_schema(), "NAMED");
  EXPECT_EQ(bit_names_text(f, 0x9b), "type:0xb|S|P");
  EXPECT_EQ(bit_names_text(f, 0x1009b), "0x1009b");
  EXPECT_EQ(bit_names_text(f, 0), "0x0");
  for (std::uint64_t v = 0; v < 0x20000; v += 7) ASSERT_EQ(parse_value(f, bit_names_text(f, v)), v);
}

TEST(Text, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(error_of("NOPE = 1"), "f.case:6: awkward has no field 'NOPE'");
  EXPECT_EQ(error_of("BIT = 1\nBIT = 1"), "f.case:7: BIT is given twice");
  EXPECT_EQ(error_of("BIT = 2"), "f.case:6: BIT has 1 bits");
  EXPECT_EQ(error_of("BIT 1"), "f.case:6: cannot read 'BIT 1'");
  EXPECT_EQ(error_of("BIT[0] = 1"), "f.case:6: awkward has no field 'BIT[0]'");
  EXPECT_EQ(error_of("LIST = 1"), "f.case:6: awkward has no field 'LIST'");
  EXPECT_EQ(error_of("LIST[5] = 1"), "f.case:6: awkward has no field 'LIST[5]'");
  EXPECT_EQ(error_of("LIST[1]x = 1"), "f.case:6: awkward has no field 'LIST[1]x'");
  EXPECT_EQ(error_of("area nope = 1"), "f.case:6: awkward has no area 'nope'");
  EXPECT_EQ(error_of("area data = 1"), "f.case:6: '1' is no byte of two hex digits");
  EXPECT_EQ(error_of("area data = 0x"), "f.case:6: '0x' is no byte of two hex digits");
  EXPECT_EQ(error_of("area data ="), "f.case:6: expected 'area <name> = <bytes>'");
  EXPECT_EQ(error_of("area data = 00 00 00 00"), "f.case:6: area data holds 3 bytes");
  EXPECT_EQ(error_of("area data = 00\narea data = 00"), "f.case:7: area data is given twice");
  EXPECT_EQ(error_of("op nope"), "f.case:6: awkward has no operation 'nope'");
  EXPECT_EQ(error_of("op one"), "f.case:6: one takes 1 numbers");
  EXPECT_EQ(error_of("op one 1 2"), "f.case:6: one takes 1 numbers");
  EXPECT_EQ(error_of("op nop\nop nop\nop nop\nop nop\nop nop\nop nop\nop nop"), "f.case:12: more than 6 operations");
  EXPECT_EQ(error_of("expect a b"), "f.case:6: expected 'expect <executor> <version> = <outcome>'");
  EXPECT_EQ(error_of("expect a \"b = c"), "f.case:6: expected 'expect <executor> <version> = <outcome>'");
  EXPECT_EQ(error_of("expect a b = ; R = 1"), "f.case:6: the outcome is missing");
  EXPECT_EQ(error_of("expect a b = c; R"), "f.case:6: expected '; <name> = <number>' after the outcome");
  EXPECT_EQ(error_of("# another story"), "f.case:6: cannot read '# another story'");
  EXPECT_EQ(error_of("\tBIT = 1"), "f.case:6: only printable ASCII is allowed");
  EXPECT_EQ(error_of(std::string(kLongestLine + 1, ' ')), "f.case:6: line is longer than 1 MiB");
}

TEST(Text, HeaderIsStrict) {
  const auto error = [](std::string_view text) {
    const auto r = decoded(text);
    return r ? "no error" : r.error().text();
  };
  EXPECT_EQ(error("case 1\n"), "f.case:1: a case starts with its story: '# why this case is kept'");
  EXPECT_EQ(error("# s\n"), "f.case:1: expected 'case ...'");
  EXPECT_EQ(error("# s\ncase 2\n"), "f.case:2: text form '2' is not known; this program reads 1");
  EXPECT_EQ(error("# s\ncase 1\ndomain zzz\n"), "f.case:3: domain 'zzz' is not known here");
  EXPECT_EQ(error("# s\ncase 1\ndomain awkward\nprofile x\n"), "f.case:4: awkward has no profile 'x'");
  EXPECT_EQ(error("# s\ncase 1\ndomain awkward\nprofile big\nschema 1 golden 2\n"),
            "f.case:5: expected 'schema <16 digits> golden <16 digits>'");
  EXPECT_EQ(error(header()), "f.case:5: the file ends inside a case: '---' is missing");
}

TEST(Text, OtherDigestsAreRefusedOrMarked) {
  const std::string other =
      fmt::format("# s\ncase 1\ndomain awkward\nprofile big\nschema {:016x} golden {:016x}\n---\n",
                  schema_digest(awkward_schema()), golden_digest(awkward_schema(), 0));
  EXPECT_EQ(decoded(other).error().text(),
            "f.case:5: written for another golden case; run `diffvisor case migrate` on this file");
  const auto stale = decoded(other, Digests::MayDiffer);
  ASSERT_TRUE(stale);
  EXPECT_TRUE((*stale)[0].stale);
  EXPECT_FALSE((*decoded(encode_text(*stale)))[0].stale);
  std::string vocabulary = header() + "---\n";
  const auto at = vocabulary.find("schema ") + 7;
  vocabulary[at] = vocabulary[at] == '0' ? '1' : '0';
  EXPECT_EQ(decoded(vocabulary).error().detail,
            "written for another list of fields; run `diffvisor case migrate` on this file");
}

StoredCase random_stored(Rng& rng, const Schema& schema) {
  StoredCase s;
  s.story = fmt::format("story {}", rng.next());
  s.c = samples::random_case(rng, schema);
  for (std::uint64_t n = rng.below(3); n > 0; --n) {
    Expectation e{"x.y", n == 1 ? "1.0" : "1.0 (a \\ b)", "refused(1, 2)", {}};
    for (std::uint64_t k = rng.below(3); k > 0; --k) e.record.push_back({fmt::format("R{}", k), rng.next()});
    s.expect.push_back(e);
  }
  return s;
}

// text -> case -> binary -> case -> text
TEST(Text, IdentityThroughBothCodecs) {
  Rng rng(6);
  for (const Schema* schema : samples::test_schemas())
    for (int i = 0; i < 1500; ++i) {
      const StoredCase s = random_stored(rng, *schema);
      const std::string text = encode_text(s);
      auto back = decoded(text);
      ASSERT_TRUE(back) << back.error().text() << "\n" << text;
      ASSERT_EQ((*back)[0], s);
      (*back)[0].c = decode_binary(encode_binary((*back)[0].c), *schema);
      ASSERT_EQ(encode_text(*back), text);
    }
}

TEST(Text, ControlCharactersCannotEscapeTheirLine) {
  StoredCase s;
  s.story = "a\n---\nb\t\x80";
  s.c = golden_case(awkward_schema());
  s.expect = {{"x", "1\n2", "a;b\nc", {}}};
  const auto back = decoded(encode_text(s));
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ((*back)[0].story, "a --- b");
  EXPECT_EQ((*back)[0].expect[0].version, "1 2");
  EXPECT_EQ((*back)[0].expect[0].outcome, "a,b c");
}

// Found by case_format_fuzzer: blanks at the end of a quoted version made two canonical forms.
TEST(Text, VersionsAreTrimmed) {
  const auto first = decoded(header() + "expect a \" 1.0 \" = b\n---\n");
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ((*first)[0].expect[0].version, "1.0");
  StoredCase s = (*first)[0];
  s.expect[0].version = "1.0 ";
  EXPECT_EQ(encode_text(s), encode_text(*first));
}

// Whatever is read is written canonically, and that reads the same.
TEST(Text, DamagedTextNeverCrashes) {
  Rng rng(7);
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = encode_text(random_stored(rng, *samples::test_schemas()[static_cast<std::size_t>(i) % 3]));
    for (std::uint64_t n = rng.below(3); n > 0; --n) {
      const auto at = static_cast<std::size_t>(rng.below(text.size()));
      if (rng.one_in(2))
        text.erase(at, 1 + static_cast<std::size_t>(rng.below(3)));
      else
        text[at] = rng.one_in(4) ? static_cast<char>(rng.next()) : "0x=#[]|;:\" \\-a\n"[rng.below(15)];
    }
    const auto first = decoded(text, Digests::MayDiffer);
    if (!first) continue;
    ++read;
    const std::string canonical = encode_text(*first);
    const auto second = decoded(canonical);
    ASSERT_TRUE(second) << second.error().text() << "\n" << canonical;
    ASSERT_EQ(encode_text(*second), canonical);
  }
  EXPECT_GT(read, 5000);
}

}  // namespace
}  // namespace diffvisor
