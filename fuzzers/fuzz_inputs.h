// SPDX-License-Identifier: Apache-2.0
// What a stored file means to a fuzz target. Which of the two definitions is linked is decided in engine.cmake.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace diffvisor {

// The inputs in the file called `name` with this content, in its order. case_inputs.cc: a `.case` file is text and
// gives one binary case for each of its cases. plain_inputs.cc, and any other file: the content itself.
Result<std::vector<std::string>> fuzz_inputs(std::string_view name, std::string content);

}  // namespace diffvisor
