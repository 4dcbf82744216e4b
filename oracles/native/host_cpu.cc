// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/host_cpu.h"

#include <cpuid.h>

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "harness/arch/insn/fields.h"

namespace diffvisor::native {
namespace {

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf leaf(unsigned number, unsigned subleaf = 0) {
  Leaf l;
  if (__get_cpuid_count(number, subleaf, &l.eax, &l.ebx, &l.ecx, &l.edx) == 0) return {};
  return l;
}

std::string vendor_text() {
  const Leaf l = leaf(0);
  char text[12];
  std::memcpy(text, &l.ebx, 4);
  std::memcpy(text + 4, &l.edx, 4);
  std::memcpy(text + 8, &l.ecx, 4);
  return {text, sizeof text};
}

std::string brand_text() {
  Leaf words[3];
  for (unsigned i = 0; i < 3; ++i) words[i] = leaf(0x80000002 + i);
  static_assert(sizeof words == 48);
  char text[49] = {};
  std::memcpy(text, words, 48);
  std::string_view brand(text);
  while (brand.starts_with(' ')) brand.remove_prefix(1);
  while (brand.ends_with(' ')) brand.remove_suffix(1);
  return std::string(brand);
}

std::string signature_text() {
  const unsigned s = leaf(1).eax;
  const unsigned base = s >> 8 & 0xf;
  const unsigned family = base == 0xf ? base + (s >> 20 & 0xff) : base;
  const unsigned model = (s >> 4 & 0xf) | (base == 6 || base == 0xf ? s >> 12 & 0xf0 : 0);
  return fmt::format("family {} model {} stepping {}", family, model, s & 0xf);
}

std::uint64_t features() {
  std::uint64_t bits = 0;
  const auto add = [&bits](unsigned feature, bool there) { bits |= std::uint64_t{there} << feature; };
#define FEATURE(name, number, subleaf, word, bit) \
  add(insn::feature::name, (leaf(number, subleaf).word >> (bit)&1) != 0);
#include "harness/arch/insn/features.def"
#undef FEATURE
  return bits;
}

HostCpu ask() {
  HostCpu cpu;
  const std::string vendor = vendor_text();
  if (vendor != "GenuineIntel" && vendor != "AuthenticAMD") return cpu;
  cpu.vendor = vendor == "GenuineIntel" ? insn::kIntel : insn::kAmd;
  cpu.features = features();
  cpu.version = fmt::format("{} {}, {}", vendor, brand_text(), signature_text());
  return cpu;
}

}  // namespace

const HostCpu& host_cpu() {
  static const HostCpu cpu = ask();
  return cpu;
}

}  // namespace diffvisor::native
