// SPDX-License-Identifier: Apache-2.0
// Text inside XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace diffvisor::reports {

// File names may be any bytes; what is no UTF-8 becomes U+FFFD.
std::string as_utf8(std::string_view text);

// For element content and double-quoted attributes. XML 1.0 has no way to write most control characters, so they become
// '?'.
std::string escaped(std::string_view text);

}  // namespace diffvisor::reports
