// SPDX-License-Identifier: Apache-2.0
// Inputs of a target without structure: each file is one.
#include "fuzzers/fuzz_inputs.h"

namespace diffvisor {

Result<std::vector<std::string>> fuzz_inputs(std::string_view, std::string content) {
  return std::vector<std::string>{std::move(content)};
}

}  // namespace diffvisor
