// SPDX-License-Identifier: Apache-2.0
// A difference as a C program that uses nothing but Unicorn's public interface: for people who have never heard of this
// one. What it prints is what was run here first, by the same code (program_body.inc).
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor::unicorn {

struct ProgramRequest {
  const Case* c = nullptr;  // of x86_insn
  // What the manual says of it, and what Unicorn says as an executor; they differ.
  const Observation* manual = nullptr;
  const Observation* said = nullptr;
  bool tables = false;  // descriptor tables and selectors matter
  std::string head;     // lines for the comment at its top
};

// Runs it in a child. An error says in one line what keeps it from being shown: state that no register loads, a
// difference that none shows, another result than as an executor.
Result<std::string> program_of(const ProgramRequest& request);

}  // namespace diffvisor::unicorn
