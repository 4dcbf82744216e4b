// SPDX-License-Identifier: Apache-2.0
// Reading vector files and value expressions, whatever is in them.
#include "fuzzers/vectors.h"

#include <gtest/gtest.h>

#include "fuzzers/vector_value.h"

namespace diffvisor {
namespace {

ValueOrReason names(std::string_view name, std::optional<std::string_view> argument) {
  if (name == "BASE" && !argument) return 0x4321;
  if (name == "PAGE" && argument) return 0x1000 * argument->size();
  return tl::unexpected(std::string("unknown name"));
}

// What the text gives with 0x100f on its left; the reason if it gives nothing.
std::string value(std::string_view text) {
  const auto v = evaluate(text, 0x100f, names);
  return v ? std::to_string(*v) : v.error();
}

TEST(VectorValue, Operators) {
  EXPECT_EQ(value("0x10"), "16");
  EXPECT_EQ(value("10"), "10");
  EXPECT_EQ(value("|0x10"), std::to_string(0x101f));
  EXPECT_EQ(value("&~0x1001"), std::to_string(0x000e));
  EXPECT_EQ(value("&0x3"), "3");
  EXPECT_EQ(value("^0x1"), std::to_string(0x100e));
  EXPECT_EQ(value("&~0xf |0x2"), std::to_string(0x1002));
  EXPECT_EQ(value("|0x2 &~0xf"), std::to_string(0x1000));  // left to right
  EXPECT_EQ(value("512*(2+1)"), "1536");
  EXPECT_EQ(value("1+2*3"), "9");  // no precedence
  EXPECT_EQ(value("0-1"), "18446744073709551615");
}

TEST(VectorValue, Names) {
  EXPECT_EQ(value("BASE"), std::to_string(0x4321));
  EXPECT_EQ(value("BASE[15:12]"), "4");
  EXPECT_EQ(value("BASE[0]"), "1");
  EXPECT_EQ(value("512*(BASE[15:12]+1)"), "2560");
  EXPECT_EQ(value("PAGE(abc)|0x8"), std::to_string(0x3008));
  EXPECT_EQ(value("OTHER"), "unknown name");
}

TEST(VectorValue, Unreadable) {
  EXPECT_EQ(value(""), "a value is missing");
  EXPECT_EQ(value("|"), "a value is missing");
  EXPECT_EQ(value("0x10 0x20"), "cannot read '0x20'");
  EXPECT_EQ(value("0xg"), "'0xg' is no number");
  EXPECT_EQ(value("0x10000000000000000"), "'0x10000000000000000' is no number");
  EXPECT_EQ(value("BASE[64]"), "cannot read '[64]'");
  EXPECT_EQ(value("BASE[3:5]"), "cannot read '[3:5]'");
  EXPECT_EQ(value("BASE[1"), "cannot read '[1'");
  EXPECT_EQ(value("PAGE(abc"), "cannot read '(abc'");
  EXPECT_EQ(value("(1+2"), "a value is missing");
  EXPECT_EQ(value(std::string(1000, '(')), "too many parentheses");
}

std::string problem(std::string_view text) {
  const auto v = read_vectors(text, "file");
  return v ? "none" : v.error().text();
}

TEST(Vectors, Reads) {
  const auto all = read_vectors(
      "\n{\"id\":\"a.b\",\"domain\":\"d\",\"expect\":\"vmfail(8)\",\"alt\":[\"vmfail(7)\"],\"qual\":4,"
      "\"set\":{\"Z\":\"0x1\",\"A\":\"|0x2\"},\"mem\":{\"Z+0x8\":\"1\"},\"needs\":[\"X\",\"!Y\"],\"more\":[{}]}\n\n",
      "file");
  ASSERT_TRUE(all.has_value()) << all.error().text();
  ASSERT_EQ(all->size(), 1u);
  const Vector& v = (*all)[0];
  EXPECT_EQ(v.place, "file:2");
  EXPECT_EQ(v.id, "a.b");
  ASSERT_EQ(v.set.size(), 2u);
  EXPECT_EQ(v.set[0].name, "Z");  // in the file's order
  EXPECT_EQ(v.set[1].value, "|0x2");
  EXPECT_EQ(v.mem[0].name, "Z+0x8");
  EXPECT_EQ(v.needs, (std::vector<std::string>{"X", "!Y"}));
  EXPECT_EQ(expected_text(v), "vmfail(8) with qualification 4 or vmfail(7)");
}

TEST(Vectors, RefusesWhatIsNoVector) {
  const std::string good = R"({"id":"a","domain":"d","expect":"ok"})";
  EXPECT_EQ(problem(good), "none");
  EXPECT_EQ(problem(good + "\n{\"id\":"), "file:2: no JSON, from column 7 on");
  EXPECT_EQ(problem("[]"), "file:1: a vector is a JSON object");
  EXPECT_EQ(problem(R"({"domain":"d","expect":"ok"})"), "file:1: \"id\" is missing");
  EXPECT_EQ(problem(R"({"id":"a","domain":"d"})"), "file:1: \"expect\" is missing");
  EXPECT_EQ(problem(R"({"id":"a","domain":"d","expect":"ok","set":["x"]})"), "file:1: \"set\" must be a small object");
  EXPECT_EQ(problem(R"({"id":"a","domain":"d","expect":"ok","needs":"x"})"), "file:1: \"needs\" must be a short list");
  EXPECT_EQ(problem(R"({"id":"a","domain":"d","expect":"ok","qual":-1})"), "file:1: \"qual\" must be a number");
  const std::string text = "must be printable text of at most 1024 characters";
  EXPECT_EQ(problem(R"({"id":7,"domain":"d","expect":"ok"})"), "file:1: \"id\" " + text);
  EXPECT_EQ(problem(R"({"id":"\u001b[2J","domain":"d","expect":"ok"})"), "file:1: \"id\" " + text);
  EXPECT_EQ(problem(R"({"id":"a","domain":"d","expect":"ok","set":{"A":1}})"), "file:1: \"set\" " + text);
}

TEST(Vectors, SurvivesHostileFiles) {
  EXPECT_EQ(problem("\xff\xfe"), "file:1: no JSON, from column 1 on");
  EXPECT_NE(problem(std::string(500000, '[')), "none");
  EXPECT_EQ(problem(std::string((1u << 20) + 1, '[')), "file:1: line is longer than 1 MiB");
  EXPECT_EQ(problem(std::string("\0\0", 2)), "file:1: no JSON, from column 1 on");
  std::string many = R"({"id":"a","domain":"d","expect":"ok","needs":["x")";
  for (int i = 0; i < 256; ++i) many += ",\"x\"";
  EXPECT_EQ(problem(many + "]}"), "file:1: \"needs\" must be a short list");
}

}  // namespace
}  // namespace diffvisor
