// SPDX-License-Identifier: Apache-2.0
// program_types.inc and program_body.inc as text inside the program.
#pragma once

#include <string_view>

namespace diffvisor::unicorn {

std::string_view program_types();
std::string_view program_body();

}  // namespace diffvisor::unicorn
