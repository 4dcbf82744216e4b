// SPDX-License-Identifier: Apache-2.0
// Bucket ids: the stable semantic name of a divergence. ClusterFuzz folds digits when it groups crashes, so ids have
// lower-case letters, dots and underscores only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace diffvisor::bucket {

// Spells any text with [a-z._] so that different texts stay different: letters, '.' and '_' stand for themselves, 'q'
// escapes: "qq" is q, "qa".."qj" are the digits, "qu" + letter an upper-case letter, "qz" + two letters any other byte.
std::string spell(std::string_view text);

// The text that was spelled; nothing if `spelled` is not the output of spell().
std::optional<std::string> unspell(std::string_view spelled);

}  // namespace diffvisor::bucket
