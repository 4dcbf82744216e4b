// SPDX-License-Identifier: Apache-2.0
// Inputs of a structured target: people keep cases as text, engines want them as bytes.
#include <array>

#include "fuzzers/fuzz_inputs.h"
#include "fuzzers/fuzz_target.h"
#include "harness/case/binary.h"
#include "harness/case/text.h"

namespace diffvisor {

Result<std::vector<std::string>> fuzz_inputs(std::string_view name, std::string content) {
  if (!name.ends_with(".case")) return std::vector<std::string>{std::move(content)};
  const std::array<const Schema*, 1> schemas = {&fuzz_schema()};
  const auto stored = decode_text(content, schemas, name);
  if (!stored) return tl::unexpected<Error>(stored.error());
  std::vector<std::string> inputs;
  for (const StoredCase& s : *stored) {
    const std::vector<std::byte> bytes = encode_binary(s.c);
    inputs.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return inputs;
}

}  // namespace diffvisor
