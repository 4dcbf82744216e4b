// SPDX-License-Identifier: Apache-2.0
// Case files inside a zip or tar archive, as CI systems hand artefacts on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace diffvisor::cli {

bool is_archive(const std::filesystem::path& path);  // by its name

struct Member {
  std::string name;
  std::string content;
};
// The *.case members in the order of their names. Hostile archives are fine: nothing is written to disk, and what
// unpacks to more than a corpus could be is an error.
Result<std::vector<Member>> cases_in_archive(const std::filesystem::path& path);

}  // namespace diffvisor::cli
