// SPDX-License-Identifier: Apache-2.0
// The smallest case of a bucket, found by trying: golden with up to three of the fields in which the finding differs,
// then with up to three bits of such fields.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "fuzzers/minimise_score/planted.h"

namespace diffvisor::minimise_score {

// How far a case is from golden, counted by harness/case/diff.h. Smaller in the first member that differs is smaller.
struct Apart {
  bool profile = false;  // not the domain's first
  std::size_t capabilities = 0;
  std::size_t fields = 0;
  std::size_t area_bytes = 0;
  std::size_t bits = 0;  // of fields and capabilities
  auto operator<=>(const Apart&) const = default;
};
Apart apart(const Case& c);

struct Searched {
  std::optional<Case> smaller;  // than the result; of the same bucket
  std::uint64_t tried = 0;
  bool whole = true;  // false: there was more to try than `most`
};

// `result` is what the minimiser made of `from`. It is tried in its profile and the first one, with its areas and with
// those of `from`.
Searched search(Planted& planted, const std::string& bucket, const Case& from, const Case& result, std::uint64_t most);

}  // namespace diffvisor::minimise_score
