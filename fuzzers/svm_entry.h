// SPDX-License-Identifier: Apache-2.0
// The svm_entry domain: VMRUN consistency checks and what follows them.
#pragma once

#include "fuzzers/domains.h"

namespace diffvisor {

const DomainEntry& svm_entry();

}  // namespace diffvisor
