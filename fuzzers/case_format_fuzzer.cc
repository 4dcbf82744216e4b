// SPDX-License-Identifier: Apache-2.0
// Both codecs on arbitrary bytes, for every domain: decoding is total or an error, and no form loses anything.
// The first byte chooses the domain; see harness/case/FORMAT.md.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/arch/counter/schema.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/check.h"
#include "harness/case/binary.h"
#include "harness/case/diff.h"
#include "harness/case/text.h"

namespace diffvisor {
namespace {

using Schemas = std::array<const Schema*, 2>;

// bytes -> case -> bytes -> case, and case -> text -> case -> bytes
void check_binary(std::span<const std::byte> bytes, const Schemas& schemas, const Schema& schema) {
  const Case c = decode_binary(bytes, schema);
  CHECK(is_valid(c));
  const auto coded = encode_binary(c);
  CHECK(decode_binary(coded, schema) == c);
  const std::string text = encode_text(StoredCase{"", c, {}, false});
  const auto back = decode_text(text, schemas, "fuzzer");
  CHECK(back.has_value() && back->size() == 1 && (*back)[0].c == c);
  CHECK(encode_binary((*back)[0].c) == coded);
  CHECK(difference_from_golden(c).empty() == (golden_difference_text(c) == "is the golden case"));
}

// Whatever the text decoder accepts has a canonical form that reads the same.
void check_text(std::string_view text, const Schemas& schemas) {
  const auto first = decode_text(text, schemas, "fuzzer", Digests::MayDiffer);
  if (!first) return;
  const std::string canonical = encode_text(*first);
  const auto second = decode_text(canonical, schemas, "fuzzer");
  CHECK(second.has_value() && second->size() == first->size());
  for (std::size_t i = 0; i < first->size(); ++i) CHECK((*first)[i].c == (*second)[i].c);
  CHECK(encode_text(*second) == canonical);
}

}  // namespace
}  // namespace diffvisor

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace diffvisor;
  static const Schemas schemas = {&vmx::schema(), &counter::schema()};
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  check_binary(bytes, schemas, *schemas[data[0] % schemas.size()]);
  check_text(std::string_view(reinterpret_cast<const char*>(data), size), schemas);
  return 0;
}
