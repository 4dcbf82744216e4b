// SPDX-License-Identifier: Apache-2.0
#include "models/x86/memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "harness/arch/insn/fields.h"

namespace diffvisor::x86 {
namespace {

using u64 = std::uint64_t;

TEST(Memory, TellsWhatDiffersFromAfterLoading) {
  Memory memory;
  std::array<u64, insn::kSlots> v{};
  v[insn::CodeAddress] = insn::kCode;
  v[insn::PatchAddress] = insn::kData;
  v[insn::PatchValue] = 5;
  const std::array<std::byte, 3> code{std::byte{0x90}, std::byte{0x90}, std::byte{0xf4}};
  memory.load(v.data(), code);
  EXPECT_EQ(memory.changes().size(), 0u);
  memory.write(insn::kData + 6, 4, 0xffffffff);
  memory.write(insn::kStack, 8, 7);
  memory.write(insn::kStack, 8, 0);  // back again
  const auto changes = memory.changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].address, insn::kData);
  EXPECT_EQ(changes[0].value, 0xffff000000000005);
  EXPECT_EQ(changes[1].address, insn::kData + 8);
}

TEST(Memory, ResetBringsTheBackgroundBack) {
  Memory memory;
  const Memory fresh;
  for (unsigned i = 0; i < 100; ++i) memory.write(insn::kData + 3 * i, 8, ~u64{i});
  memory.write(insn::kData, 1, 1);
  memory.reset();
  EXPECT_EQ(std::memcmp(memory.bytes(), fresh.bytes(), insn::kRamEnd), 0);
  EXPECT_EQ(memory.changes().size(), 0u);
}

}  // namespace
}  // namespace diffvisor::x86
