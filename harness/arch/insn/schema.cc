// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/schema.h"

#include <array>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/x86/bit_names.h"

namespace diffvisor::insn {
namespace {

constexpr std::uint64_t kTables[] = {kPml4, kPd32, kPdptPae, kPml5, kPml4 | 0x18};
constexpr std::uint64_t kCodeAddresses[] = {kCode, kCode + 0xff8, kCode + 0xfff};
constexpr BitName kShadowNames[] = {{0, 0, "sti"}, {1, 1, "mov_ss"}};

constexpr std::span<const BitName> bits_of(std::uint16_t slot) {
  switch (slot) {
    case Cr0:
      return x86::kCr0Names;
    case Cr4:
      return x86::kCr4Names;
    case Rflags:
      return x86::kRflagsNames;
    case Shadow:
      return kShadowNames;
    default:
      return {};
  }
}
constexpr std::span<const std::uint64_t> interesting_of(std::uint16_t slot) {
  if (slot == Cr3) return kTables;
  return slot == CodeAddress ? std::span<const std::uint64_t>(kCodeAddresses) : std::span<const std::uint64_t>();
}

constexpr Field kFields[] = {
#define FIELD(id, name, constant, width, count, role, group) \
  {id, #name, width, count, constant, Role::role, group, 0, bits_of(constant), interesting_of(constant)},
#include "harness/arch/insn/fields.def"
#undef FIELD
};
static_assert(slots_are_sound(kFields, kSlots));

constexpr ByteArea kAreas[] = {{1, "code", kMostCode}};

constexpr std::uint64_t all_but(std::initializer_list<unsigned> missing) {
  std::uint64_t f = (std::uint64_t{1} << feature::kCount) - 1;
  for (const unsigned m : missing) f &= ~(std::uint64_t{1} << m);
  return f;
}
using namespace feature;
constexpr Capability kTigerlake[] = {
    {CapVendor, kIntel}, {CapMaxphyaddr, 40}, {CapFeatures, all_but({LA57, MOVDIRI, MOVDIR64B, SVM, WAITPKG})}};
constexpr Capability kEverything[] = {{CapVendor, kIntel}, {CapMaxphyaddr, 46}, {CapFeatures, all_but({SVM})}};
constexpr Capability kZen5[] = {
    {CapVendor, kAmd}, {CapMaxphyaddr, 48}, {CapFeatures, all_but({WAITPKG, CET_IBT, VMX, LA57})}};
constexpr Capability k286[] = {{CapVendor, kIntel}, {CapGeneration, k80286}, {CapMaxphyaddr, 24}, {CapFeatures, 0}};
constexpr ProfileSpec kProfiles[] = {
    {"tigerlake", "the Bochs 2.7 model; Unicorn is given the same features", kTigerlake},
    {"full", "every feature of the schema, 5-level paging among them; no Bochs model has all", kEverything},
    {"zen_five", "the CPU the native vectors were recorded on", kZen5},
    {"i_two_eight_six", "an 80286 in real mode, for its recorded vectors", k286},
};

}  // namespace

const Schema& schema() {
  static constexpr Schema kSchema = {"x86_insn", 1, kFields, kSlots, kAreas, {}, 0, kProfiles, &golden};
  return kSchema;
}

}  // namespace diffvisor::insn
