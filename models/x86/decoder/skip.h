// SPDX-License-Identifier: Apache-2.0
// How many bytes of an undefined instruction are fetched before #UD. The manual leaves that open (SDM 2B UD); here it
// is what Intel's CPUs do, who find the end of an instruction by its maps before they look at what it is.
#pragma once

#include "models/x86/decoder/reader.h"

namespace diffvisor::x86 {

// An opcode without a row, its map as in opcode_table.h.
DecodeStatus skip_unknown(const DecodeMode& mode, Reader& r, Instruction& i, u16 opcode);

// Behind C4, C5 and 62.
bool vex_map_exists(u8 first, u8 next);
DecodeStatus skip_vex(const DecodeMode& mode, Reader& r, Instruction& i);
// XCR0 never enables the state of EVEX here, so that all of it is #UD.
bool is_evex_prefix(const DecodeMode& mode, u8 first, Reader& r);
DecodeStatus skip_evex(const DecodeMode& mode, Reader& r, Instruction& i);

// Bochs refuses VEX, EVEX and XOP behind prefixes after one byte, and has an idea of its own of EVEX and XOP.
bool refuses_as_bochs(const DecodeMode& mode, u8 first, Reader& r, Instruction& i);

}  // namespace diffvisor::x86
