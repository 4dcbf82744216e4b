// SPDX-License-Identifier: Apache-2.0
// The seam between a fuzz target and whatever drives it: libFuzzer, AFL++, OSS-Fuzz's engines or the replay main.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/schema.h"
#include "harness/mutate/standard.h"

// Runs one input. Returns 0 always; a finding aborts. Any bytes are fine.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace diffvisor {

// The domain whose cases, in the binary form of harness/case, are the inputs. Every target defines it, except those
// that dv_fuzz_target() calls PLAIN: their inputs are bytes without structure.
const Schema& fuzz_schema();
// How engines mutate them.
mutate::Options fuzz_mutations();

}  // namespace diffvisor
