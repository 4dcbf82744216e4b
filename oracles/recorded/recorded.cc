// SPDX-License-Identifier: Apache-2.0
#include "oracles/recorded/recorded.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

namespace diffvisor::recorded {
namespace {

bool inside(std::string_view text, std::string_view word) {
  return text.starts_with(word) && text.size() > word.size() + 1 && text[word.size()] == '(' && text.ends_with(')');
}

// Observations hold views of texts that never end.
std::string_view kept(std::string_view text) {
  static std::set<std::string, std::less<>> all;
  return *all.emplace(text).first;
}

}  // namespace

Result<Observation> observation_of(const Expectation& e, const Domain& domain) {
  if (inside(e.outcome, "incomparable")) return incomparable("recorded_incomparable");
  if (inside(e.outcome, "died")) return died(kept(std::string_view(e.outcome).substr(5, e.outcome.size() - 6)));
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  if (!domain.observation->outcome_of(e.outcome, o.outcome))
    return fail(ErrorCode::Format, e.executor, fmt::format("'{}' is no outcome of {}", e.outcome, domain.name));
  const auto fields = domain.observation->fields;
  for (const RecordValue& v : e.record) {
    const auto it = std::ranges::find(fields, v.name, &RecordField::name);
    if (it == fields.end())
      return fail(ErrorCode::Format, e.executor, fmt::format("{} reports no '{}'", domain.name, v.name));
    set(o, static_cast<unsigned>(it - fields.begin()), v.value);
  }
  return o;
}

}  // namespace diffvisor::recorded
