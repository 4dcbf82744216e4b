// SPDX-License-Identifier: Apache-2.0
// Bochs as an executor of vmx_entry.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/result.h"
#include "harness/run/executor.h"

namespace diffvisor::bochs {

struct BochsOptions {
  std::string model = "tigerlake";  // or corei7_icelake_u, corei7_skylake_x: see bochs_models()
  unsigned jobs = 1;                // emulator processes; batch b goes to process b mod jobs
  std::filesystem::path rom;        // empty: beside the program or above it
  bool keep_directory = false;      // leave configuration and log for a person
  std::string binary = "bochs-bin";
  std::filesystem::path run_parent;  // of the directory for this run; empty: see emulator::default_run_parent()
};

// The profile of vmx::schema() that a Bochs CPU model has, or "".
std::string_view profile_of_model(std::string_view model);
std::string_view model_of_profile(std::string_view profile);

// Starts the emulators. Named "bochs", version "2.7 tigerlake", trust Independent. A case whose Capability slots are
// not exactly the profile's is Incomparable("profile").
Result<std::unique_ptr<Executor>> make_bochs_vmx(const BochsOptions& options);

}  // namespace diffvisor::bochs
