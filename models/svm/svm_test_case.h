// SPDX-License-Identifier: Apache-2.0
// Cases for tests: small differences from golden.
#pragma once

#include <string_view>
#include <vector>

#include "harness/arch/svm/schema.h"
#include "harness/case/case.h"

namespace diffvisor::svm {

struct Change {
  unsigned slot;
  char op;  // '=' sets, '|' sets bits, '-' clears bits
  std::uint64_t value;
};

inline Case case_of(std::string_view profile, ProbeChoice probe, const std::vector<Change>& changes) {
  Case c = golden_case(schema(), *find_profile(schema(), profile));
  c.v[Probe] = probe;
  reset_to_golden(c);
  for (const Change& x : changes) {
    std::uint64_t& value = c.v[x.slot];
    value = x.op == '=' ? x.value : x.op == '|' ? value | x.value : value & ~x.value;
  }
  clip_to_widths(c);
  settle_facts(c.v.data());
  return c;
}

constexpr std::uint64_t b(unsigned n) { return std::uint64_t{1} << n; }

// The golden guest in 32-bit PAE paging without nested paging, with its tables at a scratch page.
inline std::vector<Change> pae(const std::vector<Change>& more) {
  std::vector<Change> set = {{NestedCtl, '=', 0},        {Efer, '-', 0x500},          {CsAttr, '=', 0xc9b},
                             {CsLimit, '=', 0xffffffff}, {Cr3, '=', agent::kScratch}, {Cr3Pdpte, '=', 0x402001}};
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

}  // namespace diffvisor::svm
