// SPDX-License-Identifier: Apache-2.0
// Bytes for a page that has to stay small: zlib's format in base64, which browsers read without a library.
#pragma once

#include <string>
#include <string_view>

namespace diffvisor::reports {

std::string base64(std::string_view bytes);
std::string compressed_base64(std::string_view text);

}  // namespace diffvisor::reports
