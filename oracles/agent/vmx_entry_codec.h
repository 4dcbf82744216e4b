// SPDX-License-Identifier: Apache-2.0
// The host's side of command VmxEntry: cases into wire form, wire results into observations. No emulator is in it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "harness/arch/agent/mailbox.h"
#include "harness/arch/vmx/wire.h"
#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor::agent {

// The facts of the case must be settled (vmx::settle_facts).
void encode(const Case& c, vmx::WireCase& out);

Observation decode(const vmx::WireResult& result);

// The first difference between what the machine says of itself and the profile a case names, e.g.
// "IA32_VMX_MISC is 0x1, the profile says 0x2"; "" if there is none. `profile`: the values of the Capability slots.
std::string difference_from_profile(const Capabilities& machine, std::span<const std::uint64_t> profile);

}  // namespace diffvisor::agent
