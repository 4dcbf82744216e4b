// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/disassemble.h"

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "harness/arch/insn/schema.h"

namespace diffvisor::x86_insn {
namespace {

using namespace insn;

struct Machine {
  ZydisMachineMode mode;
  ZydisStackWidth stack;
};
constexpr Machine kMachines[kModes] = {
    {ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16},        {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
    {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},      {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
    {ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32}, {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64}};

struct Line {
  unsigned length = 0;  // 0: the decoder refuses it
  std::string text = "(bad)";
};

Line line_of(const Case& c, std::span<const std::byte> code, std::uint64_t address) {
  const Machine& machine = kMachines[c[ModeOf] % kModes];
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, machine.mode, machine.stack);
  if (c[CapVendor] == kAmd) ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  Line line;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &instruction, operands))) return line;
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  char text[256];
  if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
          &formatter, &instruction, operands, instruction.operand_count_visible, text, sizeof text, address, nullptr)))
    return line;
  line.length = instruction.length;
  line.text = text;
  return line;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte x : bytes) out += fmt::format("{}{:02x}", out.empty() ? "" : " ", std::to_integer<unsigned>(x));
  return out;
}

}  // namespace

std::string disassemble(const Case& c) {
  std::span<const std::byte> code = c.areas[kCodeArea];
  std::string out;
  for (std::uint64_t address = c[Rip]; !code.empty();) {
    const Line line = line_of(c, code, address);
    const std::size_t length = line.length != 0 ? line.length : std::min<std::size_t>(code.size(), 16);
    out += fmt::format("{:8x}  {:<30}  {}\n", address, hex(code.first(length)), line.text);
    if (line.length == 0) break;
    code = code.subspan(length);
    address += length;
  }
  return out;
}

std::string first_instruction(const Case& c) { return line_of(c, c.areas[kCodeArea], c[Rip]).text; }

}  // namespace diffvisor::x86_insn
