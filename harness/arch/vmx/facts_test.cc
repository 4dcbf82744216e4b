// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::vmx {
namespace {

// Addresses where facts meet each other, pages' ends, and memory that reads as something of its own.
std::uint64_t some_address(Rng& rng) {
  constexpr Gpa kBases[] = {kScratch,    kScratch + 0x80, kScratchEnd - kPage, kScratchEnd, kEntryMsrList + kPage,
                            kListsEnd,   kGuestCr3,       kGuestCr3 + kPage,   kVmcs,       kShadowVmcs,
                            kRamEnd,     kDevices,        kDevicesEnd,         0,           kExitMsrLoadList,
                            kVmxonRegion};
  const std::uint64_t base = rng.pick(std::span<const Gpa>(kBases));
  if (rng.one_in(8)) return rng.next();
  if (rng.one_in(3)) return base;
  return base + rng.below(0x90) - 0x48;
}

// Often what a clean page holds here or elsewhere.
std::uint64_t some_value(Rng& rng) {
  constexpr std::uint64_t kClean[] = {0, kFillerMsr, kGoldenPml4Entry};
  return rng.one_in(3) ? rng.pick(std::span<const std::uint64_t>(kClean)) : rng.next();
}

Case random_case(Rng& rng) {
  Case c = golden_case(schema(), static_cast<std::uint16_t>(rng.below(schema().profiles.size())));
  c.v[Context] = rng.below(64);
  for (const Slot s : {VirtualApicAddr, VmcsLinkPointer, GuestCr3, EntryMsrLoadAddr}) c.v[s] = some_address(rng);
  for (const Field& f : schema().fields) {
    if (f.role != Role::Fact) continue;
    for (unsigned i = 0; i < f.count; ++i) c.v[f.slot + i] = some_value(rng);
  }
  clip_to_widths(c);
  return c;
}

TEST(Facts, SettlingTwiceChangesNothing) {
  Rng rng(1);
  for (int i = 0; i < 200000; ++i) {
    Case c = random_case(rng);
    settle_facts(c.v.data());
    const Case once = c;
    settle_facts(c.v.data());
    ASSERT_EQ(once.v, c.v) << "round " << i;
    clip_to_widths(c);
    ASSERT_EQ(once.v, c.v) << "a fact is wider than its field, round " << i;
  }
}

// A byte-wise memory, written in slot order, must read back as the settled facts.
class Memory {
 public:
  void write(Gpa at, std::uint64_t value, std::uint64_t n) {
    for (unsigned i = 0; i < n; ++i) bytes_[at + i] = static_cast<unsigned char>(value >> 8 * i);
  }
  std::uint64_t read(Gpa at, unsigned n) const {
    std::uint64_t value = 0;
    for (unsigned i = n; i-- > 0;) value = value << 8 | byte(at + i);
    return value;
  }

 private:
  // As the agent leaves it before a case.
  static std::uint64_t clean(Gpa at) {
    if (at >= kGuestCr3 && at < kGuestCr3 + 8) return kGoldenPml4Entry >> 8 * (at - kGuestCr3) & 0xff;
    return at >= kEntryMsrList && at % 16 < 4 ? kFillerMsr >> 8 * (at % 16) & 0xff : 0;
  }
  std::uint64_t byte(Gpa at) const {
    const auto it = bytes_.find(at);
    return it == bytes_.end() ? clean(at) : it->second;
  }

  std::map<Gpa, unsigned char> bytes_;
};

struct Located {
  Slot slot;
  Gpa at;
  unsigned bytes;
};

std::vector<Located> locations(const Case& c) {
  std::vector<Located> all = {{Vtpr, c.v[VirtualApicAddr] + 0x80, 1}, {LinkDword0, c.v[VmcsLinkPointer], 4}};
  for (unsigned i = 0; i < 4; ++i)
    all.push_back({static_cast<Slot>(Cr3Pdpte + i), (c.v[GuestCr3] & 0xffffffe0) + 8 * i, 8});
  const Gpa list = c.v[EntryMsrLoadAddr];
  for (unsigned i = 0; i < 4; ++i) all.push_back({static_cast<Slot>(EntryMsrIndex + i), list + 16 * i, 4});
  for (unsigned i = 0; i < 4; ++i) all.push_back({static_cast<Slot>(EntryMsrReserved + i), list + 16 * i + 4, 4});
  for (unsigned i = 0; i < 4; ++i) all.push_back({static_cast<Slot>(EntryMsrValue + i), list + 16 * i + 8, 8});
  return all;
}

bool in_case_pages(const Located& f) { return f.at >= kVmcs && f.at < kListsEnd; }

TEST(Facts, ReadBackAsMemoryWrittenInSlotOrder) {
  Rng rng(2);
  for (int i = 0; i < 20000; ++i) {
    Case c = random_case(rng);
    const Case raw = c;
    settle_facts(c.v.data());
    Memory wanted, written;
    for (const Located& f : locations(raw))
      if (fact_is_placed(raw.v.data(), f.slot) && in_case_pages(f) && f.at != kVmcs)
        wanted.write(f.at, raw.v[f.slot], f.bytes);
    std::array<FactWrite, kMaxFactWrites> out;
    const std::size_t n = fact_writes(c.v.data(), out.data());
    ASSERT_LE(n, kMaxFactWrites);
    for (std::size_t k = 0; k < n; ++k) written.write(out[k].address, out[k].value, out[k].bytes);
    for (const Located& f : locations(c)) {
      if (!fact_is_placed(c.v.data(), f.slot)) {
        ASSERT_EQ(c.v[f.slot], raw.v[f.slot]) << "round " << i << " slot " << f.slot;
      } else if (in_case_pages(f) && f.at != kVmcs) {
        ASSERT_EQ(c.v[f.slot], wanted.read(f.at, f.bytes)) << "round " << i << " slot " << f.slot;
        ASSERT_EQ(c.v[f.slot], written.read(f.at, f.bytes)) << "round " << i << " slot " << f.slot;
      }
    }
  }
}

TEST(Facts, AboveRamReadsAllOnes) {
  Case c = golden_case(schema());
  c.v[VirtualApicAddr] = c.v[VmcsLinkPointer] = c.v[GuestCr3] = c.v[EntryMsrLoadAddr] = kRamEnd;
  settle_facts(c.v.data());
  EXPECT_EQ(c.v[Vtpr], 0xffu);
  EXPECT_EQ(c.v[LinkDword0], 0xffffffffu);
  EXPECT_EQ(c.v[Cr3Pdpte + 3], ~std::uint64_t{0});
  EXPECT_EQ(c.v[EntryMsrIndex], 0xffffffffu);
  EXPECT_EQ(c.v[EntryMsrValue + 3], ~std::uint64_t{0});
  std::array<FactWrite, kMaxFactWrites> out;
  EXPECT_EQ(fact_writes(c.v.data(), out.data()), 0u);
}

TEST(Facts, DevicesAndForeignRamAreNotPlaced) {
  Case c = golden_case(schema());
  for (const Gpa a :
       {Gpa{0xfee00000}, Gpa{0xfec00000}, Gpa{0xffffff00}, Gpa{0}, kHostCr3, kGuestCode, kExitMsrLoadList, kEptPml4}) {
    for (const Slot s : {VirtualApicAddr, VmcsLinkPointer, GuestCr3, EntryMsrLoadAddr}) c.v[s] = a;
    for (const Slot s : {Vtpr, LinkDword0, Cr3Pdpte, EntryMsrIndex})
      EXPECT_FALSE(fact_is_placed(c.v.data(), s)) << std::hex << a;
  }
}

TEST(Facts, CurrentVmcsReadsItsRevision) {
  Case c = golden_case(schema(), *find_profile(schema(), "kvm61"));
  c.v[VmcsLinkPointer] = kVmcs;
  c.v[LinkDword0] = 0;
  settle_facts(c.v.data());
  EXPECT_EQ(c.v[LinkDword0], 0x11e57ed0u);
  EXPECT_TRUE(fact_is_placed(c.v.data(), LinkDword0));
}

TEST(Facts, SecondVmcsIsNotTheCasesWhileItIsCurrent) {
  Case c = golden_case(schema());
  c.v[VmcsLinkPointer] = kShadowVmcs;
  EXPECT_TRUE(fact_is_placed(c.v.data(), LinkDword0));
  c.v[Context] = 1u << kShadowCurrent;
  EXPECT_FALSE(fact_is_placed(c.v.data(), LinkDword0));
}

TEST(Facts, ListMustBeAlignedAndStayInItsPages) {
  Case c = golden_case(schema());
  EXPECT_TRUE(fact_is_placed(c.v.data(), EntryMsrIndex));
  c.v[EntryMsrLoadAddr] = kEntryMsrList + 8;
  EXPECT_FALSE(fact_is_placed(c.v.data(), EntryMsrIndex));
  c.v[EntryMsrLoadAddr] = kExitMsrLoadList - 64;
  EXPECT_TRUE(fact_is_placed(c.v.data(), EntryMsrValue + 3));
  c.v[EntryMsrLoadAddr] = kExitMsrLoadList - 48;
  EXPECT_FALSE(fact_is_placed(c.v.data(), EntryMsrIndex));
}

}  // namespace
}  // namespace diffvisor::vmx
