// SPDX-License-Identifier: Apache-2.0
// Forms of a finding that need executors or the agent to be made.
#pragma once

#include <string>

#include "fuzzers/cli/session.h"
#include "harness/triage/record.h"

namespace diffvisor::cli {

// What is exported.
struct Exported {
  std::string name;   // of the finding or file, for messages
  std::string story;  // in a sentence
  Case c;
};

// A line of JSON that demands of the case what the reference says of it.
Result<std::string> vector_line(const triage::Record& r, const Case& c);

// A C program that shows Unicorn's difference.
Result<std::string> unicorn_program(const Exported& x, const Flags& flags);

// An assembly file that makes, with the agent's ROM, one that shows Bochs's difference.
Result<std::string> agent_source(const Exported& x, const Flags& flags);

}  // namespace diffvisor::cli
