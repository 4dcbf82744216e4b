// SPDX-License-Identifier: Apache-2.0
// How vectors of svm_entry are read: fields and symbols to a case, needs to a profile, expectations to outcomes.
#pragma once

#include "fuzzers/vectors.h"

namespace diffvisor {

const VectorDialect& svm_vectors();

}  // namespace diffvisor
