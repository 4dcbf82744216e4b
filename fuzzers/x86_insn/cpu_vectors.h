// SPDX-License-Identifier: Apache-2.0
// Instructions recorded on real CPUs, in the JSON form of the SingleStepTests: registers and bytes of memory before and
// after. Their memory is anywhere, which a case cannot have, so each brings RAM of its own for the model to run in:
// real mode as it is, user mode behind page tables that map just what was mapped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/arch/insn/outcome.h"
#include "harness/base/result.h"
#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor::x86_insn {

struct CpuVector {
  struct Register {
    Slot slot;
    std::uint64_t value;
    std::uint64_t mask;  // bits that are compared
  };
  std::string name;
  std::string place;
  Case c;                         // no patches, no code bytes: they are in `ram`
  std::vector<std::uint8_t> ram;  // guest-physical, before
  std::vector<std::uint8_t> ram_after;
  std::vector<std::uint64_t> undefined_bytes;  // where pushed flags with undefined bits lie
  insn::Outcome outcome = 0;
  std::optional<std::uint64_t> error_code, payload;
  std::vector<Register> registers;
};

inline constexpr std::size_t kMostCpuVectors = 1u << 20;

// An array, or one object a line. Hostile input is fine; an error's place names the vector.
Result<std::vector<CpuVector>> read_cpu_vectors(std::string_view text, std::string_view place);
// Whether the text looks like this form rather than like outcome vectors.
bool is_cpu_vectors(std::string_view text);

// The first thing that is not as recorded: "rax is 1, recorded 2"; empty if all is.
std::string difference(const CpuVector& v, const Observation& seen);

}  // namespace diffvisor::x86_insn
