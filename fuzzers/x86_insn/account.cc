// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/account.h"

#include <algorithm>
#include <bit>
#include <cctype>

#include "fuzzers/x86_insn/steps.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/decoder/last_step.h"

namespace diffvisor::x86_insn {
namespace {

struct SharedCheck {
  insn::Cause cause;
  std::string_view group;  // empty for traps, with which the instruction has had its effect
  bool access;
};
constexpr SharedCheck kSharedChecks[] = {
    {insn::Cause::PageAbsent, "page", true},
    {insn::Cause::PageProtection, "page", true},
    {insn::Cause::PageReserved, "page", true},
    {insn::Cause::PageKey, "page", true},
    {insn::Cause::InstructionLength, "length", false},
    {insn::Cause::FetchLimit, "fetch", false},
    {insn::Cause::LockPrefix, "lock", false},
    {insn::Cause::IoBitmap, "io_bitmap", true},
    {insn::Cause::SegmentNull, "segment", true},
    {insn::Cause::SegmentType, "segment", true},
    {insn::Cause::SegmentLimit, "segment", true},
    {insn::Cause::NonCanonical, "canonical", true},
    {insn::Cause::Alignment, "alignment", true},
    {insn::Cause::SingleStep, "", false},
    {insn::Cause::Breakpoint, "", false},
    {insn::Cause::Delivery, "delivery", false},
};

// Instructions that share so much that a defect of one is mostly one of all.
struct Member {
  std::string_view mnemonic, family;
};
constexpr Member kFamilies[] = {
    {"movs", "string"},  {"cmps", "string"},      {"stos", "string"},        {"lods", "string"},  {"scas", "string"},
    {"ins", "string"},   {"outs", "string"},      {"bt", "bit_test"},        {"bts", "bit_test"}, {"btr", "bit_test"},
    {"btc", "bit_test"}, {"mov_to_dr", "mov_dr"}, {"mov_from_dr", "mov_dr"},
};

// They access what their operand names and do little else; a repeated one does not.
constexpr std::string_view kPlain[] = {"nop", "add", "mov", "push", "pop", "in", "out", "lods", "stos", "movs"};

std::string word_of(const x86::OpcodeRow* row) {
  if (row == nullptr) return std::string(kNoSubject);
  std::string word = row->mnemonic;
  for (char& ch : word) ch = static_cast<char>(std::isalnum(static_cast<unsigned char>(ch)) ? std::tolower(ch) : '_');
  return word;
}

std::string with_family(const std::string& word) {
  const auto it = std::ranges::find(kFamilies, word, &Member::mnemonic);
  return it == std::end(kFamilies) ? word : std::string(it->family) + "." + word;
}

// SDM 3A 6.15 table 6-4.
std::string_view class_of(unsigned vector) {
  if (vector == insn::kPF) return "page_fault";
  const bool contributory = vector == insn::kDE || (vector >= insn::kTS && vector <= insn::kGP) || vector == insn::kCP;
  return contributory ? "contributory" : "benign";
}

std::string vector_word(unsigned vector) {
  return insn::outcome_word(insn::make_outcome(insn::OutcomeKind::Exception, vector));
}

// 0 where one of them says nothing.
std::uint64_t delta(const Observation& a, const Observation& b, std::size_t slot) {
  return a.defined.test(slot) && b.defined.test(slot) ? a.record[slot] ^ b.record[slot] : 0;
}

// The check that the reference says its exception, or its access to a port, came from.
void name_check(const Observation& reference, const Observation& seen, Behaviour::Account& a) {
  const bool differ = reference.outcome != seen.outcome;
  const unsigned vector = insn::number_of(seen.outcome);
  const bool of_memory = vector == insn::kPF || vector == insn::kSS_ || vector == insn::kAC;
  if (differ && insn::kind_of(seen.outcome) == insn::OutcomeKind::Exception) a.access = of_memory;
  if (insn::kind_of(reference.outcome) == insn::OutcomeKind::PortAccess && differ) {
    a.check = a.group = "port";
    a.access = true;
  }
  if (insn::kind_of(reference.outcome) != insn::OutcomeKind::Exception) return;
  const auto cause = static_cast<insn::Cause>(reference.record[insn::kCause]);
  const auto it = std::ranges::find(kSharedChecks, cause, &SharedCheck::cause);
  if (it == std::end(kSharedChecks)) return;
  a.check = insn::cause_name(cause);
  a.group = it->group;
  // Of one access only the error code can be wrong.
  bool elsewhere = differ;
  for (std::size_t slot = 0; slot < insn::kCause; ++slot)
    elsewhere |= slot != insn::kErrorCode && delta(reference, seen, slot) != 0;
  a.access = it->access && elsewhere;
}

}  // namespace

Behaviour::Account account(const Case& c, const Observation& reference, const Observation& seen) {
  const x86::LastStep last = x86::unpack_last_step(reference.record[insn::kLastStep]);
  const x86::OpcodeRow* row = last.row;
  x86::Instruction first;
  if (row == nullptr && c[insn::ExtraSteps] == 0 && decode_first(c, first)) row = first.row;
  Behaviour::Account a;
  const std::string word = word_of(row);
  a.subject = with_family(word);
  if (word == "mov_to_cr" || word == "mov_from_cr") a.subject += std::to_string(last.reg);
  a.plain = last.row == nullptr || (!last.repeated && std::ranges::find(kPlain, word) != std::end(kPlain));
  if (last.delivered != x86::kNoVector) {
    a.delivery = "delivery_" + vector_word(last.delivered);
    if (last.second != x86::kNoVector) a.then = "then_" + std::string(class_of(last.second));
  }
  name_check(reference, seen, a);
  return a;
}

std::string difference(std::size_t slot, std::uint64_t bits) {
  if (slot >= insn::kMemoryCount && slot < insn::kCause) return "memory";
  if (slot == insn::kErrorCode)
    return std::has_single_bit(bits) ? "error_code." + std::to_string(std::countr_zero(bits)) : "error_code";
  if (slot >= insn::kAfterState) return {};
  const auto of = static_cast<Slot>(insn::kFirstState + slot);
  if (of >= insn::Dr0 && of <= insn::Dr3) return "breakpoint_address";
  // An encoding names any register as its operand.
  return of >= insn::Rax && of <= insn::R15 && of != insn::Rsp ? "register" : "";
}

bool is_exception(const Observation& o) {
  const insn::OutcomeKind kind = insn::kind_of(o.outcome);
  return kind == insn::OutcomeKind::Exception || kind == insn::OutcomeKind::TripleFault;
}

bool alike(const Observation& reference_a, const Observation& seen_a, const Observation& reference_b,
           const Observation& seen_b) {
  // An exception that the reference does not raise is no less missing where it does something else.
  const bool lacking = is_exception(seen_a) && !is_exception(reference_a) && !is_exception(reference_b);
  if (lacking) return seen_a.outcome == seen_b.outcome;
  if (reference_a.outcome != reference_b.outcome || seen_a.outcome != seen_b.outcome) return false;
  if (reference_a.record[insn::kCause] != reference_b.record[insn::kCause]) return false;
  bool any = false, common = false;
  for (std::size_t slot = 0; slot < insn::kMemoryCount; ++slot) {
    const std::uint64_t a = delta(reference_a, seen_a, slot), b = delta(reference_b, seen_b, slot);
    any |= (a | b) != 0;
    common |= a != 0 && a == b;
  }
  // Of memory it is the place that differs.
  const auto of_memory = [](const Observation& x, const Observation& y) {
    return delta(x, y, insn::kMemoryCount) != 0 || delta(x, y, insn::kMemoryDigest) != 0;
  };
  return common || (!any && of_memory(reference_a, seen_a) == of_memory(reference_b, seen_b));
}

}  // namespace diffvisor::x86_insn
