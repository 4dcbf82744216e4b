// SPDX-License-Identifier: Apache-2.0
// Instructions by rows: what they make of registers, flags and memory, and how they end.
#include "models/x86/emulator/instructions.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "models/x86/arch_model.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;
using insn::kCode;
using insn::kCompatibility32;
using insn::kData;
using insn::kLong64;
using insn::kProtected16;
using insn::kProtected32;
using insn::kReal16;
using insn::kStack;
using insn::OutcomeKind;

constexpr insn::Outcome kDone = insn::make_outcome(OutcomeKind::Done);
constexpr insn::Outcome fault(unsigned vector) { return insn::make_outcome(OutcomeKind::Exception, vector); }

struct Value {
  unsigned slot;
  u64 value;
};
// Pseudo-slots of expectations: a qword of memory that changed.
constexpr unsigned kMemory = 0x1000;
constexpr unsigned memory(u64 offset) { return kMemory + static_cast<unsigned>(offset); }  // from kData

struct Row {
  const char* what;
  unsigned mode;
  std::vector<u8> code;
  std::vector<Value> before;
  insn::Outcome outcome;
  std::vector<Value> after;
  u64 undefined = 0;  // status flags
};

Case case_of(const Row& row) {
  Case c = golden_case(insn::schema());
  c.v[insn::ModeOf] = row.mode;
  reset_to_golden(c);
  for (const Value& b : row.before) c.v[b.slot] = b.value;
  insn::settle(c.v.data());
  c.areas[insn::kCodeArea].clear();
  for (const u8 b : row.code) c.areas[insn::kCodeArea].push_back(std::byte{b});
  return c;
}

Observation run(const Row& row, const Quirks& quirks = {}) {
  X86Model model({}, quirks);
  std::vector<Case> cases = {case_of(row)};
  std::vector<Observation> out(1);
  model.submit(cases, out);
  return out[0];
}

u64 memory_at(const Observation& o, u64 address) {
  for (unsigned n = 0; n < insn::kMemoryShown; ++n)
    if (o.record[insn::kMemoryAddress + n] == address) return o.record[insn::kMemoryValue + n];
  return 0xbad;
}

u64 observed(const Observation& o, unsigned slot) {
  if (slot >= kMemory) return memory_at(o, kData + slot - kMemory);
  const u64 value = o.record[slot - insn::kFirstState];
  return slot == insn::Rflags ? value & insn::rflags::kStatus & ~o.loose[0].bits : value;
}

void expect(const Row& row, const Observation& o) {
  SCOPED_TRACE(row.what);
  ASSERT_EQ(o.status, Status::Ran) << o.reason;
  EXPECT_EQ(insn::outcome_text(o.outcome), insn::outcome_text(row.outcome));
  for (const Value& a : row.after) EXPECT_EQ(observed(o, a.slot), a.value) << "slot " << a.slot;
  EXPECT_EQ(o.loose[0].slot == insn::Rflags - insn::kFirstState ? o.loose[0].bits : 0, row.undefined);
}

using namespace insn;
constexpr u64 kMinus = ~u64{0};

// clang-format off
const Row kArithmetic[] = {
    {"add carries", kLong64, {0x48, 0x01, 0xc8}, {{Rax, kMinus}, {Rcx, 1}}, kDone, {{Rax, 0}, {Rflags, C | P | A | Z}}},
    {"add overflows", kLong64, {0x01, 0xc8}, {{Rax, 0x7fffffff}, {Rcx, 1}}, kDone, {{Rax, 0x80000000}, {Rflags, P | A | S | O}}},
    {"32-bit results clear the upper half", kLong64, {0x01, 0xc8}, {{Rax, kMinus << 32}, {Rcx, 1}}, kDone, {{Rax, 1}}},
    {"16-bit results keep it", kLong64, {0x66, 0x01, 0xc8}, {{Rax, 0x11112222ffff}, {Rcx, 1}}, kDone, {{Rax, 0x111122220000}}},
    {"ah without rex", kLong64, {0x00, 0xc4}, {{Rax, 0x1234}}, kDone, {{Rax, 0x4634}}},
    {"spl with rex", kLong64, {0x40, 0x00, 0xc4}, {{Rax, 1}, {Rsp, 0x30010}}, kDone, {{Rsp, 0x30011}}},
    {"adc takes the carry", kLong64, {0x11, 0xc8}, {{Rax, 1}, {Rcx, 1}, {Rflags, 2 | C}}, kDone, {{Rax, 3}}},
    {"sbb borrows", kLong64, {0x19, 0xc8}, {{Rax, 0}, {Rcx, 0}, {Rflags, 2 | C}}, kDone, {{Rax, 0xffffffff}, {Rflags, C | P | A | S}}},
    {"sub of memory", kLong64, {0x29, 0x03}, {{Rbx, kStack}, {Rax, 1}}, kDone, {{Rflags, C | P | A | S}}},
    {"cmp writes nothing", kLong64, {0x39, 0xc8}, {{Rax, 5}, {Rcx, 5}}, kDone, {{Rax, 5}, {Rflags, Z | P}}},
    {"and clears carry", kLong64, {0x21, 0xc8}, {{Rax, 6}, {Rcx, 3}, {Rflags, 2 | C | O}}, kDone, {{Rax, 2}, {Rflags, 0}}, A},
    {"xor", kLong64, {0x31, 0xc0}, {{Rax, 6}}, kDone, {{Rax, 0}, {Rflags, Z | P}}, A},
    {"test", kLong64, {0xa8, 0x80}, {{Rax, 0x80}}, kDone, {{Rflags, S}}, A},
    {"inc keeps carry", kLong64, {0xff, 0xc0}, {{Rax, 0xffffffff}, {Rflags, 2 | C}}, kDone, {{Rax, 0}, {Rflags, C | P | A | Z}}},
    {"dec of memory", kLong64, {0xfe, 0x0b}, {{Rbx, kStack}}, kDone, {{Rflags, P | A | S}}},
    {"neg of 0 has no carry", kLong64, {0xf7, 0xd8}, {{Rax, 0}, {Rflags, 2 | C}}, kDone, {{Rflags, Z | P}}},
    {"not leaves flags", kLong64, {0xf6, 0xd0}, {{Rax, 0x0f}, {Rflags, 2 | C}}, kDone, {{Rax, 0xf0}, {Rflags, C}}},
    {"adcx", kLong64, {0x66, 0x0f, 0x38, 0xf6, 0xc1}, {{Rax, 0xffffffff}, {Rcx, 1}, {Rflags, 2 | O | Z}}, kDone, {{Rax, 0}, {Rflags, C | O | Z}}},
    {"adox", kLong64, {0xf3, 0x0f, 0x38, 0xf6, 0xc1}, {{Rax, 1}, {Rcx, 1}, {Rflags, 2 | C | O}}, kDone, {{Rax, 3}, {Rflags, C}}},
    {"xadd of one register", kLong64, {0x0f, 0xc1, 0xc0}, {{Rax, 3}}, kDone, {{Rax, 6}}},
    {"xchg eax, eax as 87", kLong64, {0x87, 0xc0}, {{Rax, kMinus}}, kDone, {{Rax, 0xffffffff}}},
    {"90 is a nop", kLong64, {0x90}, {{Rax, kMinus}}, kDone, {{Rax, kMinus}}},
    {"90 with rex.b is not", kLong64, {0x49, 0x90}, {{Rax, 1}, {R8, 2}}, kDone, {{Rax, 2}, {R8, 1}}},
    {"cmpxchg equal", kLong64, {0x0f, 0xb1, 0xcb}, {{Rax, 5}, {Rbx, 5}, {Rcx, 9}}, kDone, {{Rax, 5}, {Rbx, 9}, {Rflags, Z | P}}},
    {"cmpxchg different", kLong64, {0x0f, 0xb1, 0xcb}, {{Rax, kMinus}, {Rbx, kMinus << 32 | 5}, {Rcx, 9}}, kDone, {{Rax, 5}, {Rbx, kMinus << 32 | 5}}},
    {"cmpxchg8b", kLong64, {0x0f, 0xc7, 0x0b}, {{Rbx, kStack}, {Rcx, 7}}, kDone, {{Rflags, Z}}},
    {"cmpxchg16b must be aligned", kLong64, {0x48, 0x0f, 0xc7, 0x0b}, {{Rbx, kStack + 8}}, fault(kGP), {{Rbx, kStack + 8}}},
    {"alignment comes before canonicality", kLong64, {0x48, 0x0f, 0xc7, 0x4d, 0x00}, {{Rbp, u64{1} << 62 | 8}}, fault(kGP), {{Rip, kCode}}},
};
const Row kShifts[] = {
    {"shl by 1", kLong64, {0xd1, 0xe0}, {{Rax, 0xc0000000}}, kDone, {{Rax, 0x80000000}, {Rflags, C | P | S}}, A},
    {"shl by 0 leaves flags", kLong64, {0xc1, 0xe0, 0x20}, {{Rax, kMinus}, {Rflags, 2 | Z}}, kDone, {{Rax, 0xffffffff}, {Rflags, Z}}},
    {"sar", kLong64, {0xc1, 0xf8, 0x04}, {{Rax, 0x80000018}}, kDone, {{Rax, 0xf8000001}, {Rflags, C | S}}, A | O},
    {"shr of a byte by its size", kLong64, {0xc0, 0xe8, 0x08}, {{Rax, 0x80}}, kDone, {{Rax, 0}, {Rflags, Z | P}}, A | O | C},
    {"shl by 63", kLong64, {0x48, 0xc1, 0xe0, 0x3f}, {{Rax, 3}}, kDone, {{Rax, u64{1} << 63}, {Rflags, C | P | S}}, A | O},
    {"rol by 1", kLong64, {0xd0, 0xc0}, {{Rax, 0x81}}, kDone, {{Rax, 3}, {Rflags, C | O}}},
    {"rol of a byte by 8", kLong64, {0xc0, 0xc0, 0x08}, {{Rax, 0x81}}, kDone, {{Rax, 0x81}, {Rflags, C}}, O},
    {"rcl by 9 of a byte changes nothing", kLong64, {0xc0, 0xd0, 0x09}, {{Rax, 0x81}, {Rflags, 2 | C}}, kDone, {{Rax, 0x81}, {Rflags, C}}, O},
    {"rcr by 1", kLong64, {0xd1, 0xd8}, {{Rax, 1}}, kDone, {{Rax, 0}, {Rflags, C}}},
    {"shld", kLong64, {0x0f, 0xa4, 0xc8, 0x08}, {{Rax, 0x12345678}, {Rcx, 0xab000000}}, kDone, {{Rax, 0x345678ab}}, A | O},
    {"shrd of 16 by more", kLong64, {0x66, 0x0f, 0xac, 0xc8, 0x11}, {}, kDone, {}, C | P | A | Z | S | O},
};
const Row kProducts[] = {
    {"mul", kLong64, {0xf7, 0xe1}, {{Rax, 0xffffffff}, {Rcx, 0xffffffff}}, kDone, {{Rax, 1}, {Rdx, 0xfffffffe}, {Rflags, C | O}}, P | A | Z | S},
    {"mul of bytes", kLong64, {0xf6, 0xe1}, {{Rax, 0x1110}, {Rcx, 0x10}}, kDone, {{Rax, 0x0100}}, P | A | Z | S},
    {"imul fits", kLong64, {0x0f, 0xaf, 0xc1}, {{Rax, 0xfffffffe}, {Rcx, 3}}, kDone, {{Rax, 0xfffffffa}, {Rflags, 0}}, P | A | Z | S},
    {"imul with 3 operands", kLong64, {0x6b, 0xc1, 0xff}, {{Rcx, 5}}, kDone, {{Rax, 0xfffffffb}}, P | A | Z | S},
    {"div of 128 bits", kLong64, {0x48, 0xf7, 0xf1}, {{Rdx, 1}, {Rax, 0}, {Rcx, 2}}, kDone, {{Rax, u64{1} << 63}, {Rdx, 0}}, kStatus},
    {"div overflow", kLong64, {0x48, 0xf7, 0xf1}, {{Rdx, 2}, {Rcx, 2}}, fault(kDE), {{Rdx, 2}}},
    {"div by 0", kLong64, {0xf6, 0xf1}, {{Rcx, 0}}, fault(kDE), {}},
    {"idiv truncates to 0", kLong64, {0xf7, 0xf9}, {{Rax, 0xfffffff9}, {Rdx, 0xffffffff}, {Rcx, 2}}, kDone, {{Rax, 0xfffffffd}, {Rdx, 0xffffffff}}, kStatus},
    {"idiv of the least by -1", kLong64, {0xf7, 0xf9}, {{Rax, 0x80000000}, {Rdx, 0xffffffff}, {Rcx, 0xffffffff}}, fault(kDE), {}},
    {"idiv of the least 128 bits", kLong64, {0x48, 0xf7, 0xf9}, {{Rdx, u64{1} << 63}, {Rcx, kMinus}}, fault(kDE), {}},
    {"mulx", kLong64, {0xc4, 0xe2, 0x73, 0xf6, 0xc3}, {{Rdx, 0xffffffff}, {Rbx, 2}}, kDone, {{Rax, 1}, {Rcx, 0xfffffffe}}},
    {"daa", kProtected32, {0x27}, {{Rax, 0x9a}}, kDone, {{Rax, 0}, {Rflags, C | P | A | Z}}, O},
    {"das", kProtected32, {0x2f}, {{Rax, 0x05}, {Rflags, 2 | A}}, kDone, {{Rax, 0xff}, {Rflags, C | P | A | S}}, O},
    {"aaa", kProtected32, {0x37}, {{Rax, 0x00ff}}, kDone, {{Rax, 0x0205}, {Rflags, C | A}}, P | Z | S | O},
    {"aas", kProtected32, {0x3f}, {{Rax, 0x0200}, {Rflags, 2 | A}}, kDone, {{Rax, 0x000a}, {Rflags, C | A}}, P | Z | S | O},
    {"aam", kProtected32, {0xd4, 0x0a}, {{Rax, 123}}, kDone, {{Rax, 0x0c03}, {Rflags, P}}, C | A | O},
    {"aam 0", kProtected32, {0xd4, 0x00}, {}, fault(kDE), {}},
    {"aad", kProtected32, {0xd5, 0x0a}, {{Rax, 0x0c03}}, kDone, {{Rax, 123}, {Rflags, P}}, C | A | O},
    {"salc", kProtected32, {0xd6}, {{Rflags, 2 | C}}, kDone, {{Rax, 0xff}, {Rflags, C}}},
};
const Row kBits[] = {
    {"bt beyond the operand", kLong64, {0x0f, 0xa3, 0x0b}, {{Rbx, kStack + 8}, {Rcx, kMinus}}, kDone, {{Rflags, 0}}, P | A | S | O},
    {"bts of memory before it", kLong64, {0x48, 0x0f, 0xab, 0x0b}, {{Rbx, kStack + 8}, {Rcx, kMinus}}, kDone, {{Rflags, 0}}, P | A | S | O},
    {"btc immediate", kLong64, {0x0f, 0xba, 0xf8, 0x21}, {{Rax, 2}}, kDone, {{Rax, 0}, {Rflags, C}}, P | A | S | O},
    {"bsf", kLong64, {0x0f, 0xbc, 0xc1}, {{Rcx, 0x50}}, kDone, {{Rax, 4}, {Rflags, 0}}, C | P | A | S | O},
    {"bsr", kLong64, {0x0f, 0xbd, 0xc1}, {{Rcx, 0x50}}, kDone, {{Rax, 6}}, C | P | A | S | O},
    {"tzcnt of 0", kLong64, {0xf3, 0x0f, 0xbc, 0xc1}, {{Rcx, 0}}, kDone, {{Rax, 32}, {Rflags, C}}, P | A | S | O},
    {"lzcnt of 16 bits", kLong64, {0x66, 0xf3, 0x0f, 0xbd, 0xc1}, {{Rcx, 1}}, kDone, {{Rax, 15}, {Rflags, 0}}, P | A | S | O},
    {"popcnt", kLong64, {0xf3, 0x0f, 0xb8, 0xc1}, {{Rcx, 0xff01}}, kDone, {{Rax, 9}, {Rflags, 0}}},
    {"bswap", kLong64, {0x48, 0x0f, 0xc8}, {{Rax, 0x0102030405060708}}, kDone, {{Rax, 0x0807060504030201}}},
    {"movbe between registers", kLong64, {0x0f, 0x38, 0xf0, 0xc1}, {}, fault(kUD), {}},
    {"crc32", kLong64, {0xf2, 0x0f, 0x38, 0xf0, 0xc1}, {{Rax, 0xffffffff}, {Rcx, 'a'}}, kDone, {{Rax, 0x3e2fbccf}}},
    {"andn", kLong64, {0xc4, 0xe2, 0x70, 0xf2, 0xc3}, {{Rcx, 0xf0}, {Rbx, 0xff}}, kDone, {{Rax, 0x0f}, {Rflags, 0}}, P | A},
    {"bextr", kLong64, {0xc4, 0xe2, 0x70, 0xf7, 0xc3}, {{Rcx, 0x0804}, {Rbx, 0xabcd}}, kDone, {{Rax, 0xbc}, {Rflags, 0}}, P | A | S},
    {"blsi", kLong64, {0xc4, 0xe2, 0x78, 0xf3, 0xd9}, {{Rcx, 0x58}}, kDone, {{Rax, 8}, {Rflags, C}}, P | A},
    {"blsr", kLong64, {0xc4, 0xe2, 0x78, 0xf3, 0xc9}, {{Rcx, 0x58}}, kDone, {{Rax, 0x50}, {Rflags, 0}}, P | A},
    {"blsmsk of 0", kLong64, {0xc4, 0xe2, 0x78, 0xf3, 0xd1}, {{Rcx, 0}}, kDone, {{Rax, 0xffffffff}, {Rflags, C | S}}, P | A},
    {"bzhi beyond", kLong64, {0xc4, 0xe2, 0x70, 0xf5, 0xc3}, {{Rcx, 32}, {Rbx, 5}}, kDone, {{Rax, 5}, {Rflags, C}}, P | A},
    {"pext", kLong64, {0xc4, 0xe2, 0x72, 0xf5, 0xc3}, {{Rcx, 0xabcd}, {Rbx, 0xf0f0}}, kDone, {{Rax, 0xac}}},
    {"pdep", kLong64, {0xc4, 0xe2, 0x73, 0xf5, 0xc3}, {{Rcx, 0xac}, {Rbx, 0xf0f0}}, kDone, {{Rax, 0xa0c0}}},
    {"rorx", kLong64, {0xc4, 0xe3, 0x7b, 0xf0, 0xc1, 4}, {{Rcx, 0xf}}, kDone, {{Rax, 0xf0000000}}},
    {"sarx", kLong64, {0xc4, 0xe2, 0x72, 0xf7, 0xc3}, {{Rcx, 33}, {Rbx, 0x80000000}}, kDone, {{Rax, 0xc0000000}}},
};
const Row kMoves[] = {
    {"movsx", kLong64, {0x48, 0x0f, 0xbe, 0xc1}, {{Rcx, 0x80}}, kDone, {{Rax, ~u64{0x7f}}}},
    {"movsxd", kLong64, {0x48, 0x63, 0xc1}, {{Rcx, 0x80000000}}, kDone, {{Rax, 0xffffffff80000000}}},
    {"cwde", kLong64, {0x98}, {{Rax, 0x8000}}, kDone, {{Rax, 0xffff8000}}},
    {"cqo", kLong64, {0x48, 0x99}, {{Rax, u64{1} << 63}}, kDone, {{Rdx, kMinus}}},
    {"lea wraps with the address size", kLong64, {0x67, 0x48, 0x8d, 0x41, 0xff}, {{Rcx, 0}}, kDone, {{Rax, 0xffffffff}}},
    {"lea rip", kLong64, {0x48, 0x8d, 0x05, 1, 0, 0, 0}, {}, kDone, {{Rax, kCode + 8}}},
    {"cmov that does not", kLong64, {0x0f, 0x44, 0xc1}, {{Rax, kMinus}, {Rcx, 1}}, kDone, {{Rax, 0xffffffff}}},
    {"setcc", kLong64, {0x0f, 0x94, 0xc0}, {{Rax, 0x1200}, {Rflags, 2 | Z}}, kDone, {{Rax, 0x1201}}},
    {"xlat", kLong64, {0xd7}, {{Rbx, kStack}, {Rax, 0x55}}, kDone, {{Rax, 0}}},
    {"lahf", kLong64, {0x9f}, {{Rflags, 2 | C | S}}, kDone, {{Rax, 0x8300}}},
    {"sahf", kLong64, {0x9e}, {{Rax, 0xff00}}, kDone, {{Rflags, C | P | A | Z | S}}},
    {"mov to memory", kLong64, {0xc7, 0x43, 0x08, 1, 2, 3, 4}, {{Rbx, kData}}, kDone, {{Rbx, kData}}},
    {"movups", kLong64, {0x0f, 0x10, 0xc1}, {{Xmm + 2, 7}, {Xmm + 3, 8}}, kDone, {{Xmm, 7}, {Xmm + 1, 8}}},
    {"movaps must be aligned", kLong64, {0x0f, 0x28, 0x03}, {{Rbx, kData + 8}}, fault(kGP), {}},
    {"movss keeps the rest", kLong64, {0xf3, 0x0f, 0x10, 0xc1}, {{Xmm, kMinus}, {Xmm + 2, 7}}, kDone, {{Xmm, kMinus << 32 | 7}}},
    {"movq clears the rest", kLong64, {0xf3, 0x0f, 0x7e, 0xc1}, {{Xmm + 1, 9}, {Xmm + 2, 7}}, kDone, {{Xmm, 7}, {Xmm + 1, 0}}},
    {"movhlps", kLong64, {0x0f, 0x12, 0xc1}, {{Xmm + 1, 9}, {Xmm + 3, 7}}, kDone, {{Xmm, 7}, {Xmm + 1, 9}}},
    {"movmskpd", kLong64, {0x66, 0x0f, 0x50, 0xc1}, {{Xmm + 3, kMinus}}, kDone, {{Rax, 2}}},
    {"pmovmskb", kLong64, {0x66, 0x0f, 0xd7, 0xc1}, {{Xmm + 2, 0x8000000000000080}, {Xmm + 3, 0x80}}, kDone, {{Rax, 0x181}}},
    {"movd marks the x87 registers", kLong64, {0x0f, 0x6e, 0xc9}, {{Rcx, 5}, {Fsw, 0x3800}}, kDone, {{Mm + 1, 5}, {Ftw, 0xff}, {Fsw, 0}}},
    {"emms", kLong64, {0x0f, 0x77}, {{Ftw, 0xff}}, kDone, {{Ftw, 0}}},
    {"sse without osfxsr", kLong64, {0x0f, 0x28, 0xc1}, {{Cr4, 0x20}}, fault(kUD), {}},
    {"sse under ts", kLong64, {0x0f, 0x28, 0xc1}, {{Cr0, 0x80000039}}, fault(kNM), {}},
    {"mmx with a pending error", kLong64, {0x0f, 0x77}, {{Fcw, 0x37e}, {Fsw, 1}}, fault(kMF), {}},
    {"fninit", kLong64, {0xdb, 0xe3}, {{Fcw, 0}, {Ftw, 3}}, kDone, {{Fcw, 0x37f}, {Ftw, 0}}},
    {"fnstsw", kLong64, {0xdf, 0xe0}, {{Fsw, 0x3800}}, kDone, {{Rax, 0x3800}}},
    {"ldmxcsr with reserved bits", kLong64, {0x0f, 0xae, 0x13}, {{Rbx, kCode}}, fault(kGP), {}},
};
const Row kStackRows[] = {
    {"push rsp is the old one", kLong64, {0x54}, {{Rsp, kData + 16}}, kDone, {{Rsp, kData + 8}, {memory(8), kData + 16}}},
    {"push of a sign-extended byte", kLong64, {0x6a, 0xff}, {{Rsp, kData + 16}}, kDone, {{memory(8), kMinus}}},
    {"pop to memory uses the new rsp", kLong64, {0x8f, 0x04, 0x24}, {{Rsp, kStack}}, kDone, {{Rsp, kStack + 8}}},
    {"pop rsp", kLong64, {0x5c}, {{Rsp, kStack}}, kDone, {{Rsp, 0}}},
    {"pusha", kProtected32, {0x60}, {{Rsp, kData + 0x40}, {Rax, 1}, {Rcx, 2}}, kDone, {{Rsp, kData + 0x20}, {memory(0x38), u64{1} << 32 | 2}}},
    {"popa skips esp", kProtected32, {0x61}, {{Rsp, kStack}, {Rax, 1}}, kDone, {{Rsp, kStack + 32}, {Rax, 0}}},
    {"enter 0", kLong64, {0xc8, 0x10, 0, 0}, {{Rsp, kStack + 0x100}, {Rbp, 5}}, kDone, {{Rbp, kStack + 0xf8}, {Rsp, kStack + 0xe8}}},
    {"enter 2", kLong64, {0xc8, 0, 0, 2}, {{Rsp, kData + 0x100}, {Rbp, kStack + 8}}, kDone,
     {{Rbp, kData + 0xf8}, {Rsp, kData + 0xe8}, {memory(0xf8), kStack + 8}, {memory(0xf0), 0}, {memory(0xe8), kData + 0xf8}}},
    {"enter with 32 bits on a 16-bit stack", kProtected32, {0xc8, 0, 0, 0}, {{Rsp, 0x30100}, {SsAttr, 0x93}, {SsLimit, 0xffff}}, kDone, {{Rbp, 0x300fc}, {Rsp, 0x300fc}}},
    {"leave", kLong64, {0xc9}, {{Rbp, kStack + 8}}, kDone, {{Rsp, kStack + 16}, {Rbp, 0}}},
    {"call", kLong64, {0xe8, 0x10, 0, 0, 0}, {{Rsp, kData + 8}}, kDone, {{Rip, kCode + 0x15}, {memory(0), kCode + 5}}},
    {"call to nowhere has pushed", kLong64, {0xff, 0xd0}, {{Rax, u64{1} << 62}, {Rsp, kData + 8}}, fault(kGP), {{Rip, kCode}, {Rsp, kData + 8}, {memory(0), kCode + 2}}},
    {"fnstsw ax has no r8", kLong64, {0x41, 0xdf, 0xe0}, {{Fsw, 0x3800}}, kDone, {{Rax, 0x3800}, {R8, 0}}},
    {"pause has no rex.b", kLong64, {0xf3, 0x41, 0x90}, {{R8, 5}}, kDone, {{Rax, 0}, {R8, 5}}},
    {"ret n", kLong64, {0xc2, 0, 0x80}, {{Rsp, kStack}}, kDone, {{Rip, 0}, {Rsp, kStack + 0x8008}}},
    {"jcc not taken", kLong64, {0x74, 5}, {}, kDone, {{Rip, kCode + 2}}},
    {"jcc back", kLong64, {0x75, 0x80}, {}, kDone, {{Rip, kCode - 0x7e}}},
    {"16-bit jumps are cut", kReal16, {0xeb, 0x80}, {}, kDone, {{Rip, 0xff82}}},
    {"loop with ecx", kLong64, {0x67, 0xe2, 5}, {{Rcx, u64{1} << 32}}, kDone, {{Rcx, 0xffffffff}, {Rip, kCode + 8}}},
    {"loope ends without zf", kLong64, {0xe1, 5}, {{Rcx, 5}}, kDone, {{Rcx, 4}, {Rip, kCode + 2}}},
    {"jrcxz", kLong64, {0xe3, 5}, {}, kDone, {{Rip, kCode + 7}}},
    {"bound", kProtected32, {0x62, 0x03}, {{Rbx, kStack}, {Rax, 1}}, fault(kBR), {{Rip, kCode}}},
};
const Row kStrings[] = {
    {"movs", kLong64, {0xa4}, {{Rsi, kStack}, {Rdi, kData + 1}}, kDone, {{Rsi, kStack + 1}, {Rdi, kData + 2}}},
    {"backwards", kLong64, {0x48, 0xab}, {{Rdi, kData + 8}, {Rax, 1}, {Rflags, 0x402}}, kDone, {{Rdi, kData}, {memory(8), 1}}},
    {"rep stos", kLong64, {0xf3, 0x48, 0xab}, {{Rdi, kData}, {Rcx, 3}, {Rax, 7}}, kDone, {{Rcx, 0}, {Rdi, kData + 24}, {memory(16), 7}, {Rip, kCode + 3}}},
    {"rep of none", kLong64, {0xf3, 0xa4}, {{Rcx, 0}, {Rsi, kMinus}}, kDone, {{Rsi, kMinus}, {Rip, kCode + 2}}},
    {"rep one at a time", kLong64, {0xf3, 0xaa}, {{RepOne, 1}, {Rcx, 3}, {Rdi, kData}}, kDone, {{Rcx, 2}, {Rip, kCode}}},
    {"repe cmps stops at a difference", kLong64, {0xf3, 0xa6}, {{Rcx, 9}, {Rsi, kStack}, {Rdi, kStack - 1}}, kDone, {{Rcx, 8}}},
    {"repne scas", kLong64, {0xf2, 0xae}, {{Rcx, 9}, {Rdi, kStack}, {Rax, 1}}, kDone, {{Rcx, 0}, {Rdi, kStack + 9}}},
    {"a fault keeps the progress", kLong64, {0xf3, 0xaa}, {{Rcx, 9}, {Rdi, window(kReadOnly) - 2}}, fault(kPF), {{Rcx, 7}, {Rip, kCode}}},
    {"67 counts with ecx", kLong64, {0x67, 0xf3, 0xaa}, {{Rcx, u64{5} << 32 | 1}, {Rdi, kData}}, kDone, {{Rcx, 0}}},
    {"a fault midway restores the flags", kLong64, {0xf2, 0xae}, {{Rcx, 9}, {Rdi, window(kAbsent) - 1}, {Rflags, 0x8d7}}, fault(kPF), {{Rflags, kStatus}}},
    {"tf traps after an iteration", kLong64, {0xf3, 0xaa}, {{Rcx, 9}, {Rdi, kData}, {Rflags, 0x102}}, fault(kDB), {{Rcx, 8}, {Rip, kCode}}},
};
const Row kRefusals[] = {
    {"lock of a register", kLong64, {0xf0, 0x01, 0xc0}, {}, fault(kUD), {{Rip, kCode}}},
    {"lock of cmp", kLong64, {0xf0, 0x39, 0x03}, {{Rbx, kData}}, fault(kUD), {}},
    {"locked add", kLong64, {0xf0, 0x01, 0x03}, {{Rbx, kData}}, kDone, {}},
    {"ud2", kLong64, {0x0f, 0x0b}, {}, fault(kUD), {}},
    {"an empty x87 escape", kLong64, {0xd9, 0xd1}, {{Cr0, 0x80000039}}, fault(kUD), {}},
    {"x87 under ts", kLong64, {0xd8, 0xc1}, {{Cr0, 0x80000039}}, fault(kNM), {}},
    {"lldt in real mode", kReal16, {0x0f, 0x00, 0xd0}, {}, fault(kUD), {}},
    {"vex in real mode", kReal16, {0xc4, 0xe2, 0x70, 0xf2, 0xc3}, {}, fault(kUD), {}},
    {"avx without xcr0", kLong64, {0xc5, 0xf8, 0x77}, {{Cr4, 0x40620}}, fault(kUD), {}},
    {"16 bytes", kLong64, {0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x90}, {}, fault(kGP), {}},
    {"movaps past the limit of ss", kReal16, {0x0f, 0x28, 0x46, 0x00}, {{Rbp, 0xfff1}}, fault(kGP), {{Rip, 0}}},
    {"movups past the limit of ss", kReal16, {0x0f, 0x10, 0x46, 0x00}, {{Rbp, 0xfff1}}, fault(kSS_), {{Rip, 0}}},
    {"invpcid in virtual-8086 mode", kVirtual8086, {0x66, 0x0f, 0x38, 0x82, 0x07}, {}, fault(kGP), {{Rip, 0}}},
    {"invpcid in real mode", kReal16, {0x66, 0x0f, 0x38, 0x82, 0x07}, {{Rbx, 0x100}, {Rax, 2}, {PatchAddress, 0x20100}, {PatchAddress + 1, 0x20108}}, kDone, {{Rip, 5}}},
    {"int3", kLong64, {0xcc}, {}, fault(kBP), {{Rip, kCode}}},
    {"single step", kLong64, {0x90}, {{Rflags, 0x102}}, fault(kDB), {{Rip, kCode + 1}, {Rflags, 0}}},
    {"instruction breakpoint", kLong64, {0x90}, {{Dr7, 0x401}, {Dr0, kCode}}, fault(kDB), {{Rip, kCode}}},
    {"instruction breakpoint under rf", kLong64, {0x90}, {{Dr7, 0x401}, {Dr0, kCode}, {Rflags, 0x10002}}, kDone, {{Rip, kCode + 1}}},
};
// clang-format on

template <std::size_t N>
void expect_all(const Row (&rows)[N]) {
  for (const Row& row : rows) expect(row, run(row));
}
TEST(Instructions, Arithmetic) { expect_all(kArithmetic); }
TEST(Instructions, Shifts) { expect_all(kShifts); }
TEST(Instructions, Products) { expect_all(kProducts); }
TEST(Instructions, Bits) { expect_all(kBits); }
TEST(Instructions, Moves) { expect_all(kMoves); }
TEST(Instructions, Stack) { expect_all(kStackRows); }
TEST(Instructions, Strings) { expect_all(kStrings); }
TEST(Instructions, Refusals) { expect_all(kRefusals); }

TEST(Instructions, LimitsAreNamed) {
  const std::pair<std::vector<u8>, std::string_view> rows[] = {
      {{0xd8, 0xc0}, "x87"}, {{0x0f, 0x58, 0xc1}, "sse_arithmetic"}, {{0x0f, 0xc7, 0xf0}, "insn_rdrand"}};
  for (const auto& [code, reason] : rows) {
    const Observation o = run({"limit", kLong64, code, {}, kDone, {}});
    EXPECT_EQ(o.status, Status::Incomparable);
    EXPECT_EQ(o.reason, reason);
  }
}

// The last 32 bytes of the image lie where nothing is mapped.
TEST(Instructions, TheEndOfAnFxsaveImageIsNotJudged) {
  constexpr u64 kEnd = insn::window(insn::kAbsent);
  EXPECT_EQ(run({"", kLong64, {0x0f, 0xae, 0x03}, {{Rbx, kEnd - 512}}, kDone, {}}).reason, "");
  EXPECT_EQ(run({"", kLong64, {0x0f, 0xae, 0x03}, {{Rbx, kEnd - 480}}, kDone, {}}).reason, "fxsave_end");
}

// IRET to virtual-8086 mode that makes a virtual interrupt pending.
TEST(Instructions, PendingVirtualInterruptsAreNotJudged) {
  constexpr u64 kVirtual = u64{1} << insn::rflags::VM | u64{1} << insn::rflags::VIF | u64{1} << insn::rflags::VIP;
  for (const u64 vme : {0, 1}) {
    const Row row = {"",     kProtected32,
                     {0xcf}, {{ExtraSteps, 1}, {Cr4, vme}, {PatchAddress, kStack + 0x8008}, {PatchValue, kVirtual}},
                     kDone,  {}};
    EXPECT_EQ(run(row).reason, vme != 0 ? "virtual_interrupt_pending" : "");
  }
}

// What an instruction leaves undefined stays open until something writes it, and nothing may depend on it.
TEST(Instructions, UndefinedFlagsOverSteps) {
  const Row mul_then_setcc = {"", kLong64, {0xf7, 0xe1, 0x0f, 0x94, 0xc0}, {{ExtraSteps, 1}}, kDone, {}};
  EXPECT_EQ(run(mul_then_setcc).reason, "undefined_flags_used");
  const Row mul_then_add = {"", kLong64, {0xf7, 0xe1, 0x01, 0xc8}, {{ExtraSteps, 1}}, kDone, {}};
  EXPECT_EQ(run(mul_then_add).loose[0].bits, 0u);
  const Row mul_then_nop = {"", kLong64, {0xf7, 0xe1, 0x90}, {{ExtraSteps, 1}}, kDone, {}, P | A | Z | S};
  expect(mul_then_nop, run(mul_then_nop));
}

struct Planted {
  Quirk quirk;
  Row row;
};
const Planted kPlanted[] = {
    {Quirk::LockReg, {"", kLong64, {0xf0, 0x01, 0xc0}, {}, kDone, {}}},
    {Quirk::RepRcxMask,
     {"", kLong64, {0x67, 0xf3, 0xa4}, {{Rcx, u64{1} << 32}, {Rsi, kStack}, {Rdi, kData}}, kDone, {}}},
    {Quirk::CmpxchgFlags, {"", kLong64, {0x0f, 0xb1, 0xcb}, {{Rax, 1}, {Rbx, 2}}, kDone, {}}},
    {Quirk::BtNegOffset, {"", kLong64, {0x0f, 0xa3, 0x0b}, {{Rbx, kStack}, {Rcx, kMinus}}, kDone, {}}},
    {Quirk::MovbeReg, {"", kLong64, {0x0f, 0x38, 0xf0, 0xc1}, {{Rcx, 1}}, kDone, {}}},
    {Quirk::EnterLevel, {"", kLong64, {0xc8, 0, 0, 1}, {}, kDone, {}}},
    {Quirk::BochsVex, {"", kProtected32, {0xc4, 0xe2, 0x80, 0xf3, 0xc8}, {{Rax, 1}}, kDone, {}}},
    {Quirk::BochsVex, {"", kProtected32, {0xc4, 0xe2, 0x38, 0xf3, 0xd0}, {{Rax, 6}}, kDone, {}}},
    {Quirk::BochsAdox, {"", kLong64, {0xf3, 0x0f, 0x38, 0xf6, 0xc1}, {{Rax, 0x7fffffff}, {Rcx, 1}}, kDone, {}}},
    {Quirk::BochsPause, {"", kLong64, {0xf3, 0x41, 0x90}, {{R8, 1}}, kDone, {}}},
    {Quirk::BochsMovdiri, {"", kLong64, {0x66, 0x0f, 0x38, 0xf9, 0xc0}, {{Rax, 1}}, kDone, {}}},
    {Quirk::UnicornLock, {"", kLong64, {0xf0, 0x0f, 0xa3, 0x0b}, {{Rbx, kData}}, kDone, {}}},
    {Quirk::UnicornLock, {"", kLong64, {0xf0, 0x8b, 0xc1}, {{Rcx, 1}}, kDone, {}}},
    {Quirk::UnicornSysret, {"", kProtected32, {0x0f, 0x07}, {{Efer, 1}, {Rcx, kCode}}, kDone, {}}},
    {Quirk::BochsFxState, {"", kReal16, {0x0f, 0xae, 0x07}, {{Rbx, 0xfff0}}, kDone, {}}},
};
TEST(Instructions, PlantedDefectsShow) {
  for (const Planted& p : kPlanted) {
    Quirks quirks;
    quirks.set(p.quirk);
    const Observation right = run(p.row), wrong = run(p.row, quirks);
    EXPECT_TRUE(right.outcome != wrong.outcome || right.status != wrong.status || right.record != wrong.record)
        << quirk_row(p.quirk).id;
  }
}

}  // namespace
}  // namespace diffvisor::x86
