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

// The subject of a case that exercises nothing there is a name for.
inline constexpr std::string_view kNoSubject = "undefined";

struct Behaviour {
  // Names for conditions: the domain's fields, then facts of a case that derive() works out, such as its opcode or
  // what the reference did.
  const Schema* conditions = nullptr;
  // Fills conditions->slots values; `reference` may be null before anybody ran.
  void (*derive)(const Case& c, const Observation* reference, std::uint64_t* facts) = nullptr;
  // Names of the reference's switchable variants, and what it does with some of them. One thread at a time.
  bool (*has_variant)(std::string_view name) = nullptr;
  Observation (*run_variant)(const Case& c, std::span<const std::string> variants) = nullptr;
  // What a difference from the reference is about, as far as the reference's own observation tells. Names are of
  // letters, digits, dots, underscores, as bucket ids want them.
  struct Account {
    std::string subject;  // what the last step exercised, as "family.member" where several are of one kind
    bool plain = false;   // the subject is so plain that what goes wrong in a check is the check's fault
    // The check by which the reference raised an exception, if any subject can fail it, and the group it is of; empty
    // names: there is none.
    std::string_view check, group;
    bool access = false;   // they part about an access, which may be a check's fault or a wrong address
    std::string delivery;  // the last step ended in the delivery of this exception
    std::string then;      // in which this kind of further exception was raised
  };
  Account (*account)(const Case& c, const Observation& reference, const Observation& seen) = nullptr;
  // Slot of the record that says where a delivered exception led to.
  std::size_t target = kMaxRecord;
  // Cases that do the beginning of what c does, the shortest first. The first of them that differs is where executors
  // part. Null where cases have no beginning.
  std::vector<Case> (*beginnings)(const Case& c) = nullptr;
  // Cases that have a plainer subject in the place of their own, the plainest first; null where there are none. What
  // looks the same in one of them is about that.
  std::vector<Case> (*stand_ins)(const Case& c) = nullptr;
  // Two pairs of observations, the reference's and another's, differ alike but for the subject. With stand_ins.
  bool (*alike)(const Observation& reference_a, const Observation& seen_a, const Observation& reference_b,
                const Observation& seen_b) = nullptr;
  // Cases whose subject does the same where no check should stop it; null where there are none.
  std::vector<Case> (*unchecked)(const Case& c) = nullptr;
  // Of a sequence the cases that leave one step out; null where cases have no steps.
  std::vector<Case> (*without_a_step)(const Case& c) = nullptr;
  // The same for what differs: bits of a slot of the record. Slots of which it is chance which one differs have one
  // word. May be null: the name of the field will do.
  std::string (*difference)(std::size_t slot, std::uint64_t bits) = nullptr;
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
