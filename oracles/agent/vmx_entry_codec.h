// SPDX-License-Identifier: Apache-2.0
// The host's side of command VmxEntry: cases into wire form, wire results into observations. No emulator is in it.
#pragma once

#include <span>
#include <string_view>

#include "harness/arch/vmx/wire.h"
#include "oracles/agent/domain_codec.h"

namespace diffvisor::agent {

// The facts of the case must be settled (vmx::settle_facts).
void encode(const Case& c, vmx::WireCase& out);

Observation decode(const vmx::WireResult& result);

// DomainCodec::read_profile.
std::string_view read_vmx_profile(const Capabilities& machine, std::span<std::uint64_t> values);

const DomainCodec& vmx_entry_codec();

}  // namespace diffvisor::agent
