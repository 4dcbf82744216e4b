// SPDX-License-Identifier: Apache-2.0
// corpus/known/*.toml as they were when the program was built: fuzz targets run where no corpus is.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace diffvisor {

struct EmbeddedKnown {
  std::string name;
  std::string_view text;
};
std::span<const EmbeddedKnown> embedded_known();

}  // namespace diffvisor
