// SPDX-License-Identifier: Apache-2.0
// What the harness needs of a domain whose subject is behaviour: there is no table of rules to edit, so known
// divergences name what the case exercises and how the reference would have to differ.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor {

struct Behaviour {
  // Names for conditions: the domain's fields, then facts of a case that derive() works out, such as its opcode or
  // what the reference did.
  const Schema* conditions = nullptr;
  // Fills conditions->slots values; `reference` may be null before anybody ran.
  void (*derive)(const Case& c, const Observation* reference, std::uint64_t* facts) = nullptr;
  // Names of the reference's switchable variants, and what it does with some of them. One thread at a time.
  bool (*has_variant)(std::string_view name) = nullptr;
  Observation (*run_variant)(const Case& c, std::span<const std::string> variants) = nullptr;
  // What the case exercises, for bucket ids: letters, digits, dots, underscores.
  std::string (*subject)(const Case& c) = nullptr;
  // Of a sequence the cases that leave one step out; null where cases have no steps.
  std::vector<Case> (*without_a_step)(const Case& c) = nullptr;
  // The same for what differs: bits of a slot of the record. Slots of which it is chance which one differs have one
  // word. May be null: the name of the field will do.
  std::string (*difference)(std::size_t slot, std::uint64_t bits) = nullptr;
  // The check by which the reference raised an exception, if any instruction can fail it, and the group of checks it is
  // of; empty names: there is none. `delivered`: the exception was also delivered. May be null.
  struct Check {
    std::string_view name, group;
    bool delivered = false;
  };
  Check (*check)(const Observation& reference) = nullptr;
  // It ends in an exception. May be null where none can.
  bool (*is_exception)(const Observation& seen) = nullptr;
  // Lines for a reader: what the case does (a disassembly).
  std::string (*describe)(const Case& c) = nullptr;
  // Cases are counted by stratum (a CPU mode).
  std::span<const std::string_view> strata;
  unsigned (*stratum)(const Case& c) = nullptr;
  // What Observation::form counts: 1 to forms - 1.
  std::uint32_t forms = 0;
  std::string (*form_name)(std::uint32_t form) = nullptr;
};

}  // namespace diffvisor
