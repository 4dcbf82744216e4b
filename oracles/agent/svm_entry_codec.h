// SPDX-License-Identifier: Apache-2.0
// The host's side of command SvmEntry: cases into wire form, wire results into observations. No emulator is in it.
#pragma once

#include <span>
#include <string_view>

#include "harness/arch/svm/wire.h"
#include "oracles/agent/domain_codec.h"

namespace diffvisor::agent {

// The facts of the case must be settled (svm::settle_facts).
void encode(const Case& c, svm::WireCase& out);

// EXITCODE of a failed entry is -1; an emulator that stores it as 32 bits means the same. Nothing else is made alike.
Observation decode(const svm::WireResult& result);

// DomainCodec::read_profile.
std::string_view read_svm_profile(const Capabilities& machine, std::span<std::uint64_t> values);

const DomainCodec& svm_entry_codec();

}  // namespace diffvisor::agent
