// SPDX-License-Identifier: Apache-2.0
// What a vector needs of the profile, as conditions on capability slots. How a need is written is the domain's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fuzzers/vectors.h"
#include "harness/case/case.h"

namespace diffvisor {

// A statement about bits lo .. lo+width-1 of one slot.
struct NeedCondition {
  enum class Relation : std::uint8_t {
    Equal,
    AtLeast,
    AtMost,
    Includes,  // all bits of `value` are set
  };
  Slot slot;
  std::uint8_t lo;
  std::uint8_t width;
  Relation relation;
  std::uint64_t value;

  bool met(const std::uint64_t* v) const;
  void make_true(std::uint64_t* v) const;  // by the smallest change
};

NeedCondition need_bits(Slot slot, unsigned hi, unsigned lo, NeedCondition::Relation relation, std::uint64_t value);
NeedCondition need_bit(Slot slot, unsigned bit, bool on);

// All of them must hold. Conditions on the context slot say how the case is started and are never a matter of the
// profile.
using Need = std::vector<NeedCondition>;

// How a domain's vectors are read.
struct VectorReading {
  const Schema& (*schema)();
  Slot context;
  Need (*parse_need)(std::string_view text);    // empty: not understood
  bool (*is_coherent)(const std::uint64_t* v);  // some processor has these capabilities
  void (*prepare)(std::uint64_t* v);            // choices that are no field's: the probe
  // False: no outcome of this domain is written so.
  bool (*add_accepted)(std::vector<OutcomePattern>& out, std::string_view text, std::optional<std::uint64_t> qual);
  tl::expected<Case, std::string> (*build_case)(const Vector& v, Case golden);
};

bool need_is_met(Slot context, const Need& need, const std::uint64_t* v);

// "CR4_bit13_unsupported": that bit of `mask`, the bits CR4 may have, is 0. Empty: it is written otherwise.
Need unsupported_cr4_bit(std::string_view text, Slot mask);
// Case, underscores, dashes and blanks do not matter in names.
bool same_name(std::string_view a, std::string_view b);

tl::expected<VectorCase, VectorProblem> build_vector(const VectorReading& reading, const Vector& v,
                                                     const VectorProfile& on);

// The dialect that reads vectors so.
template <const VectorReading& kReading>
constexpr VectorDialect dialect_of() {
  return {[](const Vector& v, const VectorProfile& on) { return build_vector(kReading, v, on); }};
}

// An entry whose first exit is known, or left open by an executor that does not run the guest.
void accept_entry(std::vector<OutcomePattern>& out, rules::Outcome known, rules::Outcome open);

// "exit(18)" after "exit(": 18
std::optional<std::uint32_t> number_in(std::string_view text, std::string_view head);

}  // namespace diffvisor
