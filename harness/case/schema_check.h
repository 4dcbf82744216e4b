// SPDX-License-Identifier: Apache-2.0
// Whether a schema keeps what codecs, mutators and the minimiser rely on. Every domain's test calls it.
#pragma once

#include <string>
#include <vector>

#include "harness/arch/schema.h"

namespace diffvisor {

// One sentence for each thing that is wrong; empty for a sound schema.
std::vector<std::string> schema_problems(const Schema& schema);

}  // namespace diffvisor
