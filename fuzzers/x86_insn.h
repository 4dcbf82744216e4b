// SPDX-License-Identifier: Apache-2.0
// Domain x86_insn: one instruction, or a few, from an arbitrary CPU state.
#pragma once

#include "fuzzers/domains.h"

namespace diffvisor {

const DomainEntry& x86_insn_entry();

}  // namespace diffvisor
