// SPDX-License-Identifier: Apache-2.0
// The svm_entry domain's vocabulary: fields.def with bit names, the profiles, the golden case, memory facts.
#pragma once

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/schema.h"
#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/outcome.h"

namespace diffvisor::svm {

const Schema& schema();

inline constexpr unsigned kPdpteFacts = 4;

// Ties the PDPTE facts to guest memory: where CR3 names memory above RAM they read as agent::kReadsAboveRam.
// Idempotent. Where CR3 names RAM outside the pages a case may set they keep their values; fact_is_placed() is then
// false.
void settle_facts(std::uint64_t* v);

// Whether the bytes of this Fact slot are what the case says when the case runs.
bool fact_is_placed(const std::uint64_t* v, Slot fact);

inline constexpr std::size_t kMaxFactWrites = kPdpteFacts;
// The memory writes that make the facts true; only placed facts that differ from a clean page's content. Returns how
// many were written to out.
std::size_t fact_writes(const std::uint64_t* v, agent::MemoryWrite* out);

}  // namespace diffvisor::svm
