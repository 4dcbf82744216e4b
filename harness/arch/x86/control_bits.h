// SPDX-License-Identifier: Apache-2.0
// Bits of the control registers, EFER and RFLAGS that both vendors' entry checks speak of: SDM 3A 2.5, APM 2 3.1.
// Freestanding.
#pragma once

namespace diffvisor::x86 {

namespace cr0 {
enum : unsigned { PE = 0, MP = 1, EM = 2, TS = 3, ET = 4, NE = 5, WP = 16, AM = 18, NW = 29, CD = 30, PG = 31 };
}
namespace cr4 {
enum : unsigned {
  VME = 0,
  PVI = 1,
  TSD = 2,
  DE = 3,
  PSE = 4,
  PAE = 5,
  MCE = 6,
  PGE = 7,
  PCE = 8,
  OSFXSR = 9,
  OSXMMEXCPT = 10,
  UMIP = 11,
  LA57 = 12,
  VMXE = 13,
  SMXE = 14,
  FSGSBASE = 16,
  PCIDE = 17,
  OSXSAVE = 18,
  KL = 19,
  SMEP = 20,
  SMAP = 21,
  PKE = 22,
  CET = 23,
  PKS = 24,
  UINTR = 25,
  LAMSUP = 28,
  FRED = 32
};
}
namespace efer {
enum : unsigned {
  SCE = 0,
  LME = 8,
  LMA = 10,
  NXE = 11,
  SVME = 12,
  LMSLE = 13,
  FFXSR = 14,
  TCE = 15,
  MCOMMIT = 17,
  INTWB = 18,
  UAIE = 20,
  AIBRSE = 21
};
}
namespace rflags {
enum : unsigned { TF = 8, IF = 9, VM = 17 };
}

}  // namespace diffvisor::x86
