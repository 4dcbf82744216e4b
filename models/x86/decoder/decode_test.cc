// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/decode.h"

#include <Zydis/Zydis.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "harness/base/rng.h"
#include "models/x86/decoder/form.h"
#include "models/x86/decoder/last_step.h"
#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86 {
namespace {

using Bytes = std::vector<u8>;

DecodeMode width(unsigned bytes) {
  DecodeMode mode;
  mode.width = static_cast<u8>(bytes);
  return mode;
}

struct Row {
  const char* what;
  unsigned width;
  Bytes bytes;
  DecodeStatus status;
  unsigned length;
  const char* mnemonic;
  unsigned operand_bytes, address_bytes;
};

const Row kRows[] = {
    {"rex counts", 8, {0x48, 0x01, 0xc8}, DecodeStatus::Ok, 3, "add", 8, 8},
    {"rex before another prefix does not", 8, {0x48, 0x66, 0x01, 0xc8}, DecodeStatus::Ok, 4, "add", 2, 8},
    {"rex.w outranks 66", 8, {0x66, 0x48, 0x01, 0xc8}, DecodeStatus::Ok, 4, "add", 8, 8},
    {"push is 64 bits", 8, {0x50}, DecodeStatus::Ok, 1, "push", 8, 8},
    {"push of 16", 8, {0x66, 0x50}, DecodeStatus::Ok, 2, "push", 2, 8},
    {"near branches ignore 66", 8, {0x66, 0xe8, 1, 2, 3, 4}, DecodeStatus::Ok, 6, "call", 8, 8},
    {"rip-relative", 8, {0x8b, 0x05, 1, 2, 3, 4}, DecodeStatus::Ok, 6, "mov", 4, 8},
    {"sib without base", 8, {0x8b, 0x04, 0x25, 1, 2, 3, 4}, DecodeStatus::Ok, 7, "mov", 4, 8},
    {"r12 needs a sib", 8, {0x41, 0x8b, 0x04, 0x24}, DecodeStatus::Ok, 4, "mov", 4, 8},
    {"mov of 64-bit immediate", 8, {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, DecodeStatus::Ok, 10, "mov", 8, 8},
    {"moffs has address size", 8, {0x67, 0xa1, 1, 2, 3, 4}, DecodeStatus::Ok, 6, "mov", 4, 4},
    {"16-bit address", 2, {0x8b, 0x06, 1, 2}, DecodeStatus::Ok, 4, "mov", 2, 2},
    {"16-bit code, 32-bit address", 2, {0x67, 0x8b, 0x44, 0x24, 1}, DecodeStatus::Ok, 5, "mov", 2, 4},
    {"mov cr ignores mod", 4, {0x0f, 0x20, 0x05}, DecodeStatus::Ok, 3, "mov_from_cr", 4, 4},
    {"f3 outranks 66", 8, {0x66, 0xf3, 0x0f, 0xb8, 0xc1}, DecodeStatus::Ok, 5, "popcnt", 2, 8},
    {"the last of f2 and f3", 8, {0xf3, 0xf2, 0x0f, 0x10, 0xc1}, DecodeStatus::Ok, 5, "movsd", 4, 8},
    {"test has an immediate", 4, {0xf7, 0xc0, 1, 2, 3, 4}, DecodeStatus::Ok, 6, "test", 4, 4},
    {"not has none", 4, {0xf7, 0xd0}, DecodeStatus::Ok, 2, "not", 4, 4},
    {"les or vex: memory", 4, {0xc4, 0x00}, DecodeStatus::Ok, 2, "les", 4, 4},
    {"les or vex: vex", 4, {0xc4, 0xe2, 0x78, 0xf2, 0xc1}, DecodeStatus::Ok, 5, "andn", 4, 4},
    {"vex.w is ignored outside 64-bit mode", 4, {0xc4, 0xe2, 0xf8, 0xf2, 0xc1}, DecodeStatus::Ok, 5, "andn", 4, 4},
    {"vex after 66", 8, {0x66, 0xc4, 0xe2, 0x78, 0xf2, 0xc1}, DecodeStatus::Undefined, 6, nullptr, 0, 0},
    {"vex after rex", 8, {0x48, 0xc4, 0xe2, 0x78, 0xf2, 0xc1}, DecodeStatus::Undefined, 6, nullptr, 0, 0},
    {"vex.vvvv must be free", 8, {0xc4, 0xe3, 0x73, 0xf0, 0xc1, 3}, DecodeStatus::Undefined, 5, nullptr, 0, 0},
    {"evex", 8, {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x44, 0x24, 1}, DecodeStatus::Undefined, 8, nullptr, 0, 0},
    {"evex with an immediate", 4, {0x62, 0xf3, 0x7d, 0x48, 0x1e, 0xc0, 1}, DecodeStatus::Undefined, 7, nullptr, 0, 0},
    {"evex of no map is bound", 8, {0x62, 0x44, 0x24, 1}, DecodeStatus::WrongWidth, 4, nullptr, 0, 0},
    {"bound or evex", 4, {0x62, 0x44, 0x24, 1}, DecodeStatus::Ok, 4, "bound", 4, 4},
    {"vex of map 7 is as long as of map 3", 8, {0xc4, 7, 0, 0, 0xc0, 1}, DecodeStatus::Undefined, 6, nullptr, 0, 0},
    {"vex of map 4 is les", 8, {0xc4, 0x44, 0x24, 1}, DecodeStatus::Undefined, 4, nullptr, 0, 0},
    {"no far call in 64-bit mode", 8, {0x9a, 1, 2, 3, 4, 5, 6}, DecodeStatus::WrongWidth, 7, nullptr, 0, 0},
    {"nor one of 16 bits", 8, {0x66, 0x9a, 1, 2, 3, 4}, DecodeStatus::WrongWidth, 6, nullptr, 0, 0},
    {"nor a short one", 8, {0xea, 1, 2, 3, 4, 5}, DecodeStatus::NeedsMore, 6, nullptr, 0, 0},
    {"no aam in 64-bit mode", 8, {0xd4, 10}, DecodeStatus::WrongWidth, 2, nullptr, 0, 0},
    {"no 82 in 64-bit mode", 8, {0x82, 0x04, 0x24, 1}, DecodeStatus::WrongWidth, 4, nullptr, 0, 0},
    {"a map without instructions", 8, {0x0f, 0x3c, 0x84, 0xc0}, DecodeStatus::Undefined, 4, nullptr, 0, 0},
    {"one with immediates", 8, {0x0f, 0x3b, 0x84, 0xc0, 1}, DecodeStatus::Undefined, 5, nullptr, 0, 0},
    {"pusha in 64-bit mode", 8, {0x60}, DecodeStatus::WrongWidth, 1, nullptr, 0, 0},
    {"no such opcode", 4, {0x0f, 0x04}, DecodeStatus::Undefined, 2, nullptr, 0, 0},
    {"pop of group 1", 4, {0x8f, 0xc8}, DecodeStatus::Undefined, 2, nullptr, 0, 0},
    {"an undefined member has its immediate", 8, {0xc7, 0xc8, 1, 2, 3, 4}, DecodeStatus::Undefined, 6, nullptr, 0, 0},
    {"and wants it first", 8, {0xc7, 0xc8, 1, 2, 3}, DecodeStatus::NeedsMore, 5, nullptr, 0, 0},
    {"endbr64 is a nop", 8, {0xf3, 0x0f, 0x1e, 0xfa}, DecodeStatus::Ok, 4, "nop_ev", 4, 8},
    {"far pointer", 4, {0xea, 1, 2, 3, 4, 5, 6}, DecodeStatus::Ok, 7, "jmp_far", 4, 4},
    {"bytes end in the immediate", 4, {0x68, 1, 2}, DecodeStatus::NeedsMore, 3, nullptr, 0, 0},
    {"bytes end in prefixes", 8, {0x66, 0x48}, DecodeStatus::NeedsMore, 2, nullptr, 0, 0},
};

TEST(Decode, AwkwardEncodings) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    Instruction i;
    EXPECT_EQ(decode(width(row.width), row.bytes, i), row.status);
    EXPECT_EQ(i.length, row.length);
    if (row.mnemonic == nullptr) continue;
    ASSERT_NE(i.row, nullptr);
    EXPECT_STREQ(i.row->mnemonic, row.mnemonic);
    EXPECT_EQ(i.operand_bytes, row.operand_bytes);
    EXPECT_EQ(i.address_bytes, row.address_bytes);
  }
}

struct BochsRow {
  const char* what;
  unsigned width;
  Bytes bytes;
  unsigned length;
};

// Of each all bytes but the last are too few.
const BochsRow kBochsRows[] = {
    {"vex after 66 looks at one byte", 8, {0x66, 0xc4, 0xe2}, 3},
    {"evex", 8, {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x44, 0x24, 1}, 8},
    {"evex with reserved bits", 8, {0x62, 0xfd, 0x7c, 0x48, 0x10}, 5},
    {"xop", 8, {0x8f, 0x08, 0, 0x80, 0x44, 0x24, 1}, 7},
    {"xop of no map", 8, {0x8f, 0xeb, 0, 0}, 4},
    {"xop in 32-bit code", 4, {0x8f, 0xe8, 0, 0x80, 0xc0}, 5},
    {"xop after rex looks at one byte", 8, {0x40, 0x8f, 0x88}, 3},
    {"no operands of what 64-bit mode lacks", 8, {0x9a}, 1},
};

TEST(Decode, BytesThatBochsFetchesOfUndefinedInstructions) {
  for (const BochsRow& row : kBochsRows) {
    SCOPED_TRACE(row.what);
    DecodeMode mode = width(row.width);
    mode.quirks.set(Quirk::BochsFetch);
    Instruction i;
    const DecodeStatus status = decode(mode, row.bytes, i);
    EXPECT_TRUE(status == DecodeStatus::Undefined || status == DecodeStatus::WrongWidth);
    if (row.bytes.size() > 1) {
      EXPECT_EQ(decode(mode, std::span(row.bytes).first(row.length - 1), i), DecodeStatus::NeedsMore);
    }
  }
}

TEST(Decode, FifteenBytesAreTheMost) {
  Bytes bytes(14, 0x66);
  bytes.push_back(0x90);
  Instruction i;
  EXPECT_EQ(decode(width(8), bytes, i), DecodeStatus::Ok);
  bytes.insert(bytes.begin(), 0x66);
  EXPECT_EQ(decode(width(8), bytes, i), DecodeStatus::TooLong);
  // What could be fetched ends before the limit does: the fault of the fetch comes first.
  EXPECT_EQ(decode(width(8), std::span(bytes).first(14), i), DecodeStatus::NeedsMore);
}

TEST(Decode, MemoryOperands) {
  Instruction i;
  decode(width(8), Bytes{0x42, 0x8b, 0x44, 0xa5, 0xfe}, i);  // mov eax, [rbp + r12 * 4 - 2]
  EXPECT_EQ(i.base, 5);
  EXPECT_EQ(i.index, 12);
  EXPECT_EQ(i.scale, 2);
  EXPECT_EQ(i.displacement, ~u64{1});
  EXPECT_EQ(i.segment, insn::kSs);
  decode(width(2), Bytes{0x8b, 0x42, 0x80}, i);  // mov ax, [bp + si - 128]
  EXPECT_EQ(i.base, 5);
  EXPECT_EQ(i.index, 6);
  EXPECT_EQ(i.segment, insn::kSs);
  decode(width(8), Bytes{0x64, 0x2e, 0x8b, 0x00}, i);  // CS does not take FS away
  EXPECT_EQ(i.segment, insn::kFs);
  decode(width(4), Bytes{0x64, 0x2e, 0x8b, 0x00}, i);
  EXPECT_EQ(i.segment, insn::kCs);
}

TEST(Decode, VendorsAndGenerations) {
  Instruction i;
  DecodeMode amd = width(8);
  amd.amd = true;
  EXPECT_EQ(decode(amd, Bytes{0x66, 0xe8, 1, 2}, i), DecodeStatus::Ok);
  EXPECT_EQ(i.operand_bytes, 2);
  DecodeMode old = width(2);
  old.i286 = true;
  EXPECT_EQ(decode(old, Bytes{0x66, 0x90}, i), DecodeStatus::Undefined);
  EXPECT_EQ(decode(old, Bytes{0x0f, 0xaf, 0xc0}, i), DecodeStatus::Undefined);
  EXPECT_EQ(decode(old, Bytes{0xc1, 0xe0, 0x04}, i), DecodeStatus::Ok);
  EXPECT_EQ(decode(old, Bytes(11, 0x2e), i), DecodeStatus::TooLong);
  DecodeMode real = width(2);
  real.vex = false;
  EXPECT_EQ(decode(real, Bytes{0xc4, 0xe2, 0x78, 0xf2, 0xc1}, i), DecodeStatus::Undefined);
}

TEST(Forms, AreManyAndNamed) {
  const auto forms = modelled_forms();
  EXPECT_GE(forms.size(), 1200u);
  std::set<std::string> names;
  for (const auto form : forms) names.insert(form_name(form));
  EXPECT_EQ(names.size(), forms.size());
  Instruction i;
  decode(width(8), Bytes{0x0f, 0xaf, 0x00}, i);
  EXPECT_EQ(form_name(form_of(i)), "0f.af imul mem 32");
  EXPECT_TRUE(std::ranges::binary_search(forms, form_of(i)));
}

// ---- against Zydis

// Extensions without a profile here: they are #UD on every CPU the model stands for.
bool is_left_out(ZydisISASet isa) {
  static constexpr std::string_view kPrefixes[] = {
      "AMD3DNOW",  "AMD_INVLPGB", "AMX",     "AVX512",  "CET",  "ENQCMD", "FMA4", "HRESET",
      "KEYLOCKER", "KNC",         "MCOMMIT", "PADLOCK", "PCON", "PT",     "RTM",  "SGX",
      "SMX",       "SERIALIZE",   "SNP",     "TDX",     "TSX",  "UINTR",  "XOP",  "PADLOCK_"};
  const std::string_view name = ZydisISASetGetString(isa);
  return std::ranges::any_of(kPrefixes, [&](std::string_view p) { return name.starts_with(p); });
}

// Rows whose instruction refuses some registers itself, or that end in a limit before they would.
bool refuses_later(const Instruction& i) {
  static constexpr std::string_view kMnemonics[] = {"mov_from_cr",  "mov_to_cr",  "mov_from_dr", "mov_to_dr",
                                                    "mov_from_seg", "mov_to_seg", "movbe",       "x87"};
  const std::string_view name = i.row->mnemonic;
  return name.find("gather") != name.npos || std::ranges::find(kMnemonics, name) != std::end(kMnemonics);
}

bool decodes(const DecodeMode& mode, const Bytes& bytes, Instruction& i) {
  if (decode(mode, bytes, i) != DecodeStatus::Ok) return false;
  return !i.lock || (i.row->has(kLock) && i.is_memory());
}

Bytes random_bytes(Rng& rng) {
  static constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e,
                                     0x26, 0x64, 0x65, 0x40, 0x48, 0x41, 0x4f, 0x45};
  Bytes bytes;
  for (u64 n = rng.below(rng.below(40) == 0 ? 14 : 4); n > 0; --n) bytes.push_back(kPrefixes[rng.below(16)]);
  const u64 map = rng.below(5);
  if (map >= 1 && map <= 3) bytes.push_back(0x0f);
  if (map == 3) bytes.push_back(rng.below(2) == 0 ? 0x38 : 0x3a);
  if (map == 4 && bytes.size() < 10) {
    const bool three = rng.below(2) == 0;
    bytes.push_back(three ? 0xc4 : 0xc5);
    if (three) bytes.push_back(static_cast<u8>((rng.next() & 0xe0) | (1 + rng.below(3))));
    bytes.push_back(static_cast<u8>(rng.next() | (rng.below(2) == 0 ? 0x78 : 0)));
  }
  while (bytes.size() < 15) bytes.push_back(static_cast<u8>(rng.next()));
  bytes.resize(15);
  return bytes;
}

struct Peer {
  unsigned width;
  ZydisDecoder decoder;
};
std::vector<Peer> peers() {
  std::vector<Peer> out = {{2, {}}, {4, {}}, {8, {}}};
  ZydisDecoderInit(&out[0].decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
  ZydisDecoderInit(&out[1].decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
  ZydisDecoderInit(&out[2].decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  for (Peer& p : out)
    for (const auto off : {ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_KNC}) ZydisDecoderEnableMode(&p.decoder, off, 0);
  return out;
}

TEST(Decode, AgreesWithZydis) {
  Rng rng(1);
  const auto decoders = peers();
  unsigned both = 0;
  for (unsigned n = 0; n < 1'000'000; ++n) {
    const Bytes bytes = random_bytes(rng);
    const Peer& peer = decoders[rng.below(3)];
    Instruction ours;
    ZydisDecodedInstruction theirs;
    const bool we = decodes(width(peer.width), bytes, ours);
    const bool they =
        ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&peer.decoder, nullptr, bytes.data(), bytes.size(), &theirs));
    if (!we && they && is_left_out(theirs.meta.isa_set)) continue;
    if (we && !they && refuses_later(ours)) continue;
    ASSERT_EQ(we, they) << "case " << n << ", width " << peer.width << ": " << testing::PrintToString(bytes);
    if (!we) continue;
    ASSERT_EQ(ours.length, theirs.length) << testing::PrintToString(bytes);
    ASSERT_EQ(8u * ours.address_bytes, theirs.address_width) << testing::PrintToString(bytes);
    ++both;
  }
  EXPECT_GT(both, 500'000u);
}

TEST(LastStep, EveryRowComesBackFromItsWord) {
  std::set<u64> words;
  for (const auto rows : {integer_rows(), simd_rows()})
    for (const OpcodeRow& row : rows) {
      const LastStep step{0x3ff, &row, 15, true, 14, 13};
      EXPECT_EQ(unpack_last_step(pack(step)), step) << row.mnemonic;
      words.insert(pack(step));
    }
  EXPECT_EQ(words.size(), integer_rows().size() + simd_rows().size());
  EXPECT_EQ(unpack_last_step(pack(LastStep{})), LastStep{});
}

}  // namespace
}  // namespace diffvisor::x86
