// SPDX-License-Identifier: Apache-2.0
// For tests: every schema the codecs are tried on.
#pragma once

#include <vector>

#include "harness/arch/counter/schema.h"
#include "harness/arch/vmx/schema.h"
#include "harness/case/samples.h"

namespace diffvisor::samples {

inline std::vector<const Schema*> test_schemas() { return {&awkward_schema(), &counter::schema(), &vmx::schema()}; }

}  // namespace diffvisor::samples
