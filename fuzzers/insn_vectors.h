// SPDX-License-Identifier: Apache-2.0
// How vectors of x86_insn are read and written: fields and code bytes to a case, and what a CPU leaves behind to an
// observation. What a vector does not name is as before.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "fuzzers/vectors.h"

namespace diffvisor {

const VectorDialect& insn_vectors();

// The vector that demands of `c` what was observed; the error says what it has no words for.
tl::expected<Vector, std::string> insn_vector(const Case& c, const Observation& seen);

}  // namespace diffvisor
