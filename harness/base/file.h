// SPDX-License-Identifier: Apache-2.0
// Whole-file reading with a limit, and writing that is all or nothing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace diffvisor {

inline constexpr std::size_t kLargestInput = 64u << 20;  // bytes; nothing we read from disk is larger

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = kLargestInput);

// Writes a temporary file in the same directory, syncs it, renames it over `path`. On failure `path` is as it
// was and the temporary file is gone. A symbolic link stays, its file is replaced; what is no regular file (a device, a
// pipe) is written to and not replaced.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace diffvisor
