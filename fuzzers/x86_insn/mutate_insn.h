// SPDX-License-Identifier: Apache-2.0
// A step from one instruction case to a related one, made of the generator's pieces, for coverage-guided engines.
#pragma once

#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::x86_insn {

// Both cases are of insn::schema() and valid; `c` is settled first and stays valid. It may have to be settled again.
void mutate_insn(Rng& rng, Case& c, const Case& other);

}  // namespace diffvisor::x86_insn
