// SPDX-License-Identifier: Apache-2.0
// Values as vectors write them: 0x10, |0x80 &~0x20, PDPTE_OK(2)|0x200, 512*(VMX_MISC[27:25]+1).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace diffvisor {

using ValueOrReason = tl::expected<std::uint64_t, std::string>;

// What a name stands for; `argument` is the text between the parentheses after it, if there are any.
using NameValues = std::function<ValueOrReason(std::string_view name, std::optional<std::string_view> argument)>;

// Operators | &~ & ^ + - * are applied from left to right, all alike; parentheses group; [hi:lo] and [n] after a name
// or a group take bits of it. If the text begins with an operator, that applies to `left`. Arithmetic wraps.
ValueOrReason evaluate(std::string_view text, std::uint64_t left, const NameValues& names);

}  // namespace diffvisor
