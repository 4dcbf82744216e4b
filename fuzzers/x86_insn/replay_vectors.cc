// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/replay_vectors.h"

#include "fuzzers/x86_insn/cpu_vectors.h"
#include "models/x86/arch_model.h"

namespace diffvisor::x86_insn {

Result<ReplayedVectors> replay_cpu_vectors(std::string_view text, std::string_view place, const x86::Quirks& quirks) {
  const auto vectors = read_cpu_vectors(text, place);
  if (!vectors) return tl::unexpected(vectors.error());
  x86::X86Model model({}, quirks);
  ReplayedVectors out;
  for (const CpuVector& v : *vectors) {
    model.use_ram(v.ram);
    Observation seen;
    model.submit({&v.c, 1}, {&seen, 1});
    if (seen.status == Status::Incomparable) {
      ++out.skipped[std::string(seen.reason)];
      continue;
    }
    std::string d = difference(v, seen);
    if (d.empty()) {
      ++out.passed;
    } else {
      out.failures.push_back({v.place + ": " + v.name, std::move(d)});
    }
  }
  return out;
}

}  // namespace diffvisor::x86_insn
