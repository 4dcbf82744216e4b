// SPDX-License-Identifier: Apache-2.0
// Slots of the svm_entry domain, from fields.def, and names for the bits that rules and golden cases speak of: APM 2
// appendix B and chapter 15. Freestanding: the agent includes it.
#pragma once

#include <cstdint>

#include "harness/arch/x86/control_bits.h"

namespace diffvisor::svm {

// One enumerator per first slot; an array's further elements follow it.
enum FieldSlot : std::uint16_t {
#define FIELD(id, name, constant, width, count, role, group) constant, constant##Last = constant + (count)-1,
#include "harness/arch/svm/fields.def"
#undef FIELD
  kSlots
};

namespace cr0 = x86::cr0;
namespace cr4 = x86::cr4;
namespace efer = x86::efer;
namespace rflags = x86::rflags;

// kSvmeOff: EFER.SVME is 0 when VMRUN executes. kAddress32: VMRUN has a 32-bit address size.
enum ContextBit : unsigned { kSvmeOff, kCpl3, kAddress32 };
// How a guest that nothing stops leaves: by its first instruction, or by a virtual interrupt before it.
enum ProbeChoice : unsigned { kVmmcall, kVirtualInterrupt };

namespace misc1 {  // 00ch
enum : unsigned {
  INTR = 0,
  NMI = 1,
  SMI = 2,
  INIT = 3,
  VINTR = 4,
  CPUID = 18,
  INVD = 22,
  HLT = 24,
  INVLPG = 25,
  INVLPGA = 26,
  IOIO_PROT = 27,
  MSR_PROT = 28,
  TASK_SWITCH = 29,
  FERR_FREEZE = 30,
  SHUTDOWN = 31
};
}
namespace misc2 {  // 010h
enum : unsigned { VMRUN = 0, VMMCALL = 1, VMLOAD = 2, VMSAVE = 3, STGI = 4, CLGI = 5, SKINIT = 6, EFER_WRITE = 15 };
}
namespace int_ctl {  // 060h
enum : unsigned {
  V_IRQ = 8,
  V_GIF = 9,
  V_NMI = 11,
  V_NMI_MASK = 12,
  V_IGN_TPR = 20,
  V_INTR_MASKING = 24,
  V_GIF_ENABLE = 25,
  V_NMI_ENABLE = 26,
  X2AVIC_ENABLE = 30,
  AVIC_ENABLE = 31
};
}
namespace nested_ctl {  // 090h
enum : unsigned { NP = 0, SEV = 1, SEV_ES = 2, GMET = 3, SSS = 4, VTE = 5, ROGPT = 6, INVLPGB = 7 };
}
namespace attr {  // segment attributes: descriptor bits 55:52 and 47:40
enum : unsigned { CODE = 3, S = 4, P = 7, AVL = 8, L = 9, DB = 10, G = 11 };
}
namespace cet {  // U_CET and S_CET
enum : unsigned { SH_STK_EN = 0, WR_SHSTK_EN = 1 };
}
namespace eventinj {  // 0a8h: vector 7:0, type 10:8, error code 63:32
enum : unsigned { EV = 11, V = 31 };
enum Type : unsigned { kInterrupt = 0, kNmi = 2, kException = 3, kSoftwareInterrupt = 4 };
}  // namespace eventinj
// CPUID Fn8000_000A EDX.
namespace svm_feature {
enum : unsigned {
  NP = 0,
  LBR_VIRT = 1,
  SVM_LOCK = 2,
  NRIPS = 3,
  TSC_RATE = 4,
  VMCB_CLEAN = 5,
  FLUSH_BY_ASID = 6,
  DECODE_ASSISTS = 7,
  PAUSE_FILTER = 10,
  PAUSE_THRESHOLD = 12,
  AVIC = 13,
  VMSAVE_VIRT = 15,
  VGIF = 16,
  GMET = 17,
  X2AVIC = 18,
  SSS_CHECK = 19,
  SPEC_CTRL = 20,
  ROGPT = 21,
  VNMI = 25,
  IBS_VIRT = 26,
  SVME_ADDR_CHK = 28,
  BUS_LOCK = 29
};
}
// CapFeatures: what else CPUID enumerates and the entry checks depend on.
namespace feature {
enum : unsigned { LONG_MODE, SHADOW_STACK, SEV };
}

}  // namespace diffvisor::svm
