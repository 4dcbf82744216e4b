// SPDX-License-Identifier: Apache-2.0
// An executor of x86_insn for a test. What is not installed here is skipped; what is and cannot start is a failure.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "fuzzers/x86_insn.h"
#include "harness/arch/insn/schema.h"

namespace diffvisor::x86_insn {

// Null: `missing` says what is not here, or it is empty and the executor is broken.
inline std::unique_ptr<Executor> executor_for_test(std::string_view name, std::string& missing) {
  ExecutorRequest request;
  request.name = name;
  request.profile = insn::schema().profiles[0].name;
  auto made = x86_insn_entry().make_executor(request);
  if (made) return std::move(*made);
  const std::string why = made.error().text();
  const bool built_without = name == "unicorn" && why.find("built without") != std::string::npos;
  const bool no_bochs = name == "bochs" && std::system("command -v bochs-bin >/dev/null") != 0;
  if (built_without || no_bochs || name == "native") missing = why;
  return nullptr;
}

}  // namespace diffvisor::x86_insn
