// SPDX-License-Identifier: Apache-2.0
// The vmx_entry domain: VMLAUNCH and VMRESUME from arbitrary VMCS states.
#pragma once

#include "fuzzers/domains.h"

namespace diffvisor {

const DomainEntry& vmx_entry();

}  // namespace diffvisor
