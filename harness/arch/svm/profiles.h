// SPDX-License-Identifier: Apache-2.0
// The capability sets an svm_entry case can run on.
#pragma once

#include <span>

#include "harness/arch/schema.h"

namespace diffvisor::svm {

std::span<const ProfileSpec> profiles();

}  // namespace diffvisor::svm
