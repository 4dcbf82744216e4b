// SPDX-License-Identifier: Apache-2.0
#include "models/counter/domain.h"

#include "harness/arch/counter/schema.h"

namespace diffvisor::counter {
namespace {

constexpr RecordField kRecord[kRecordSlots] = {{"VALUE", 32}, {"FLAGS", 3}, {"READS", 8}, {"READ_DIGEST", 64}};

std::string outcome_word(rules::Outcome o) {
  std::string word;
  for (const char ch : outcome_text(o))
    if (ch != ')') word += ch == '(' ? '_' : ch;
  return word;
}

bool same_outcome(rules::Outcome expected, rules::Outcome seen) { return expected == seen; }

bool outcome_of(std::string_view text, rules::Outcome& out) {
  for (out = 0; out < kOutcomes; ++out)
    if (outcome_text(out) == text) return true;
  return false;
}

}  // namespace

const ObservationSchema& observation_schema() {
  static constexpr ObservationSchema kSchema = {kRecord,       &outcome_text, &outcome_word,
                                                &same_outcome, &outcome_of,   &same_outcome};
  return kSchema;
}

const Domain& domain() {
  static const Domain kDomain = {.name = "counter",
                                 .summary = "worked example: a toy device with operations and a planted defect",
                                 .schema = &schema(),
                                 .observation = &observation_schema(),
                                 .normalise = &settle_facts,
                                 .reference = "counter.a",
                                 .model_version = "1.0"};
  return kDomain;
}

}  // namespace diffvisor::counter
