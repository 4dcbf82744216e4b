// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/form.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86 {
namespace {

// Bits of a form: opcode 10:0, row of that opcode 17:11, prefix 19:18, group member and 1 23:20, memory 24,
// operand bytes 28:25, and bit 31.
constexpr u32 kValid = u32{1} << 31;

struct Form {
  u16 opcode = 0;
  unsigned row = 0;     // among the rows of the opcode, vector rows behind the others
  unsigned prefix = 0;  // 0: none or not part of the opcode; 1: 66, 2: F3, 3: F2
  unsigned group = 0;   // member + 1
  bool memory = false;
  unsigned bytes = 0;
};

u32 pack(const Form& f) {
  return kValid | f.opcode | f.row << 11 | f.prefix << 18 | f.group << 20 | u32{f.memory} << 24 | f.bytes << 25;
}
Form unpack(u32 form) {
  return {static_cast<u16>(form & 0x7ff), form >> 11 & 127, form >> 18 & 3, form >> 20 & 15,
          (form >> 24 & 1) != 0,          form >> 25 & 15};
}

const OpcodeRow& row_of(const OpcodeEntry& e, unsigned n) {
  return n < e.count ? integer_rows()[e.first + n] : simd_rows()[e.simd_first + n - e.count];
}
unsigned number_of_row(const OpcodeEntry& e, const OpcodeRow* row) {
  unsigned n = 0;
  while (&row_of(e, n) != row) ++n;
  return n;
}

unsigned prefix_of(const OpcodeRow& row) {
  return std::has_single_bit(row.select.prefixes) ? static_cast<unsigned>(std::countr_zero(row.select.prefixes)) : 0;
}

// Instructions whose work does not depend on the operand size have one form.
bool is_sized(const OpcodeRow& row) {
  constexpr u32 kUnsized = kByte | kSse | kMmx | kAvx | kForce64 | kNotModelled | kUndefined;
  if (row.has(kUnsized)) return false;
  return row.dst != Operand::None || row.src != Operand::None || row.has(kString | kDefault64 | kNearBranch) ||
         row.immediate == Immediate::FarPointer || row.immediate == Immediate::Enter;
}

unsigned size_of(const OpcodeRow& row, unsigned operand_bytes) {
  if (row.has(kByte)) return 1;
  return is_sized(row) ? operand_bytes : 0;
}

void add_sizes(const OpcodeRow& row, Form f, std::vector<u32>& out) {
  for (const unsigned bytes : {2u, 4u, 8u}) {
    if (bytes == 2 && row.has(kOp3264 | kVexRegister)) continue;
    if (bytes == 8 && row.has(kNo64)) continue;
    f.bytes = size_of(row, bytes);
    out.push_back(pack(f));
  }
}

void add_forms(u16 opcode, unsigned n, const OpcodeRow& row, std::vector<u32>& out) {
  Form f{opcode, n, prefix_of(row), static_cast<unsigned>(row.select.reg + 1), false, 0};
  if (!row.has(kModRm) || row.has(kForce64)) return add_sizes(row, f, out);
  for (const unsigned mod : {1u, 2u}) {
    f.memory = mod == 1;
    if ((row.select.mods & mod) != 0) add_sizes(row, f, out);
  }
}

}  // namespace

std::uint32_t form_of(const Instruction& i) {
  if (i.row == nullptr) return 0;
  const auto opcode = static_cast<u16>((i.vex ? kVexMap : 0) | i.map << 8 | i.opcode);
  return pack({opcode, number_of_row(opcode_entry(opcode), i.row), prefix_of(*i.row),
               static_cast<unsigned>(i.row->select.reg + 1), i.is_memory(), size_of(*i.row, i.operand_bytes)});
}

std::string form_name(std::uint32_t form) {
  if (form == 0) return "none";
  static constexpr const char* kMaps[] = {"", "0f.", "0f38.", "0f3a.", "", "vex.0f.", "vex.0f38.", "vex.0f3a."};
  static constexpr const char* kPrefixes[] = {"", "66.", "f3.", "f2."};
  const Form f = unpack(form);
  const OpcodeRow& row = row_of(opcode_entry(f.opcode), f.row);
  std::string name = fmt::format("{}{}{:02x}", kPrefixes[f.prefix], kMaps[f.opcode >> 8], f.opcode & 0xff);
  if (f.group != 0) name += fmt::format("/{}", f.group - 1);
  name += fmt::format(" {}", row.mnemonic);
  if (row.has(kModRm)) name += f.memory ? " mem" : " reg";
  if (f.bytes != 0) name += fmt::format(" {}", 8 * f.bytes);
  return name;
}

std::vector<std::uint32_t> modelled_forms() {
  std::vector<u32> out;
  for (unsigned opcode = 0; opcode < 0x800; ++opcode) {
    const OpcodeEntry& e = opcode_entry(static_cast<u16>(opcode));
    for (unsigned n = 0; n < e.count; ++n)
      if (!row_of(e, n).has(kNotModelled | kUndefined)) add_forms(static_cast<u16>(opcode), n, row_of(e, n), out);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

namespace {

const std::vector<u32>& all_forms() {
  static const std::vector<u32> forms = modelled_forms();
  return forms;
}

}  // namespace

std::uint32_t form_index(std::uint32_t form) {
  const auto& all = all_forms();
  const auto it = std::ranges::lower_bound(all, form);
  return it == all.end() || *it != form ? 0 : static_cast<u32>(it - all.begin()) + 1;
}

std::uint32_t form_at(std::uint32_t index) {
  const auto& all = all_forms();
  return index == 0 || index > all.size() ? 0 : all[index - 1];
}

std::uint32_t form_count() { return static_cast<u32>(all_forms().size()) + 1; }

}  // namespace diffvisor::x86
