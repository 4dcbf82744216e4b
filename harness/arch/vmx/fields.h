// SPDX-License-Identifier: Apache-2.0
// Slots of the vmx_entry domain, from fields.def, and names for the bits that rules and golden cases speak of.
// Freestanding: the agent includes it.
#pragma once

#include <cstdint>

#include "harness/arch/x86/control_bits.h"

namespace diffvisor::vmx {

// One enumerator per first slot; an array's further elements follow it.
enum FieldSlot : std::uint16_t {
#define FIELD(id, name, constant, width, count, role, group) constant, constant##Last = constant + (count)-1,
#include "harness/arch/vmx/fields.def"
#undef FIELD
  kSlots
};

inline constexpr unsigned kEntryMsrFacts = 4;  // entries of the VM-entry MSR-load list that a case spells out

enum ContextBit : unsigned { kResume, kLaunched, kNoCurrent, kShadowCurrent, kMovSs, kCpl3 };
enum ProbeChoice : unsigned { kTimerZero, kVmcall };

// Control bits, SDM 3C chapter 27 tables.
namespace pin {
enum : unsigned { EXTINT = 0, NMI = 3, VNMI = 5, PREEMPT = 6, POSTED = 7 };
}
namespace proc {
enum : unsigned {
  INTWIN = 2,
  TSCOFF = 3,
  HLT = 7,
  INVLPG = 9,
  MWAIT = 10,
  RDPMC = 11,
  RDTSC = 12,
  CR3LD = 15,
  CR3ST = 16,
  TERTIARY = 17,
  CR8LD = 19,
  CR8ST = 20,
  TPRSH = 21,
  NMIWIN = 22,
  MOVDR = 23,
  UNCONDIO = 24,
  IOBM = 25,
  MTF = 27,
  MSRBM = 28,
  MONITOR = 29,
  PAUSE = 30,
  SECONDARY = 31
};
}
namespace proc2 {
enum : unsigned {
  VAPICACC = 0,
  EPT = 1,
  DESC = 2,
  RDTSCP = 3,
  VX2APIC = 4,
  VPID = 5,
  WBINVD = 6,
  URG = 7,
  APICREG = 8,
  VID = 9,
  PLE = 10,
  RDRAND = 11,
  INVPCID = 12,
  VMFUNC = 13,
  SHADOW = 14,
  ENCLS = 15,
  RDSEED = 16,
  PML = 17,
  EPTVE = 18,
  PTCONCEAL = 19,
  XSAVES = 20,
  PASID = 21,
  MBE = 22,
  SPP = 23,
  PTGPA = 24,
  TSCSCALE = 25,
  UWAIT = 26,
  PCONFIG = 27,
  ENCLV = 28,
  BUSLOCK = 30,
  NOTIFY = 31
};
}
namespace proc3 {
enum : unsigned {
  LOADIWKEY = 0,
  HLAT = 1,
  EPTPW = 2,
  GPV = 3,
  IPIV = 4,
  SEAMGPAW = 5,
  MSRLIST = 6,
  VSPECCTRL = 7,
  APICTMR = 8,
  PBNDKB = 9,
  PEBSGPA = 12
};
}
namespace exit_ctl {
enum : unsigned {
  SVDBG = 2,
  HOST64 = 9,
  LDPGC = 12,
  ACKINT = 15,
  SVPAT = 18,
  LDPAT = 19,
  SVEFER = 20,
  LDEFER = 21,
  SVPREEMPT = 22,
  CLRBND = 23,
  PTCONCEAL = 24,
  CLRRTIT = 25,
  CLRLBR = 26,
  CLRUINV = 27,
  LDCET = 28,
  LDPKRS = 29,
  SVPGC = 30,
  SECONDARY = 31
};
}
namespace exit2 {
enum : unsigned { SVFRED = 0, LDFRED = 1, LDSPECCTRL = 2, PBSHSTK = 3 };
}
namespace entry_ctl {
enum : unsigned {
  LDDBG = 2,
  IA32E = 9,
  SMM = 10,
  DEACTDM = 11,
  LDPGC = 13,
  LDPAT = 14,
  LDEFER = 15,
  LDBND = 16,
  PTCONCEAL = 17,
  LDRTIT = 18,
  LDUINV = 19,
  LDCET = 20,
  LDLBR = 21,
  LDPKRS = 22,
  LDFRED = 23,
  LDSPECCTRL = 24,
  SEAMTELEM = 25
};
}
namespace cr0 = x86::cr0;
namespace cr4 = x86::cr4;
namespace efer = x86::efer;
namespace rflags = x86::rflags;
namespace ar {  // segment access rights, SDM 3C table 27-2
enum : unsigned { S = 4, P = 7, AVL = 12, L = 13, DB = 14, G = 15, UNUSABLE = 16 };
}
// CapFeatures: what CPUID and other MSRs enumerate and the entry checks depend on.
namespace feature {
enum : unsigned { SGX, RTM, BUSLOCK, LAM, FRED, X2APIC, CET, TME, SMM_DUAL };
}

}  // namespace diffvisor::vmx
