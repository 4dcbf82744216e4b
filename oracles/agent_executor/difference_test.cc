// SPDX-License-Identifier: Apache-2.0
// A machine that is not its profile is refused with the first difference, but for what it is known to lack.
#include <array>

#include <gtest/gtest.h>

#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor {
namespace {

constexpr BitName kBits[] = {{3, 3, "teleport"}};
constexpr Field kFields[] = {{1, "WIDTH", 8, 1, 0, Role::Capability, "profile", 0, {}, {}},
                             {2, "FEATURES", 64, 1, 1, Role::Capability, "profile", 0, kBits, {}},
                             {3, "STATE", 64, 1, 2, Role::State, "state", 0, {}, {}}};

const Schema& toy() {
  static const Schema kToy = [] {
    Schema s{};
    s.domain = "toy";
    s.fields = kFields;
    s.slots = 3;
    return s;
  }();
  return kToy;
}

agent::DomainCodec codec() {
  agent::DomainCodec c{};
  c.schema = &toy;
  c.capabilities = 2;
  c.read_profile = [](const agent::Capabilities& m, std::span<std::uint64_t> values) -> std::string_view {
    if (m.has_vmx == 0) return "the machine is made of wood";
    values[0] = m.maxphyaddr;
    values[1] = m.cr0;
    values[2] = 77;  // no capability: means nothing
    return {};
  };
  return c;
}

agent::Capabilities machine() {
  agent::Capabilities m{};
  m.has_vmx = 1;
  m.maxphyaddr = 40;
  m.cr0 = 0xf;
  return m;
}
constexpr std::array<std::uint64_t, 3> kProfile = {40, 0xf, 0};

std::string difference(const agent::Capabilities& m, std::span<const Capability> except = {}) {
  return difference_from_profile(codec(), m, kProfile, except);
}

TEST(Difference, ThereIsNone) { EXPECT_EQ(difference(machine()), ""); }

TEST(Difference, TheFirstIsNamedWithItsBit) {
  agent::Capabilities m = machine();
  m.cr0 = 7;
  EXPECT_EQ(difference(m), "FEATURES is 0x7, the profile says 0xf: bit 3, teleport");
  m.maxphyaddr = 41;
  EXPECT_EQ(difference(m), "WIDTH is 0x29, the profile says 0x28: bit 0");
}

TEST(Difference, KnownBitsMayDiffer) {
  agent::Capabilities m = machine();
  m.cr0 = 5;
  constexpr Capability kOne[] = {{1, 8}}, kBoth[] = {{1, 8}, {1, 2}};
  EXPECT_EQ(difference(m, kOne), "FEATURES is 0x5, the profile says 0xf: bit 1");
  EXPECT_EQ(difference(m, kBoth), "");
}

TEST(Difference, ARefusalIsItsOwnText) {
  agent::Capabilities m = machine();
  m.has_vmx = 0;
  EXPECT_EQ(difference(m), "the machine is made of wood");
}

}  // namespace
}  // namespace diffvisor
