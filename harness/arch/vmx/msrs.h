// SPDX-License-Identifier: Apache-2.0
// Whether WRMSR of a value would fault at CPL 0 in the root operation that loads a VM-entry MSR list (SDM 3C 29.4),
// given the profile's capabilities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "harness/base/rng.h"

namespace diffvisor::vmx {

enum class MsrRule : std::uint8_t {
  Anything,     // every value is accepted
  Never,        // every write faults
  Low32,        // bits 63:32 must be 0
  Low32OrOpen,  // the manual does not say what bits 63:32 do
  Canonical,
  Pat,
  Efer,
  Debugctl,
  PerfGlobalCtrl,
  SpecCtrl,
  PredCmd,
  ApicBase,  // faults on reserved bits and impossible modes; the rest depends on the mode the APIC is in
  MtrrPhys,
  MtrrFixed,
  MtrrDefType,
  Cet,
  ShadowStack,
  ShadowStackTable,
  Pkrs,
  Unknown,  // MSRs that are not in the table
};

struct Msr {
  std::uint32_t first;
  std::uint32_t last;
  std::string_view name;
  MsrRule rule;
};

enum class Wrmsr : std::uint8_t {
  Legal,
  Faults,
  NotModelled,
};

std::span<const Msr> msrs();
const Msr* find_msr(std::uint32_t index);

// v: a case's values, of which only capabilities are read.
Wrmsr wrmsr(const std::uint64_t* v, std::uint32_t index, std::uint64_t value);

// Whether wrmsr() says anything but NotModelled. Quicker: few rules leave values open.
bool is_modelled(const std::uint64_t* v, std::uint32_t index, std::uint64_t value);

// Of the states named by bits of `among` those in which wrmsr(v, v[index], v[value]) says `verdict`.
std::uint64_t wrmsr_each(const std::uint64_t* const* states, std::uint64_t among, std::size_t index, std::size_t value,
                         Wrmsr verdict);

// A value near `value` for which wrmsr() gives `wanted`, if one was found.
std::optional<std::uint64_t> value_for(Rng& rng, const std::uint64_t* v, std::uint32_t index, std::uint64_t value,
                                       Wrmsr wanted);

}  // namespace diffvisor::vmx
