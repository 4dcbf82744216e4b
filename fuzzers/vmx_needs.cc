// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vmx_needs.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "harness/arch/vmx/schema.h"
#include "harness/base/bits.h"
#include "harness/case/case.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor::vmx {
namespace {

using Relation = NeedCondition::Relation;

struct ControlGroup {
  std::string_view name;
  std::string_view true_name;
  Slot capability;
  Slot field;
  bool halves;  // low half must be 1, high half may be 1; otherwise all of it may be 1
};
constexpr ControlGroup kGroups[] = {
    {"PIN", "TRUE_PIN", CapPinCtls, Pin, true},         {"PROC", "TRUE_PROC", CapProcCtls, Proc, true},
    {"PROC2", "PROC2", CapProc2Ctls, Proc2, true},      {"PROC3", "PROC3", CapProc3Ctls, Proc3, false},
    {"EXIT", "TRUE_EXIT", CapExitCtls, Exit, true},     {"EXIT2", "EXIT2", CapExit2Ctls, Exit2, false},
    {"ENTRY", "TRUE_ENTRY", CapEntryCtls, Entry, true},
};

struct BitAlias {
  std::string_view name;
  Slot slot;
  std::uint8_t bit;
};
// Spellings besides the names in field_bits.h.
constexpr BitAlias kCapabilityAliases[] = {
    {"XO", CapEptVpidCap, 0},     {"PWL4", CapEptVpidCap, 6}, {"4LEVEL", CapEptVpidCap, 6}, {"PWL5", CapEptVpidCap, 7},
    {"5LEVEL", CapEptVpidCap, 7}, {"UC", CapEptVpidCap, 8},   {"WB", CapEptVpidCap, 14},    {"2M", CapEptVpidCap, 16},
    {"1G", CapEptVpidCap, 17},    {"AD", CapEptVpidCap, 21},  {"SSS", CapEptVpidCap, 23},
};
// What CPUID calls otherwise, and what comes with a feature.
constexpr BitAlias kFeatureAliases[] = {
    {"SHSTK", CapFeatures, feature::CET},  {"SHSTK", CapCr4Fixed1, cr4::CET},
    {"IBT", CapFeatures, feature::CET},    {"IBT", CapCr4Fixed1, cr4::CET},
    {"TSX", CapFeatures, feature::RTM},    {"BUSLOCKDETECT", CapFeatures, feature::BUSLOCK},
    {"LAM", CapCr4Fixed1, cr4::LAMSUP},    {"PKU", CapCr4Fixed1, cr4::PKE},
    {"PCID", CapCr4Fixed1, cr4::PCIDE},    {"SMX", CapCr4Fixed1, cr4::SMXE},
    {"XSAVE", CapCr4Fixed1, cr4::OSXSAVE}, {"NX", CapEferMask, efer::NXE},
    {"XD", CapEferMask, efer::NXE},        {"SYSCALL", CapEferMask, efer::SCE},
};

// instruction: and precondition:
struct StartWord {
  std::string_view word;
  int bit;  // of CONTEXT; -1: the golden case is so
};
constexpr StartWord kStartWords[] = {
    {"vmlaunch", -1},
    {"launch", -1},
    {"clear", -1},
    {"vmresume", kResume},
    {"resume", kResume},
    {"launched", kLaunched},
    {"nocurrent", kNoCurrent},
    {"nocurrentvmcs", kNoCurrent},
    {"shadowcurrent", kShadowCurrent},
    {"currentisshadow", kShadowCurrent},
    {"movss", kMovSs},
    {"movssblocking", kMovSs},
    {"movssshadow", kMovSs},
    {"cpl3", kCpl3},
};

const BitName* bit_named(const Field& f, std::string_view name) {
  const auto it = std::ranges::find_if(f.bits, [&](const BitName& b) { return same_name(b.name, name); });
  return it == f.bits.end() ? nullptr : &*it;
}

// "EPT", or "17".
std::optional<unsigned> control_bit(const ControlGroup& g, std::string_view name) {
  const Field& f = field_of_slot(schema(), g.field);
  if (const BitName* b = bit_named(f, name)) return b->lo;
  const auto number = parse_number(name);
  return number && *number < f.width ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

// A control that may be 1 is of use only if the controls that switch its group on may be 1 too.
void add_activation(Need& need, Slot group) {
  if (group == CapProc2Ctls) need.push_back(need_bit(CapProcCtls, 32 + proc::SECONDARY, true));
  if (group == CapProc3Ctls) need.push_back(need_bit(CapProcCtls, 32 + proc::TERTIARY, true));
  if (group == CapExit2Ctls) need.push_back(need_bit(CapExitCtls, 32 + exit_ctl::SECONDARY, true));
}

Need control_need(const ControlGroup& g, unsigned bit, bool offered) {
  Need need = {need_bit(g.capability, g.halves ? 32 + bit : bit, offered)};
  if (offered) add_activation(need, g.capability);
  if (!offered && g.halves) need.push_back(need_bit(g.capability, bit, false));
  return need;
}

const Field* capability_field(std::string_view name) {
  if (name == "MAXPA") name = "MAXPHYADDR";
  if (name == "EPT_CAP") name = "EPT_VPID_CAP";
  const Field* f = find_field(schema(), name);
  return f != nullptr && f->role == Role::Capability ? f : nullptr;
}

struct BitRange {
  Slot slot;
  unsigned hi;
  unsigned lo;
};

// NAME, NAME[n], NAME[hi:lo]
std::optional<BitRange> sliced_capability(std::string_view text) {
  const std::size_t bracket = text.find('[');
  const Field* f = capability_field(text.substr(0, bracket));
  if (f == nullptr) return std::nullopt;
  if (bracket == text.npos) return BitRange{f->slot, f->width - 1u, 0};
  if (!text.ends_with(']')) return std::nullopt;
  const std::string_view inside = text.substr(bracket + 1, text.size() - bracket - 2);
  const std::size_t colon = inside.find(':');
  const auto hi = parse_number(inside.substr(0, colon));
  const auto lo = colon == inside.npos ? hi : parse_number(inside.substr(colon + 1));
  if (!hi || !lo || *hi >= f->width || *lo > *hi) return std::nullopt;
  return BitRange{f->slot, static_cast<unsigned>(*hi), static_cast<unsigned>(*lo)};
}

// NAME.bits
std::optional<BitRange> named_capability(std::string_view text) {
  const std::size_t dot = text.find('.');
  const Field* f = dot == text.npos ? nullptr : capability_field(text.substr(0, dot));
  if (f == nullptr) return std::nullopt;
  const std::string_view name = text.substr(dot + 1);
  if (const BitName* b = bit_named(*f, name)) return BitRange{f->slot, b->hi, b->lo};
  for (const BitAlias& a : kCapabilityAliases)
    if (a.slot == f->slot && same_name(a.name, name)) return BitRange{a.slot, a.bit, a.bit};
  return std::nullopt;
}

// TRUE_PIN.must1, PROC2.may1
std::optional<BitRange> control_half(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == text.npos) return std::nullopt;
  const std::string_view name = text.substr(0, dot), half = text.substr(dot + 1);
  for (const ControlGroup& g : kGroups) {
    if (!g.halves || (name != g.name && name != g.true_name)) continue;
    if (half == "must1") return BitRange{g.capability, 31, 0};
    if (half == "may1") return BitRange{g.capability, 63, 32};
  }
  return std::nullopt;
}

struct Comparison {
  std::string_view left;
  std::string_view op;
  std::uint64_t value;
};

std::optional<Comparison> parse_comparison(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=");
  if (at == text.npos) return std::nullopt;
  const bool two = text[at] != '=' && at + 1 < text.size() && text[at + 1] == '=';
  const std::string_view op = text.substr(at, two ? 2 : 1);
  const auto value = parse_number(trimmed(text.substr(at + op.size())));
  if (!value) return std::nullopt;
  return Comparison{trimmed(text.substr(0, at)), op, *value};
}

// None for what no value satisfies.
std::optional<NeedCondition> compare(const BitRange& r, std::string_view op, std::uint64_t value) {
  const std::uint64_t largest = ones(r.hi - r.lo + 1);
  if (op == "=" && value <= largest) return need_bits(r.slot, r.hi, r.lo, Relation::Equal, value);
  if (op == ">" && value < largest) return need_bits(r.slot, r.hi, r.lo, Relation::AtLeast, value + 1);
  if (op == ">=" && value <= largest) return need_bits(r.slot, r.hi, r.lo, Relation::AtLeast, value);
  if (op == "<=") return need_bits(r.slot, r.hi, r.lo, Relation::AtMost, value);
  if (op == "<" && value > 0) return need_bits(r.slot, r.hi, r.lo, Relation::AtMost, value - 1);
  return std::nullopt;
}

// How many counters there are is how many of the mask's bits are set from the first one on.
Need counter_need(unsigned first, unsigned most, std::string_view op, std::uint64_t n) {
  if (op == "<" || op == ">=") {
    if (n == 0) return {};
    return counter_need(first, most, op == "<" ? "<=" : ">", n - 1);
  }
  if (n > most || (op == ">" && n == most)) return {};
  const unsigned count = static_cast<unsigned>(n), last = first + most - 1;
  Need need;
  if (op == ">") need.push_back(need_bits(CapPerfGlobalCtrlMask, last, first, Relation::Includes, ones(count + 1)));
  if (op == "=") need.push_back(need_bits(CapPerfGlobalCtrlMask, last, first, Relation::Equal, ones(count)));
  if (op == "<=" && count == most) need.push_back(need_bits(CapPerfGlobalCtrlMask, last, first, Relation::AtLeast, 0));
  if (op == "<=" && count < most)
    need.push_back(need_bits(CapPerfGlobalCtrlMask, last, first + count, Relation::Equal, 0));
  return need;
}

Need comparison_need(const Comparison& c) {
  if (c.left == "PMU.GP") return counter_need(0, 32, c.op, c.value);
  if (c.left == "PMU.FIXED") return counter_need(32, 16, c.op, c.value);
  if (const auto half = control_half(c.left)) {
    Need need;
    if (const auto must = compare(*half, c.op, c.value)) need.push_back(*must);
    if (!need.empty() && half->lo == 0 && c.op == "=")
      need.push_back(need_bits(half->slot, 63, 32, Relation::Includes, c.value));
    return need;
  }
  auto range = sliced_capability(c.left);
  if (!range) range = named_capability(c.left);
  const auto found = range ? compare(*range, c.op, c.value) : std::nullopt;
  if (!found) return {};
  // With TME keys guest CR3 has another width than the rest, SDM 3C 29.3.1.1; a width that is one number has none.
  if (found->slot == CapMaxphyaddr) return {*found, need_bits(CapTmeKeyidBits, 7, 0, Relation::Equal, 0)};
  return {*found};
}

// A CPUID feature: its bit among the features, its CR4 bit, or both.
Need feature_need(std::string_view name, bool on) {
  Need need;
  for (const Slot s : {Slot{CapFeatures}, Slot{CapCr4Fixed1}})
    if (const BitName* b = bit_named(field_of_slot(schema(), s), name)) need.push_back(need_bit(s, b->lo, on));
  for (const BitAlias& a : kFeatureAliases)
    if (same_name(a.name, name)) need.push_back(need_bit(a.slot, a.bit, on));
  if (same_name(name, "LA57")) need.push_back(need_bits(CapLinearWidth, 7, 0, Relation::Equal, on ? 57 : 48));
  return need;
}

// A capability without a comparison: offered, or with `on` false not offered.
Need plain_need(std::string_view text, bool on) {
  const std::size_t dot = text.find('.');
  for (const ControlGroup& g : kGroups)
    if (dot != text.npos && text.substr(0, dot) == g.name)
      if (const auto bit = control_bit(g, text.substr(dot + 1))) return control_need(g, *bit, on);
  const auto range = named_capability(text);
  if (range && range->hi == range->lo) return {need_bit(range->slot, range->lo, on)};
  return feature_need(text, on);
}

Need start_need(std::string_view text) {
  Need need;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(",+"));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto it = std::ranges::find_if(kStartWords, [&](const StartWord& s) { return same_name(word, s.word); });
    if (it == std::end(kStartWords)) return {};
    if (it->bit < 0)
      need.push_back(need_bits(Context, 5, 0, Relation::AtLeast, 0));
    else
      need.push_back(need_bit(Context, static_cast<unsigned>(it->bit), true));
  }
  return need;
}

}  // namespace

Need parse_need(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view head : {"instruction:", "precondition:"})
    if (text.starts_with(head)) return start_need(text.substr(head.size()));
  bool on = true;
  for (const std::string_view head : {"!", "cpuid:", "!"}) {
    if (!text.starts_with(head)) continue;
    if (head == "!") on = !on;
    text.remove_prefix(head.size());
  }
  if (const auto c = parse_comparison(text)) return on ? comparison_need(*c) : Need{};
  if (Need need = unsupported_cr4_bit(text, CapCr4Fixed1); !need.empty()) return on ? need : Need{};
  return plain_need(text, on);
}

}  // namespace diffvisor::vmx
