// SPDX-License-Identifier: Apache-2.0
// The worked example: a toy device, two implementations, one with a planted defect.
#pragma once

#include "fuzzers/domains.h"

namespace diffvisor {

const DomainEntry& counter_entry();

}  // namespace diffvisor
