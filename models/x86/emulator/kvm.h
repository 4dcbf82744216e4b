// SPDX-License-Identifier: Apache-2.0
// Where x86.kvm parts from the manual before an instruction runs: KVM 6.1, arch/x86/kvm/emulate.c.
#pragma once

#include "models/x86/decoder/decode.h"

namespace diffvisor::x86 {

// What becomes of bytes that did not decode: most are given up on, a few are #UD.
void kvm_refuse(Machine& m, DecodeStatus status, const Instruction& i);

// Coverage and the checks from LOCK to permissions, in KVM's order.
void kvm_check(Machine& m, const Instruction& i);

}  // namespace diffvisor::x86
