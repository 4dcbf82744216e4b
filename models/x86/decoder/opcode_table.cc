// SPDX-License-Identifier: Apache-2.0
// Everything but vector arithmetic: SDM 2D appendix A, the instruction pages of SDM 2A to 2C for groups and prefixes.
#include "models/x86/decoder/opcode_table.h"

#include <array>

#include "models/x86/emulator/instructions.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

using enum Operand;
using I = Immediate;
namespace f = insn::feature;

constexpr u32 M = kModRm, B = kByte, L = kLock, N6 = kNo64, O6 = kOnly64, P = kProtected, D6 = kDefault64,
              NB = kNearBranch, Str = kString, R = kReadsFlags, S = kSetsFlags, K = kKvm, V = kVexRegister, Mv = kMov,
              Pr = kPrivileged, NM = kNotModelled;

constexpr Select any = {};
constexpr Select np = {.prefixes = 1}, p66 = {.prefixes = 2}, pF3 = {.prefixes = 4}, pF2 = {.prefixes = 8};
constexpr Select np66 = {.prefixes = 3}, nF3 = {.prefixes = 11};
constexpr Select mem = {.mods = 1}, reg = {.mods = 2};
constexpr Select L0 = {.l = 1};
constexpr Select g(int n) { return {.reg = static_cast<std::int8_t>(n)}; }
constexpr Select rm(int n) { return {.rm = static_cast<std::int8_t>(n), .mods = 2}; }

// clang-format off
// The six forms of a two-operand arithmetic instruction; `more` goes with all, `lock` with the memory destination.
#define ALU(base, name, handler, more, lock)                                       \
  {base + 0, any, name, handler, E, G, I::None, M | B | K | S | (more) | (lock)},  \
  {base + 1, any, name, handler, E, G, I::None, M | K | S | (more) | (lock)},      \
  {base + 2, any, name, handler, G, E, I::None, M | B | K | S | (more)},           \
  {base + 3, any, name, handler, G, E, I::None, M | K | S | (more)},               \
  {base + 4, any, name, handler, Acc, Imm, I::Byte, B | K | S | (more)},           \
  {base + 5, any, name, handler, Acc, Imm, I::Full, K | S | (more)}
// The eight members of groups 1 (arithmetic with an immediate) and 2 (shifts).
#define GROUP1(op, imm, more)                                                      \
  {op, g(0), "add", add, E, Imm, imm, M | K | S | L | (more)},                     \
  {op, g(1), "or", or_, E, Imm, imm, M | K | S | L | (more)},                      \
  {op, g(2), "adc", adc, E, Imm, imm, M | K | S | L | R | (more)},                 \
  {op, g(3), "sbb", sbb, E, Imm, imm, M | K | S | L | R | (more)},                 \
  {op, g(4), "and", and_, E, Imm, imm, M | K | S | L | (more)},                    \
  {op, g(5), "sub", sub, E, Imm, imm, M | K | S | L | (more)},                     \
  {op, g(6), "xor", xor_, E, Imm, imm, M | K | S | L | (more)},                    \
  {op, g(7), "cmp", cmp, E, Imm, imm, M | K | S | (more)}
#define GROUP2(op, count, imm, more)                                               \
  {op, g(0), "rol", rol, E, count, imm, M | K | (more)},                           \
  {op, g(1), "ror", ror, E, count, imm, M | K | (more)},                           \
  {op, g(2), "rcl", rcl, E, count, imm, M | K | R | (more)},                       \
  {op, g(3), "rcr", rcr, E, count, imm, M | K | R | (more)},                       \
  {op, g(4), "shl", shl, E, count, imm, M | K | (more)},                           \
  {op, g(5), "shr", shr, E, count, imm, M | K | (more)},                           \
  {op, g(6), "sal", shl, E, count, imm, M | K | (more)},                           \
  {op, g(7), "sar", sar, E, count, imm, M | K | (more)}

constexpr OpcodeRow kRows[] = {
//  opcode          which            mnemonic        handler            dst   src   immediate         attributes               feature
  ALU(0x00, "add", add, 0, L),
    {0x06,          any,             "push_es",      push_segment,      None, None, I::None,          N6 | D6 | K},
    {0x07,          any,             "pop_es",       pop_segment,       None, None, I::None,          N6 | D6 | K},
  ALU(0x08, "or", or_, 0, L),
    {0x0e,          any,             "push_cs",      push_segment,      None, None, I::None,          N6 | D6 | K},
  ALU(0x10, "adc", adc, R, L),
    {0x16,          any,             "push_ss",      push_segment,      None, None, I::None,          N6 | D6 | K},
    {0x17,          any,             "pop_ss",       pop_segment,       None, None, I::None,          N6 | D6 | K},
  ALU(0x18, "sbb", sbb, R, L),
    {0x1e,          any,             "push_ds",      push_segment,      None, None, I::None,          N6 | D6 | K},
    {0x1f,          any,             "pop_ds",       pop_segment,       None, None, I::None,          N6 | D6 | K},
  ALU(0x20, "and", and_, 0, L),
    {0x27,          any,             "daa",          daa,               None, None, I::None,          N6 | R | S},
  ALU(0x28, "sub", sub, 0, L),
    {0x2f,          any,             "das",          das,               None, None, I::None,          N6 | R | S | K},
  ALU(0x30, "xor", xor_, 0, L),
    {0x37,          any,             "aaa",          aaa,               None, None, I::None,          N6 | R | S},
  ALU(0x38, "cmp", cmp, 0, 0),
    {0x3f,          any,             "aas",          aas,               None, None, I::None,          N6 | R | S},
    {{0x40, 8},     any,             "inc",          inc,               Z,    None, I::None,          N6 | K},
    {{0x48, 8},     any,             "dec",          dec,               Z,    None, I::None,          N6 | K},
    {{0x50, 8},     any,             "push",         push,              None, Z,    I::None,          D6 | K},
    {{0x58, 8},     any,             "pop",          pop,               Z,    None, I::None,          D6 | K},
    {0x60,          any,             "pusha",        pusha,             None, None, I::None,          N6 | K},
    {0x61,          any,             "popa",         popa,              None, None, I::None,          N6 | K},
    {0x62,          mem,             "bound",        bound,             G,    E,    I::None,          M | N6},
    {0x63,          any,             "arpl",         arpl,              E,    G,    I::None,          M | N6 | P},
    {0x63,          any,             "movsxd",       movsxd,            G,    E,    I::None,          M | O6 | K | Mv},
    {0x68,          any,             "push",         push,              None, Imm,  I::Full,          D6 | K},
    {0x69,          any,             "imul",         imul3,             G,    E,    I::Full,          M | S | K},
    {0x6a,          any,             "push",         push,              None, Imm,  I::Byte,          D6 | K},
    {0x6b,          any,             "imul",         imul3,             G,    E,    I::Byte,          M | S | K},
    {0x6c,          any,             "ins",          ins,               None, None, I::None,          B | Str | K},
    {0x6d,          any,             "ins",          ins,               None, None, I::None,          Str | K},
    {0x6e,          any,             "outs",         outs,              None, None, I::None,          B | Str | K},
    {0x6f,          any,             "outs",         outs,              None, None, I::None,          Str | K},
    {{0x70, 16},    any,             "jcc",          jcc,               None, Imm,  I::Byte,          NB | R | K},
  GROUP1(0x80, I::Byte, B),
  GROUP1(0x81, I::Full, 0),
  GROUP1(0x82, I::Byte, B | N6),
  GROUP1(0x83, I::Byte, 0),
    {0x84,          any,             "test",         test,              E,    G,    I::None,          M | B | S | K},
    {0x85,          any,             "test",         test,              E,    G,    I::None,          M | S | K},
    {0x86,          any,             "xchg",         xchg,              E,    G,    I::None,          M | B | L | K},
    {0x87,          any,             "xchg",         xchg,              E,    G,    I::None,          M | L | K},
    {0x88,          any,             "mov",          mov,               E,    G,    I::None,          M | B | K | Mv},
    {0x89,          any,             "mov",          mov,               E,    G,    I::None,          M | K | Mv},
    {0x8a,          any,             "mov",          mov,               G,    E,    I::None,          M | B | K | Mv},
    {0x8b,          any,             "mov",          mov,               G,    E,    I::None,          M | K | Mv},
    {0x8c,          any,             "mov_from_seg", mov_from_segment,  E,    None, I::None,          M | K | Mv},
    {0x8d,          mem,             "lea",          lea,               G,    None, I::None,          M | K | Mv},
    {0x8e,          any,             "mov_to_seg",   mov_to_segment,    None, E,    I::None,          M | K},
    {0x8f,          g(0),            "pop",          pop,               E,    None, I::None,          M | D6 | K | Mv},
    {0x90,          any,             "nop",          xchg_or_nop,       Z,    Acc,  I::None,          K},
    {{0x91, 7},     any,             "xchg",         xchg,              Z,    Acc,  I::None,          K},
    {0x98,          any,             "cbw",          cbw,               None, None, I::None,          K},
    {0x99,          any,             "cwd",          cwd,               None, None, I::None,          K},
    {0x9a,          any,             "call_far",     call_far,          None, None, I::FarPointer,    N6 | K | R},
    {0x9b,          any,             "fwait",        fwait,             None, None, I::None,          kNone},
    {0x9c,          any,             "pushf",        pushf,             None, None, I::None,          D6 | R | K},
    {0x9d,          any,             "popf",         popf,              None, None, I::None,          D6 | K},
    {0x9e,          any,             "sahf",         sahf,              None, None, I::None,          K},
    {0x9f,          any,             "lahf",         lahf,              None, None, I::None,          R | K},
    {0xa0,          any,             "mov",          mov,               Acc,  Moffs, I::Address,      B | K | Mv},
    {0xa1,          any,             "mov",          mov,               Acc,  Moffs, I::Address,      K | Mv},
    {0xa2,          any,             "mov",          mov,               Moffs, Acc, I::Address,       B | K | Mv},
    {0xa3,          any,             "mov",          mov,               Moffs, Acc, I::Address,       K | Mv},
    {0xa4,          any,             "movs",         movs,              None, None, I::None,          B | Str | K},
    {0xa5,          any,             "movs",         movs,              None, None, I::None,          Str | K},
    {0xa6,          any,             "cmps",         cmps,              None, None, I::None,          B | Str | kStopsOnZf | K},
    {0xa7,          any,             "cmps",         cmps,              None, None, I::None,          Str | kStopsOnZf | K},
    {0xa8,          any,             "test",         test,              Acc,  Imm,  I::Byte,          B | S | K},
    {0xa9,          any,             "test",         test,              Acc,  Imm,  I::Full,          S | K},
    {0xaa,          any,             "stos",         stos,              None, None, I::None,          B | Str | K},
    {0xab,          any,             "stos",         stos,              None, None, I::None,          Str | K},
    {0xac,          any,             "lods",         lods,              None, None, I::None,          B | Str | K},
    {0xad,          any,             "lods",         lods,              None, None, I::None,          Str | K},
    {0xae,          any,             "scas",         scas,              None, None, I::None,          B | Str | kStopsOnZf | K},
    {0xaf,          any,             "scas",         scas,              None, None, I::None,          Str | kStopsOnZf | K},
    {{0xb0, 8},     any,             "mov",          mov,               Z,    Imm,  I::Byte,          B | K | Mv},
    {{0xb8, 8},     any,             "mov",          mov,               Z,    Imm,  I::Widest,        K | Mv},
  GROUP2(0xc0, Imm, I::UnsignedByte, B),
  GROUP2(0xc1, Imm, I::UnsignedByte, 0),
    {0xc2,          any,             "ret",          ret,               None, None, I::Word,          NB | K},
    {0xc3,          any,             "ret",          ret,               None, None, I::None,          NB | K},
    {0xc4,          mem,             "les",          load_far_pointer,  G,    E,    I::None,          M | N6 | K},
    {0xc5,          mem,             "lds",          load_far_pointer,  G,    E,    I::None,          M | N6 | K},
    {0xc6,          g(0),            "mov",          mov,               E,    Imm,  I::Byte,          M | B | K | Mv},
    {0xc7,          g(0),            "mov",          mov,               E,    Imm,  I::Full,          M | K | Mv},
    {0xc8,          any,             "enter",        enter,             None, None, I::Enter,         D6 | K},
    {0xc9,          any,             "leave",        leave,             None, None, I::None,          D6 | K},
    {0xca,          any,             "retf",         ret_far,           None, None, I::Word,          K},
    {0xcb,          any,             "retf",         ret_far,           None, None, I::None,          K},
    {0xcc,          any,             "int3",         int3,              None, None, I::None,          R | K},
    {0xcd,          any,             "int",          int_n,             None, None, I::UnsignedByte,  R | K},
    {0xce,          any,             "into",         into,              None, None, I::None,          N6 | R | K},
    {0xcf,          any,             "iret",         iret,              None, None, I::None,          R | K},
  GROUP2(0xd0, One, I::None, B),
  GROUP2(0xd1, One, I::None, 0),
  GROUP2(0xd2, Cl, I::None, B),
  GROUP2(0xd3, Cl, I::None, 0),
    {0xd4,          any,             "aam",          aam,               None, None, I::UnsignedByte,  N6 | S | K},
    {0xd5,          any,             "aad",          aad,               None, None, I::UnsignedByte,  N6 | S | K},
    {0xd6,          any,             "salc",         salc,              None, None, I::None,          N6 | R | K},
    {0xd7,          any,             "xlat",         xlat,              None, None, I::None,          K},
    {0xd8,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xd9,          mem & g(5),      "fldcw",        fldcw,             None, E,    I::None,          M},
    {0xd9,          mem & g(7),      "fnstcw",       fnstcw,            E,    None, I::None,          M | K},
    {0xd9,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xda,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xdb,          g(4) & rm(2),    "fnclex",       fnclex,            None, None, I::None,          M},
    {0xdb,          g(4) & rm(3),    "fninit",       fninit,            None, None, I::None,          M | K},
    {0xdb,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xdc,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xdd,          mem & g(7),      "fnstsw",       fnstsw,            E,    None, I::None,          M | K},
    {0xdd,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xde,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xdf,          g(4) & rm(0),    "fnstsw",       fnstsw,            E,    None, I::None,          M},
    {0xdf,          any,             "x87",          x87,               None, None, I::None,          M | NM},
    {0xe0,          any,             "loopne",       loop,              None, Imm,  I::Byte,          NB | R | K},
    {0xe1,          any,             "loope",        loop,              None, Imm,  I::Byte,          NB | R | K},
    {0xe2,          any,             "loop",         loop,              None, Imm,  I::Byte,          NB | K},
    {0xe3,          any,             "jcxz",         jcxz,              None, Imm,  I::Byte,          NB | K},
    {0xe4,          any,             "in",           in,                None, None, I::UnsignedByte,  B | K},
    {0xe5,          any,             "in",           in,                None, None, I::UnsignedByte,  K},
    {0xe6,          any,             "out",          out,               None, None, I::UnsignedByte,  B | K},
    {0xe7,          any,             "out",          out,               None, None, I::UnsignedByte,  K},
    {0xe8,          any,             "call",         call,              None, Imm,  I::Full,          NB | K},
    {0xe9,          any,             "jmp",          jmp,               None, Imm,  I::Full,          NB | K},
    {0xea,          any,             "jmp_far",      jmp_far,           None, None, I::FarPointer,    N6 | K | R},
    {0xeb,          any,             "jmp",          jmp,               None, Imm,  I::Byte,          NB | K},
    {0xec,          any,             "in",           in,                None, None, I::None,          B | K},
    {0xed,          any,             "in",           in,                None, None, I::None,          K},
    {0xee,          any,             "out",          out,               None, None, I::None,          B | K},
    {0xef,          any,             "out",          out,               None, None, I::None,          K},
    {0xf1,          any,             "int1",         int1,              None, None, I::None,          R | K},
    {0xf4,          any,             "hlt",          hlt,               None, None, I::None,          K | Pr},
    {0xf5,          any,             "cmc",          cmc,               None, None, I::None,          R | K},
    {0xf6,          g(0),            "test",         test,              E,    Imm,  I::Byte,          M | B | S | K},
    {0xf6,          g(1),            "test",         test,              E,    Imm,  I::Byte,          M | B | S | K},
    {0xf6,          g(2),            "not",          not_,              E,    None, I::None,          M | B | L | K},
    {0xf6,          g(3),            "neg",          neg,               E,    None, I::None,          M | B | L | S | K},
    {0xf6,          g(4),            "mul",          mul,               None, E,    I::None,          M | B | S | K},
    {0xf6,          g(5),            "imul",         imul1,             None, E,    I::None,          M | B | S | K},
    {0xf6,          g(6),            "div",          div,               None, E,    I::None,          M | B | S | K},
    {0xf6,          g(7),            "idiv",         idiv,              None, E,    I::None,          M | B | S | K},
    {0xf7,          g(0),            "test",         test,              E,    Imm,  I::Full,          M | S | K},
    {0xf7,          g(1),            "test",         test,              E,    Imm,  I::Full,          M | S | K},
    {0xf7,          g(2),            "not",          not_,              E,    None, I::None,          M | L | K},
    {0xf7,          g(3),            "neg",          neg,               E,    None, I::None,          M | L | S | K},
    {0xf7,          g(4),            "mul",          mul,               None, E,    I::None,          M | S | K},
    {0xf7,          g(5),            "imul",         imul1,             None, E,    I::None,          M | S | K},
    {0xf7,          g(6),            "div",          div,               None, E,    I::None,          M | S | K},
    {0xf7,          g(7),            "idiv",         idiv,              None, E,    I::None,          M | S | K},
    {0xf8,          any,             "clc",          clc,               None, None, I::None,          K},
    {0xf9,          any,             "stc",          stc,               None, None, I::None,          K},
    {0xfa,          any,             "cli",          cli,               None, None, I::None,          K},
    {0xfb,          any,             "sti",          sti,               None, None, I::None,          K},
    {0xfc,          any,             "cld",          cld,               None, None, I::None,          K},
    {0xfd,          any,             "std",          std_,              None, None, I::None,          K},
    {0xfe,          g(0),            "inc",          inc,               E,    None, I::None,          M | B | L | K},
    {0xfe,          g(1),            "dec",          dec,               E,    None, I::None,          M | B | L | K},
    {0xff,          g(0),            "inc",          inc,               E,    None, I::None,          M | L | K},
    {0xff,          g(1),            "dec",          dec,               E,    None, I::None,          M | L | K},
    {0xff,          g(2),            "call",         call,              None, E,    I::None,          M | NB | K},
    {0xff,          g(3) & mem,      "call_far",     call_far_memory,   None, E,    I::None,          M | K | R},
    {0xff,          g(4),            "jmp",          jmp,               None, E,    I::None,          M | NB | K},
    {0xff,          g(5) & mem,      "jmp_far",      jmp_far_memory,    None, E,    I::None,          M | K | R},
    {0xff,          g(6),            "push",         push,              None, E,    I::None,          M | D6 | K},

    {0x100,         g(0),            "sldt",         sldt,              E,    None, I::None,          M | P | K},
    {0x100,         g(1),            "str",          str,               E,    None, I::None,          M | P | K},
    {0x100,         g(2),            "lldt",         lldt,              None, E,    I::None,          M | P | K | Pr},
    {0x100,         g(3),            "ltr",          ltr,               None, E,    I::None,          M | P | K | Pr},
    {0x100,         g(4),            "verr",         verr,              None, E,    I::None,          M | P},
    {0x100,         g(5),            "verw",         verw,              None, E,    I::None,          M | P},
    {0x101,         mem & g(0),      "sgdt",         sgdt,              E,    None, I::None,          M | K},
    {0x101,         mem & g(1),      "sidt",         sidt,              E,    None, I::None,          M | K},
    {0x101,         mem & g(2),      "lgdt",         lgdt,              None, E,    I::None,          M | K | Pr},
    {0x101,         mem & g(3),      "lidt",         lidt,              None, E,    I::None,          M | K | Pr},
    {0x101,         g(4),            "smsw",         smsw,              E,    None, I::None,          M | K},
    {0x101,         g(6),            "lmsw",         lmsw,              None, E,    I::None,          M | K | Pr},
    {0x101,         mem & g(7),      "invlpg",       invlpg,            None, E,    I::None,          M | K | Pr},
    {0x101,         np & g(0) & rm(1), "vmcall",     virtualisation,    None, None, I::None,          M | NM | K | Pr},
    {0x101,         np & g(0) & rm(2), "vmlaunch",   virtualisation,    None, None, I::None,          M | NM},
    {0x101,         np & g(0) & rm(3), "vmresume",   virtualisation,    None, None, I::None,          M | NM},
    {0x101,         np & g(0) & rm(4), "vmxoff",     virtualisation,    None, None, I::None,          M | NM},
    {0x101,         np & g(1) & rm(0), "monitor",    monitor,           None, None, I::None,          M | K | Pr,              f::MONITOR},
    {0x101,         np & g(1) & rm(1), "mwait",      mwait,             None, None, I::None,          M | K | Pr,              f::MONITOR},
    {0x101,         np & g(1) & rm(2), "clac",       clac,              None, None, I::None,          M,                       f::SMAP},
    {0x101,         np & g(1) & rm(3), "stac",       stac,              None, None, I::None,          M,                       f::SMAP},
    {0x101,         np & g(2) & rm(0), "xgetbv",     xgetbv,            None, None, I::None,          M,                       f::XSAVE},
    {0x101,         np & g(2) & rm(1), "xsetbv",     xsetbv,            None, None, I::None,          M | K | Pr,              f::XSAVE},
    {0x101,         np & g(2) & rm(4), "vmfunc",     virtualisation,    None, None, I::None,          M | NM},
    {0x101,         g(3) & rm(0),    "vmrun",        virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(1),    "vmmcall",      virtualisation,    None, None, I::None,          M | NM | P | K,          f::SVM},
    {0x101,         g(3) & rm(2),    "vmload",       virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(3),    "vmsave",       virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(4),    "stgi",         virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(5),    "clgi",         virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(6),    "skinit",       virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         g(3) & rm(7),    "invlpga",      virtualisation,    None, None, I::None,          M | NM | P | K | Pr,     f::SVM},
    {0x101,         np & g(5) & rm(6), "rdpkru",     rdpkru,            None, None, I::None,          M,                       f::PKU},
    {0x101,         np & g(5) & rm(7), "wrpkru",     wrpkru,            None, None, I::None,          M,                       f::PKU},
    {0x101,         g(7) & rm(0),    "swapgs",       swapgs,            None, None, I::None,          M | O6},
    {0x101,         g(7) & rm(1),    "rdtscp",       rdtscp,            None, None, I::None,          M | K,                   f::RDTSCP},
    {0x101,         np & g(7) & rm(2), "monitorx",   amd_only,          None, None, I::None,          M | NM},
    {0x101,         np & g(7) & rm(3), "mwaitx",     amd_only,          None, None, I::None,          M | NM},
    {0x101,         g(7) & rm(4),    "clzero",       amd_only,          None, None, I::None,          M | NM},
    {0x101,         g(7) & rm(5),    "rdpru",        amd_only,          None, None, I::None,          M | NM},
    {0x102,         any,             "lar",          lar,               G,    E,    I::None,          M | P},
    {0x103,         any,             "lsl",          lsl,               G,    E,    I::None,          M | P},
    {0x105,         any,             "syscall",      syscall,           None, None, I::None,          R | K},
    {0x106,         any,             "clts",         clts,              None, None, I::None,          K | Pr},
    {0x107,         any,             "sysret",       sysret,            None, None, I::None,          kNone},
    {0x108,         any,             "invd",         invd,              None, None, I::None,          K | Pr},
    {0x109,         any,             "wbinvd",       wbinvd,            None, None, I::None,          K | Pr},
    {0x10b,         any,             "ud2",          undefined,         None, None, I::None,          kUndefined},
    {0x10d,         any,             "prefetchw",    prefetchw,         None, E,    I::None,          M | K},
    {0x110,         np,              "movups",       movu_load,         None, None, I::None,          M | kSse | K,            f::SSE},
    {0x110,         p66,             "movupd",       movu_load,         None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x110,         pF3,             "movss",        movss_load,        None, None, I::None,          M | kSse,                f::SSE},
    {0x110,         pF2,             "movsd",        movsd_load,        None, None, I::None,          M | kSse,                f::SSE2},
    {0x111,         np,              "movups",       movu_store,        None, None, I::None,          M | kSse | K,            f::SSE},
    {0x111,         p66,             "movupd",       movu_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x111,         pF3,             "movss",        movss_store,       None, None, I::None,          M | kSse,                f::SSE},
    {0x111,         pF2,             "movsd",        movsd_store,       None, None, I::None,          M | kSse,                f::SSE2},
    {0x112,         np & mem,        "movlps",       movl_load,         None, None, I::None,          M | kSse,                f::SSE},
    {0x112,         np & reg,        "movhlps",      movhlps,           None, None, I::None,          M | kSse,                f::SSE},
    {0x112,         p66 & mem,       "movlpd",       movl_load,         None, None, I::None,          M | kSse,                f::SSE2},
    {0x112,         pF3,             "movsldup",     movsldup,          None, None, I::None,          M | kSse,                f::SSE3},
    {0x112,         pF2,             "movddup",      movddup,           None, None, I::None,          M | kSse,                f::SSE3},
    {0x113,         np & mem,        "movlps",       movl_store,        None, None, I::None,          M | kSse,                f::SSE},
    {0x113,         p66 & mem,       "movlpd",       movl_store,        None, None, I::None,          M | kSse,                f::SSE2},
    {0x116,         np & mem,        "movhps",       movh_load,         None, None, I::None,          M | kSse,                f::SSE},
    {0x116,         np & reg,        "movlhps",      movlhps,           None, None, I::None,          M | kSse,                f::SSE},
    {0x116,         p66 & mem,       "movhpd",       movh_load,         None, None, I::None,          M | kSse,                f::SSE2},
    {0x116,         pF3,             "movshdup",     movshdup,          None, None, I::None,          M | kSse,                f::SSE3},
    {0x117,         np & mem,        "movhps",       movh_store,        None, None, I::None,          M | kSse,                f::SSE},
    {0x117,         p66 & mem,       "movhpd",       movh_store,        None, None, I::None,          M | kSse,                f::SSE2},
    {0x118,         any,             "prefetch",     nop,               None, None, I::None,          M | K},
    {{0x119, 6},    any,             "nop_ev",       nop,               None, None, I::None,          M},
    {0x11f,         any,             "nop_ev",       nop,               None, None, I::None,          M | K},
    {0x120,         any,             "mov_from_cr",  mov_from_cr,       None, None, I::None,          M | kForce64 | K | Pr},
    {0x121,         any,             "mov_from_dr",  mov_from_dr,       None, None, I::None,          M | kForce64 | K | Pr},
    {0x122,         any,             "mov_to_cr",    mov_to_cr,         None, None, I::None,          M | kForce64 | K | Pr},
    {0x123,         any,             "mov_to_dr",    mov_to_dr,         None, None, I::None,          M | kForce64 | K | Pr},
    {0x128,         np,              "movaps",       mova_load,         None, None, I::None,          M | kSse | K,            f::SSE},
    {0x128,         p66,             "movapd",       mova_load,         None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x129,         np,              "movaps",       mova_store,        None, None, I::None,          M | kSse | K,            f::SSE},
    {0x129,         p66,             "movapd",       mova_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x12b,         np & mem,        "movntps",      mova_store,        None, None, I::None,          M | kSse | K,            f::SSE},
    {0x12b,         p66 & mem,       "movntpd",      mova_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x12b,         pF3 & mem,       "movntss",      amd_only,          None, None, I::None,          M | NM},
    {0x12b,         pF2 & mem,       "movntsd",      amd_only,          None, None, I::None,          M | NM},
    {0x130,         any,             "wrmsr",        wrmsr,             None, None, I::None,          K | Pr,                  f::MSR},
    {0x131,         any,             "rdtsc",        rdtsc,             None, None, I::None,          K},
    {0x132,         any,             "rdmsr",        rdmsr,             None, None, I::None,          K | Pr,                  f::MSR},
    {0x133,         any,             "rdpmc",        rdpmc,             None, None, I::None,          K},
    {0x134,         any,             "sysenter",     sysenter,          None, None, I::None,          K,                       f::SEP},
    {0x135,         any,             "sysexit",      sysexit,           None, None, I::None,          K | Pr,                  f::SEP},
    {{0x140, 16},   any,             "cmov",         cmov,              G,    E,    I::None,          M | R | K,               f::CMOV},
    {0x150,         np & reg,        "movmskps",     movmskps,          None, None, I::None,          M | kSse,                f::SSE},
    {0x150,         p66 & reg,       "movmskpd",     movmskpd,          None, None, I::None,          M | kSse,                f::SSE2},
    {0x16e,         np,              "movd",         movd_to_mmx,       None, E,    I::None,          M | kMmx | kOp3264,      f::MMX},
    {0x16e,         p66,             "movd",         movd_to_xmm,       None, E,    I::None,          M | kSse | kOp3264,      f::SSE2},
    {0x16f,         np,              "movq",         movq_to_mmx,       None, None, I::None,          M | kMmx | K,            f::MMX},
    {0x16f,         p66,             "movdqa",       mova_load,         None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x16f,         pF3,             "movdqu",       movu_load,         None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x177,         np,              "emms",         emms,              None, None, I::None,          kMmx,                    f::MMX},
    {0x178,         np,              "vmread",       virtualisation,    None, None, I::None,          M | NM},
    {0x178,         p66 & g(0) & reg, "extrq",       amd_only,          None, None, I::Word,          M | NM},
    {0x178,         pF2 & reg,       "insertq",      amd_only,          None, None, I::Word,          M | NM},
    {0x179,         np,              "vmwrite",      virtualisation,    None, None, I::None,          M | NM},
    {0x179,         p66 & reg,       "extrq",        amd_only,          None, None, I::None,          M | NM},
    {0x179,         pF2 & reg,       "insertq",      amd_only,          None, None, I::None,          M | NM},
    {0x17e,         np,              "movd",         movd_from_mmx,     E,    None, I::None,          M | kMmx | kOp3264,      f::MMX},
    {0x17e,         p66,             "movd",         movd_from_xmm,     E,    None, I::None,          M | kSse | kOp3264,      f::SSE2},
    {0x17e,         pF3,             "movq",         movq_load,         None, None, I::None,          M | kSse,                f::SSE2},
    {0x17f,         np,              "movq",         movq_from_mmx,     None, None, I::None,          M | kMmx | K,            f::MMX},
    {0x17f,         p66,             "movdqa",       mova_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x17f,         pF3,             "movdqu",       movu_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {{0x180, 16},   any,             "jcc",          jcc,               None, Imm,  I::Full,          NB | R | K},
    {{0x190, 16},   any,             "setcc",        setcc,             E,    None, I::None,          M | B | R | K | Mv},
    {0x1a0,         any,             "push_fs",      push_segment,      None, None, I::None,          D6 | K},
    {0x1a1,         any,             "pop_fs",       pop_segment,       None, None, I::None,          D6 | K},
    {0x1a2,         any,             "cpuid",        cpuid,             None, None, I::None,          K},
    {0x1a3,         any,             "bt",           bt,                E,    G,    I::None,          M | K},
    {0x1a4,         any,             "shld",         shld,              E,    Imm,  I::UnsignedByte,  M | K},
    {0x1a5,         any,             "shld",         shld,              E,    Cl,   I::None,          M | K},
    {0x1a8,         any,             "push_gs",      push_segment,      None, None, I::None,          D6 | K},
    {0x1a9,         any,             "pop_gs",       pop_segment,       None, None, I::None,          D6 | K},
    {0x1aa,         any,             "rsm",          undefined,         None, None, I::None,          kUndefined | K},
    {0x1ab,         any,             "bts",          bts,               E,    G,    I::None,          M | L | K},
    {0x1ac,         any,             "shrd",         shrd,              E,    Imm,  I::UnsignedByte,  M | K},
    {0x1ad,         any,             "shrd",         shrd,              E,    Cl,   I::None,          M | K},
    {0x1ae,         np & mem & g(0), "fxsave",       fxsave,            None, None, I::None,          M | K,                   f::FXSR},
    {0x1ae,         np & mem & g(1), "fxrstor",      fxrstor,           None, None, I::None,          M | K,                   f::FXSR},
    {0x1ae,         np & mem & g(2), "ldmxcsr",      ldmxcsr,           None, None, I::None,          M | kSse,                f::SSE},
    {0x1ae,         np & mem & g(3), "stmxcsr",      stmxcsr,           None, None, I::None,          M | kSse,                f::SSE},
    {0x1ae,         np & mem & g(4), "xsave",        xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1ae,         np & mem & g(5), "xrstor",       xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1ae,         np & reg & g(5), "lfence",       nop,               None, None, I::None,          M,                       f::SSE2},
    {0x1ae,         np & mem & g(6), "xsaveopt",     xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1ae,         np & reg & g(6), "mfence",       nop,               None, None, I::None,          M,                       f::SSE2},
    {0x1ae,         np & mem & g(7), "clflush",      clflush,           None, None, I::None,          M | K,                   f::CLFSH},
    {0x1ae,         np & reg & g(7), "sfence",       nop,               None, None, I::None,          M,                       f::SSE},
    {0x1ae,         p66 & mem & g(6), "clwb",        clflush,           None, None, I::None,          M,                       f::CLWB},
    {0x1ae,         p66 & reg & g(6), "tpause",      waitpkg,           None, None, I::None,          M | NM,                  f::WAITPKG},
    {0x1ae,         p66 & mem & g(7), "clflushopt",  clflush,           None, None, I::None,          M | K,                   f::CLFLUSHOPT},
    {0x1ae,         pF3 & reg & g(0), "rdfsbase",    fs_gs_base,        E,    None, I::None,          M | O6 | kOp3264,        f::FSGSBASE},
    {0x1ae,         pF3 & reg & g(1), "rdgsbase",    fs_gs_base,        E,    None, I::None,          M | O6 | kOp3264,        f::FSGSBASE},
    {0x1ae,         pF3 & reg & g(2), "wrfsbase",    fs_gs_base,        None, E,    I::None,          M | O6 | kOp3264,        f::FSGSBASE},
    {0x1ae,         pF3 & reg & g(3), "wrgsbase",    fs_gs_base,        None, E,    I::None,          M | O6 | kOp3264,        f::FSGSBASE},
    {0x1ae,         pF3 & reg & g(6), "umonitor",    waitpkg,           None, None, I::None,          M | NM,                  f::WAITPKG},
    {0x1ae,         pF2 & reg & g(6), "umwait",      waitpkg,           None, None, I::None,          M | NM,                  f::WAITPKG},
    {0x1af,         any,             "imul",         imul2,             G,    E,    I::None,          M | S | K},
    {0x1b0,         any,             "cmpxchg",      cmpxchg,           E,    G,    I::None,          M | B | L | S | K},
    {0x1b1,         any,             "cmpxchg",      cmpxchg,           E,    G,    I::None,          M | L | S | K},
    {0x1b2,         mem,             "lss",          load_far_pointer,  G,    E,    I::None,          M | K},
    {0x1b3,         any,             "btr",          btr,               E,    G,    I::None,          M | L | K},
    {0x1b4,         mem,             "lfs",          load_far_pointer,  G,    E,    I::None,          M | K},
    {0x1b5,         mem,             "lgs",          load_far_pointer,  G,    E,    I::None,          M | K},
    {0x1b6,         any,             "movzx",        movzx,             G,    E,    I::None,          M | K | Mv},
    {0x1b7,         any,             "movzx",        movzx,             G,    E,    I::None,          M | K | Mv},
    {0x1b8,         pF3,             "popcnt",       popcnt,            G,    E,    I::None,          M | S,                   f::POPCNT},
    {0x1b9,         any,             "ud1",          undefined,         None, None, I::None,          M | kUndefined},
    {0x1ba,         g(4),            "bt",           bt,                E,    Imm,  I::UnsignedByte,  M | K},
    {0x1ba,         g(5),            "bts",          bts,               E,    Imm,  I::UnsignedByte,  M | L | K},
    {0x1ba,         g(6),            "btr",          btr,               E,    Imm,  I::UnsignedByte,  M | L | K},
    {0x1ba,         g(7),            "btc",          btc,               E,    Imm,  I::UnsignedByte,  M | L | K},
    {0x1bb,         any,             "btc",          btc,               E,    G,    I::None,          M | L | K},
    {0x1bc,         nF3,             "bsf",          bsf,               G,    E,    I::None,          M | S | K},
    {0x1bc,         pF3,             "tzcnt",        tzcnt,             G,    E,    I::None,          M | S | K},
    {0x1bd,         nF3,             "bsr",          bsr,               G,    E,    I::None,          M | S | K},
    {0x1bd,         pF3,             "lzcnt",        lzcnt,             G,    E,    I::None,          M | S | K},
    {0x1be,         any,             "movsx",        movsx,             G,    E,    I::None,          M | K | Mv},
    {0x1bf,         any,             "movsx",        movsx,             G,    E,    I::None,          M | K | Mv},
    {0x1c0,         any,             "xadd",         xadd,              E,    G,    I::None,          M | B | L | S | K},
    {0x1c1,         any,             "xadd",         xadd,              E,    G,    I::None,          M | L | S | K},
    {0x1c3,         np & mem,        "movnti",       movnti,            None, None, I::None,          M | kOp3264 | K,         f::SSE2},
    {0x1c7,         mem & g(1),      "cmpxchg8b",    cmpxchg8b,         None, None, I::None,          M | L | K,               f::CX8},
    {0x1c7,         np & mem & g(3), "xrstors",      xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1c7,         np & mem & g(4), "xsavec",       xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1c7,         np & mem & g(5), "xsaves",       xsave,             None, None, I::None,          M | NM,                  f::XSAVE},
    {0x1c7,         np & mem & g(6), "vmptrld",      virtualisation,    None, None, I::None,          M | NM},
    {0x1c7,         p66 & mem & g(6), "vmclear",     virtualisation,    None, None, I::None,          M | NM},
    {0x1c7,         pF3 & mem & g(6), "vmxon",       virtualisation,    None, None, I::None,          M | NM},
    {0x1c7,         np66 & reg & g(6), "rdrand",     rdrand,            None, None, I::None,          M | NM,                  f::RDRAND},
    {0x1c7,         np & mem & g(7), "vmptrst",      virtualisation,    None, None, I::None,          M | NM},
    {0x1c7,         np66 & reg & g(7), "rdseed",     rdrand,            None, None, I::None,          M | NM,                  f::RDSEED},
    {0x1c7,         pF3 & reg & g(7), "rdpid",       rdpid,             None, None, I::None,          M | K,                   f::RDPID},
    {{0x1c8, 8},    any,             "bswap",        bswap,             Z,    None, I::None,          K},
    {0x1d6,         p66,             "movq",         movq_store,        None, None, I::None,          M | kSse,                f::SSE2},
    {0x1d6,         pF3 & reg,       "movq2dq",      movq2dq,           None, None, I::None,          M | kSse | kMmx,         f::SSE2},
    {0x1d6,         pF2 & reg,       "movdq2q",      movdq2q,           None, None, I::None,          M | kSse | kMmx,         f::SSE2},
    {0x1d7,         np & reg,        "pmovmskb",     pmovmskb_mmx,      None, None, I::None,          M | kMmx,                f::SSE},
    {0x1d7,         p66 & reg,       "pmovmskb",     pmovmskb,          None, None, I::None,          M | kSse,                f::SSE2},
    {0x1e7,         np & mem,        "movntq",       movq_from_mmx,     None, None, I::None,          M | kMmx,                f::SSE},
    {0x1e7,         p66 & mem,       "movntdq",      mova_store,        None, None, I::None,          M | kSse | K,            f::SSE2},
    {0x1f0,         pF2 & mem,       "lddqu",        movu_load,         None, None, I::None,          M | kSse,                f::SSE3},
    {0x1ff,         any,             "ud0",          undefined,         None, None, I::None,          M | kUndefined},

    {0x22a,         p66 & mem,       "movntdqa",     mova_load,         None, None, I::None,          M | kSse,                f::SSE41},
    {0x280,         p66 & mem,       "invept",       virtualisation,    None, None, I::None,          M | NM},
    {0x281,         p66 & mem,       "invvpid",      virtualisation,    None, None, I::None,          M | NM},
    {0x282,         p66 & mem,       "invpcid",      invpcid,           None, None, I::None,          M,                       f::INVPCID},
    {0x2f0,         np66,            "movbe",        movbe,             G,    E,    I::None,          M | K,                   f::MOVBE},
    {0x2f0,         pF2,             "crc32",        crc32_byte,        G,    E,    I::None,          M,                       f::SSE42},
    {0x2f1,         np66,            "movbe",        movbe,             E,    G,    I::None,          M | K,                   f::MOVBE},
    {0x2f1,         pF2,             "crc32",        crc32_full,        G,    E,    I::None,          M,                       f::SSE42},
    {0x2f6,         p66,             "adcx",         adcx,              G,    E,    I::None,          M | kOp3264 | R,         f::ADX},
    {0x2f6,         pF3,             "adox",         adox,              G,    E,    I::None,          M | kOp3264 | R,         f::ADX},
    {0x2f8,         p66 & mem,       "movdir64b",    movdir64b,         None, None, I::None,          M,                       f::MOVDIR64B},
    {0x2f9,         np & mem,        "movdiri",      movdiri,           None, None, I::None,          M | kOp3264,             f::MOVDIRI},

    {0x6f2,         np & L0,         "andn",         andn,              G,    E,    I::None,          M | V | P,               f::BMI1},
    {0x6f3,         np & L0 & g(1),  "blsr",         blsr,              None, E,    I::None,          M | V | P,               f::BMI1},
    {0x6f3,         np & L0 & g(2),  "blsmsk",       blsmsk,            None, E,    I::None,          M | V | P,               f::BMI1},
    {0x6f3,         np & L0 & g(3),  "blsi",         blsi,              None, E,    I::None,          M | V | P,               f::BMI1},
    {0x6f5,         np & L0,         "bzhi",         bzhi,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f5,         pF3 & L0,        "pext",         pext,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f5,         pF2 & L0,        "pdep",         pdep,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f6,         pF2 & L0,        "mulx",         mulx,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f7,         np & L0,         "bextr",        bextr,             G,    E,    I::None,          M | V | P,               f::BMI1},
    {0x6f7,         p66 & L0,        "shlx",         shlx,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f7,         pF3 & L0,        "sarx",         sarx,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x6f7,         pF2 & L0,        "shrx",         shrx,              G,    E,    I::None,          M | V | P,               f::BMI2},
    {0x7f0,         pF2 & L0,        "rorx",         rorx,              G,    E,    I::UnsignedByte,  M | P,                   f::BMI2},
};
// clang-format on
#undef ALU
#undef GROUP1
#undef GROUP2

constexpr bool is_sorted() {
  for (std::size_t i = 1; i < std::size(kRows); ++i)
    if (kRows[i].opcodes.first < kRows[i - 1].opcodes.first) return false;
  return true;
}
static_assert(is_sorted());

void add_row(OpcodeEntry& e, const OpcodeRow& row) {
  e.mod_rm |= row.has(kModRm);
  e.in_64 |= !row.has(kNo64);
  e.outside_64 |= !row.has(kOnly64);
}

constexpr std::size_t kOpcodes = 0x800;
std::array<OpcodeEntry, kOpcodes> make_index() {
  std::array<OpcodeEntry, kOpcodes> index;
  const auto rows = integer_rows(), simd = simd_rows();
  for (std::size_t n = 0; n < rows.size(); ++n)
    for (unsigned k = 0; k < rows[n].opcodes.count; ++k) {
      OpcodeEntry& e = index[rows[n].opcodes.first + k];
      if (e.count++ == 0) e.first = static_cast<u16>(n);
      add_row(e, rows[n]);
    }
  for (std::size_t n = 0; n < simd.size(); ++n)
    for (unsigned k = 0; k < simd[n].opcodes.count; ++k) {
      OpcodeEntry& e = index[simd[n].opcodes.first + k];
      if (e.simd_count++ == 0) e.simd_first = static_cast<u16>(n);
      add_row(e, simd[n]);
    }
  return index;
}

}  // namespace

std::span<const OpcodeRow> integer_rows() { return kRows; }

const OpcodeEntry& opcode_entry(std::uint16_t opcode) {
  static const std::array<OpcodeEntry, kOpcodes> kIndex = make_index();
  return kIndex[opcode];
}

}  // namespace diffvisor::x86
