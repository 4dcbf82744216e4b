// SPDX-License-Identifier: Apache-2.0
#include "reports/junit.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace diffvisor::reports {
namespace {

TEST(Junit, CountsAndSpellsEachKindOfRow) {
  const std::string xml = junit_xml({{"toy", "a.case:1", "story", "", "", 0.25},
                                     {"toy", "b.case:1", "why it is kept", "box says done", "", 0.5},
                                     {"toy", "c.case:2", "story", "", "no expectation is stored", 0}});
  EXPECT_EQ(xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"diffvisor replay\" tests=\"3\" failures=\"1\" skipped=\"1\" time=\"0.750000\">\n"
            "  <testcase classname=\"toy\" name=\"a.case:1\" time=\"0.250000\"/>\n"
            "  <testcase classname=\"toy\" name=\"b.case:1\" time=\"0.500000\">\n"
            "    <failure message=\"box says done\">why it is kept</failure>\n"
            "  </testcase>\n"
            "  <testcase classname=\"toy\" name=\"c.case:2\" time=\"0.000000\">\n"
            "    <skipped>no expectation is stored</skipped>\n"
            "  </testcase>\n"
            "</testsuite>\n");
}

TEST(Junit, AFailureWinsOverASkip) {
  const std::string xml = junit_xml({{"toy", "a", "", "failed", "skipped", 0}});
  EXPECT_NE(xml.find("failures=\"1\" skipped=\"0\""), std::string::npos);
  EXPECT_EQ(xml.find("<skipped"), std::string::npos);
}

TEST(Junit, EscapesWhatXmlCannotHold) {
  const std::string xml = junit_xml({{"a<b", "x\"y", "]]> & <tag>", "one\ntwo\x01\x1b[31m\ttab", "", 0}});
  EXPECT_NE(xml.find("classname=\"a&lt;b\" name=\"x&quot;y\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("message=\"one&#10;two??[31m?tab\""), std::string::npos) << xml;
  EXPECT_NE(xml.find(">]]&gt; &amp; &lt;tag&gt;</failure>"), std::string::npos) << xml;
  for (const char c : xml) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

TEST(Junit, BytesThatAreNoUtf8AreReplaced) {
  ReplayRow row;
  row.suite = "s";
  row.name = "caf\xc3\xa9 \xff";
  const std::string xml = junit_xml({row});
  EXPECT_NE(xml.find("caf\xc3\xa9 \xef\xbf\xbd"), std::string::npos) << xml;
}

TEST(Junit, NothingIsAValidSuite) {
  EXPECT_NE(junit_xml({}).find("tests=\"0\" failures=\"0\" skipped=\"0\""), std::string::npos);
}

}  // namespace
}  // namespace diffvisor::reports
