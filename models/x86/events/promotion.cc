// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/promotion.h"

#include "harness/arch/insn/outcome.h"

namespace diffvisor::x86 {
namespace {

enum class Class : std::uint8_t { Benign, Contributory, PageFault };

Class class_of(unsigned vector) {
  switch (vector) {
    case insn::kDE:
    case insn::kTS:
    case insn::kNP:
    case insn::kSS_:
    case insn::kGP:
    case insn::kCP:
      return Class::Contributory;
    case insn::kPF:
    case insn::kVE:
      return Class::PageFault;
    default:
      return Class::Benign;
  }
}

}  // namespace

Promotion promote(unsigned first, unsigned second) {
  const Class then = class_of(second);
  if (then == Class::Benign) return Promotion::Serial;
  if (first == insn::kDF) return Promotion::Shutdown;
  const Class before = class_of(first);
  if (before == Class::PageFault) return Promotion::DoubleFault;
  const bool both = before == Class::Contributory && then == Class::Contributory;
  return both ? Promotion::DoubleFault : Promotion::Serial;
}

}  // namespace diffvisor::x86
