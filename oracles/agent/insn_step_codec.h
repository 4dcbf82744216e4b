// SPDX-License-Identifier: Apache-2.0
// The host's side of command InsnStep: cases into wire form, wire results into observations. No emulator is in it.
#pragma once

#include <span>
#include <string_view>

#include "harness/arch/insn/wire.h"
#include "oracles/agent/domain_codec.h"

namespace diffvisor::agent {

// The case must be settled (insn::settle).
void encode(const Case& c, insn::WireCase& out);

Observation decode(const insn::WireResult& result);

// DomainCodec::read_profile.
std::string_view read_insn_profile(const Capabilities& machine, std::span<std::uint64_t> values);

// For machines with VMX.
const DomainCodec& insn_step_codec();

}  // namespace diffvisor::agent
