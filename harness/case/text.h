// SPDX-License-Identifier: Apache-2.0
// Cases as text: what people read, review and commit. Many cases per file; FORMAT.md is the page for users.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/case/case.h"

namespace diffvisor {

struct RecordValue {
  std::string name;
  std::uint64_t value = 0;
  bool operator==(const RecordValue&) const = default;
};

// What an executor was seen to say about a case.
struct Expectation {
  std::string executor;  // "vmx.arch"
  std::string version;
  std::string outcome;              // in the words of the domain: "entry_failure(33, 0)", "died(hang)"
  std::vector<RecordValue> record;  // values worth pinning, may be empty
  bool operator==(const Expectation&) const = default;
};

struct StoredCase {
  std::string story;  // one line: why this case is kept
  Case c;
  std::vector<Expectation> expect;
  bool stale = false;  // read from text whose digests differ from this program's; never written
  bool operator==(const StoredCase&) const = default;
};

// What to do with a case that was written with another vocabulary or another golden case.
enum class Digests : std::uint8_t {
  MustMatch,  // an error: the differences it lists no longer mean the same case
  MayDiffer,  // read it against today's golden and mark it stale; for migration
};

inline constexpr std::size_t kLongestLine = 1u << 20;
inline constexpr std::size_t kMostStoredCases = 1u << 16;
inline constexpr std::size_t kMostExpectations = 64;
inline constexpr std::size_t kMostRecordValues = 32;

// Hostile input is fine. An error's place is `place:line`.
Result<std::vector<StoredCase>> decode_text(std::string_view text, std::span<const Schema* const> schemas,
                                            std::string_view place, Digests digests = Digests::MustMatch);

// The canonical text: decode_text of it gives the same, and encode_text of that the same text. Characters that a line
// cannot hold are written as spaces.
std::string encode_text(const StoredCase& stored);
std::string encode_text(std::span<const StoredCase> stored);

}  // namespace diffvisor
