// SPDX-License-Identifier: Apache-2.0
// The vmx_entry domain's vocabulary: fields.def with bit names, the profiles, the golden case, memory facts.
#pragma once

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/schema.h"
#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/outcome.h"

namespace diffvisor::vmx {

const Schema& schema();

// Ties every Fact slot to guest memory: writes the facts, in slot order, to the places their address fields name,
// and reads each back. After it, two facts on the same bytes agree, facts above RAM read as kReadsAboveRam, facts in
// the current VMCS page read as the VMCS does. Idempotent. A fact whose address lies in RAM outside the pages a case
// may set keeps its value; fact_is_placed() is then false.
void settle_facts(std::uint64_t* v);

// Whether the bytes of this Fact slot are what the case says when the case runs.
bool fact_is_placed(const std::uint64_t* v, Slot fact);

// The memory writes that make the facts true.
using FactWrite = agent::MemoryWrite;
inline constexpr std::size_t kMaxFactWrites = 2 + 4 + 3 * kEntryMsrFacts;
// Returns how many were written to out; only placed facts that differ from a clean page's content.
std::size_t fact_writes(const std::uint64_t* v, FactWrite* out);

}  // namespace diffvisor::vmx
