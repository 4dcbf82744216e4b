// SPDX-License-Identifier: Apache-2.0
// Why a case of InsnStep has no result: insn::WireResult::status. Freestanding.
#pragma once

#include <cstdint>

namespace diffvisor::agent {

enum class StepStatus : std::uint32_t {
  Ran = 0,
  NoMemory,     // an access outside the case's memory
  EntryFailed,  // record[0]: exit reason, record[1]: qualification
  Intercepted,  // record[0]: exit reason
  RepTooLong,
  ShadowUnknown,  // what follows MOV SS or STI cannot be fetched
  CodeElsewhere,  // what runs are not the case's code bytes, and it matters what they are
  PdpteReserved,
  NeHidden,   // an x87 error with CR0.NE 0
  CplHidden,  // real mode left CS with an RPL, which Bochs takes for CPL after an entry
};

}  // namespace diffvisor::agent
