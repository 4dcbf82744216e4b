// SPDX-License-Identifier: Apache-2.0
// How values are written and read by people: 0x2020, 17, resume|launched, DPL:0x3|P.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/arch/schema.h"

namespace diffvisor {

// "0x" with lower-case digits and no leading zeros.
std::string hex_text(std::uint64_t v);

// The field's bit names when they spell v exactly, else hex_text(v). A named range reads NAME:0xb.
std::string bit_names_text(const Field& f, std::uint64_t v);

// Hexadecimal with 0x, or decimal; nothing around it. Empty when it is neither or does not fit 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view text);

// A number or bit names joined by '|'; each name once. The caller checks that it fits the field.
std::optional<std::uint64_t> parse_value(const Field& f, std::string_view text);

// "GUEST_CR4", or "CR3_PDPTE[1]" for an array.
std::string slot_name(const Field& f, unsigned index);

// Whether text can name something in a text case: letters, digits, '_', '.', '-', not empty, at most 64.
bool is_word(std::string_view text);

}  // namespace diffvisor
