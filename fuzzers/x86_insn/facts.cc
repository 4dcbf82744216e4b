// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/facts.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "fuzzers/x86_insn/steps.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/arch_model.h"
#include "models/x86/decoder/decode.h"
#include "models/x86/decoder/last_step.h"
#include "models/x86/decoder/opcode_table.h"
#include "models/x86/decoder/summary.h"

namespace diffvisor::x86_insn {
namespace {

enum Fact : std::uint16_t {
  Opcode = insn::kSlots,
  ModRm,
  Prefixes,
  Rex,
  Length,
  OperandBytes,
  AddressBytes,
  Cpl,
  OutcomeFact,
  VectorFact,
  EndlessFact,
  LastOpcode,
  NoCause,
#define CAUSE(constant, name, text) Cause##constant,
#include "harness/arch/insn/causes.def"
#undef CAUSE
  kEnd
};
static_assert(kEnd <= kMaxSlots);

struct Row {
  std::uint16_t slot;
  std::string_view name;
  std::uint8_t width;
};
constexpr Row kRows[] = {
    {Opcode, "OPCODE", 12},
    {ModRm, "MODRM", 8},
    {Prefixes, "PREFIXES", 8},
    {Rex, "REX", 4},
    {Length, "LENGTH", 8},
    {OperandBytes, "OPERAND_BYTES", 8},
    {AddressBytes, "ADDRESS_BYTES", 8},
    {Cpl, "CPL", 2},
    {OutcomeFact, "OUTCOME", 8},
    {VectorFact, "VECTOR", 8},
    {EndlessFact, "ENDLESS", 1},
    {LastOpcode, "LAST_OPCODE", 12},
    {NoCause, "CAUSE_NONE", 1},
#define CAUSE(constant, name, text) {Cause##constant, "CAUSE_" name, 1},
#include "harness/arch/insn/causes.def"
#undef CAUSE
};

const std::vector<std::string>& names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> out;
    for (const Row& r : kRows) {
      std::string& n = out.emplace_back(r.name);
      std::ranges::transform(n, n.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    }
    return out;
  }();
  return kNames;
}

// By the reference, which knows what follows the bytes of the case; by those bytes alone where it fetched nothing.
x86::Summary decoded(const Case& c, const Observation* reference) {
  const bool ran = reference != nullptr && reference->status == Status::Ran;
  if (ran && reference->record[insn::kDecoded] != 0) return x86::unpack_summary(reference->record[insn::kDecoded]);
  x86::Instruction i;
  const bool defined = decode_first(c, i);
  return x86::summary_of(i, defined);
}

// All that is known of Bochs: what it makes of an instruction may be what is delivered.
x86::Quirks every_variant_of_bochs() {
  x86::Quirks q;
  for (std::size_t i = 0; i < x86::kQuirks; ++i)
    if (x86::quirk_row(static_cast<x86::Quirk>(i)).id.starts_with("bochs.")) q.set(static_cast<x86::Quirk>(i));
  return q;
}

// Whether #AC would be delivered for ever. Deaths are asked for before the reference has run.
bool is_endless(const Case& c, const Observation* reference) {
  if (reference != nullptr && reference->status == Status::Ran) return false;
  if (c[insn::Deliver] == 0 || (c[insn::Cr0] >> insn::cr0::AM & 1) == 0) return false;
  thread_local x86::X86Model model({}, every_variant_of_bochs());
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  if (o.status == Status::Ran || o.reason == "endless_delivery") return o.status != Status::Ran;
  // What is not modelled may fault: then as UD2 would.
  Case faults = c;
  faults[insn::ExtraSteps] = 0;
  faults.areas[insn::kCodeArea] = {std::byte{0x0f}, std::byte{0x0b}};
  Observation fault;
  model.submit({&faults, 1}, {&fault, 1});
  return fault.reason == "endless_delivery";
}

}  // namespace

const Schema& condition_schema() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> out(insn::schema().fields.begin(), insn::schema().fields.end());
    for (std::size_t i = 0; i < std::size(kRows); ++i)
      out.push_back({static_cast<std::uint16_t>(0xe800 + i),
                     names()[i],
                     kRows[i].width,
                     1,
                     kRows[i].slot,
                     Role::Fact,
                     "facts",
                     0,
                     {},
                     {}});
    return out;
  }();
  static const Schema schema = [] {
    Schema s = insn::schema();
    s.fields = fields;
    s.slots = kEnd;
    return s;
  }();
  return schema;
}

void derive(const Case& c, const Observation* reference, std::uint64_t* facts) {
  std::copy_n(c.v.data(), insn::kSlots, facts);
  std::fill(facts + insn::kSlots, facts + kEnd, 0);
  const x86::Summary i = decoded(c, reference);
  facts[Opcode] = i.opcode;
  facts[ModRm] = i.modrm;
  facts[Prefixes] = i.prefixes;
  facts[Rex] = i.rex;
  facts[Length] = i.length;
  facts[OperandBytes] = i.operand_bytes;
  facts[AddressBytes] = i.address_bytes;
  facts[Cpl] = insn::cpl_of(c.v.data());
  facts[EndlessFact] = is_endless(c, reference) ? 1 : 0;
  if (reference == nullptr || reference->status != Status::Ran) return;
  facts[OutcomeFact] = static_cast<std::uint64_t>(insn::kind_of(reference->outcome));
  facts[LastOpcode] = x86::unpack_last_step(reference->record[insn::kLastStep]).opcode;
  facts[VectorFact] = insn::number_of(reference->outcome) & 0xff;
  facts[NoCause + std::min<std::uint64_t>(reference->record[insn::kCause], kEnd - NoCause - 1)] = 1;
}

}  // namespace diffvisor::x86_insn
