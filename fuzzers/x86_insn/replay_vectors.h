// SPDX-License-Identifier: Apache-2.0
// Recordings of real CPUs, compared with what the model makes of them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "models/x86/quirks.h"

namespace diffvisor::x86_insn {

struct ReplayedVectors {
  struct Failure {
    std::string id;          // place and name
    std::string difference;  // "RAX is 0x1, recorded 0x2"
  };
  std::size_t passed = 0;
  std::vector<Failure> failures;
  std::map<std::string, std::size_t> skipped;  // by why the model does not judge it
};

// `text` is the file's content, see read_cpu_vectors.
Result<ReplayedVectors> replay_cpu_vectors(std::string_view text, std::string_view place,
                                           const x86::Quirks& quirks = {});

}  // namespace diffvisor::x86_insn
