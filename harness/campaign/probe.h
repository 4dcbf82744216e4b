// SPDX-License-Identifier: Apache-2.0
// Questions about one divergence of one executor, answered by running variations of its case: which parts of the case
// matter, and which of the values that do the same comes first.
#pragma once

#include <span>
#include <vector>

#include "harness/base/result.h"
#include "harness/compare/judge.h"

namespace diffvisor::campaign {

// Some bits of a slot in which a case differs from golden: one bit of a field whose bits have names, else all of it.
struct Part {
  Slot slot = 0;
  std::uint64_t mask = 0;
  bool operator==(const Part&) const = default;
};
std::vector<Part> parts_of(const Case& c);

// c has every part of `other`, with the same values in the pieces of fields that they lie in.
bool contains(const Case& c, const Case& other);
// c with golden's values in these parts.
Case without(const Case& c, std::span<const Part> parts);

enum class Answer : std::uint8_t {
  Same,    // the divergence, with the same outcome
  Passes,  // no divergence any more, and no check fails
  Agrees,  // no divergence any more, but a check fails
  Else,    // another outcome, another divergence, or nobody can tell
};

class Probe {
 public:
  // Of an executor that said `outcome` and should not have. All executors are idle while it is asked.
  Probe(const Domain& domain, compare::Judge& judge, Executor& executor, std::size_t index, rules::Outcome outcome)
      : domain_(&domain), judge_(&judge), executor_(&executor), index_(index), outcome_(outcome) {}

  Result<std::vector<Answer>> ask(std::vector<Case> cases) const;

  // Parts of c without which the executor lets the case pass, and the small numbers in their fields: what the
  // divergence is about. A case that is made smaller and loses one of them shows another defect.
  Result<std::vector<Part>> what_matters(const Case& c) const;
  // c with nothing but these parts; c itself if there are none.
  static Case reduced_to(const Case& c, std::span<const Part> parts);

  // Of the values of a named piece of a field that are refused alike the one with the fewest bits, so that a check of
  // several values has one name. In a piece of up to four bits, an enumeration, two values are alike when the bits
  // beside them matter to both in the same way; in one of up to eight, a number, when all between them are refused too.
  Result<Case> canonical(const Case& c) const;

 private:
  struct Piece {
    Slot slot;
    std::uint8_t lo, width;
  };
  static std::vector<Piece> pieces_of(const Case& c);
  Result<std::vector<std::uint64_t>> refused_alike(const Case& c, const Piece& p) const;
  Result<std::vector<Answer>> response(const Case& c, const Piece& p) const;

  const Domain* domain_;
  compare::Judge* judge_;
  Executor* executor_;
  std::size_t index_;
  rules::Outcome outcome_;
};

// Nothing that mattered in a case is lost in another.
bool keeps(const Case& c, const Case& from, std::span<const Part> parts);

}  // namespace diffvisor::campaign
