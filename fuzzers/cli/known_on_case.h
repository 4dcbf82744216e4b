// SPDX-License-Identifier: Apache-2.0
// What known divergences make of a case.
#pragma once

#include <filesystem>
#include <string>

#include "harness/base/result.h"

namespace diffvisor::cli {

// Prints for each case of the file which entries of the directory `known` fire, and what each by itself changes.
Result<void> explain_on_case(const std::string& path, const std::filesystem::path& known);

}  // namespace diffvisor::cli
