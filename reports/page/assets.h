// SPDX-License-Identifier: Apache-2.0
// The style sheet and the script of the page, as text inside the program.
#pragma once

#include <string_view>

namespace diffvisor::reports {

std::string_view page_css();
std::string_view page_js();

}  // namespace diffvisor::reports
