// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/insn_vectors.h"

#include <algorithm>

#include <fmt/format.h>

#include "fuzzers/x86_insn.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/bits.h"
#include "harness/case/diff.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

using namespace insn;
using Reason = tl::unexpected<std::string>;

constexpr std::string_view kProfileNeed = "profile:";

tl::unexpected<VectorProblem> unreadable(std::string reason) {
  return tl::unexpected(VectorProblem{false, std::move(reason)});
}

const ObservationSchema& records() { return *x86_insn_entry().domain->observation; }

// ---- what happens if nothing does

Observation untouched(const Case& c) {
  Observation o = ran(0);
  for (unsigned i = 0; i < kStateWords; ++i) set(o, i, c.v[kFirstState + i]);
  set(o, kMemoryCount, 0);
  set(o, kMemoryDigest, memory_digest(nullptr, 0));
  for (unsigned i = 0; i < 2 * kMemoryShown; ++i) set(o, kMemoryAddress + i, ~std::uint64_t{0});
  return o;
}

// What only the reference knows.
constexpr bool is_private(unsigned slot) { return slot == kCause || slot == kDecoded || slot == kLastStep; }

// ---- reading

std::optional<Slot> slot_named(std::string_view name) {
  for (const Field& f : schema().fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (f.role != Role::Capability && slot_name(f, i) == name) return static_cast<Slot>(f.slot + i);
  return std::nullopt;
}

// Fields of one role; the golden values of the others follow from the context.
tl::expected<void, std::string> set_fields(Case& c, const diffvisor::Vector& v, bool context) {
  for (const VectorItem& item : v.set) {
    const auto slot = slot_named(item.name);
    if (!slot) return Reason(fmt::format("'{}' is no field of a case", item.name));
    const Field& f = field_of_slot(schema(), *slot);
    if ((f.role == Role::Context) != context) continue;
    const auto value = parse_value(f, item.value);
    if (!value || (*value & ~ones(f.width)) != 0) return Reason(fmt::format("{}: no value of it", item.name));
    c.v[*slot] = *value;
  }
  return {};
}

tl::expected<void, std::string> set_code(Case& c, std::string_view hex) {
  std::vector<std::byte>& area = c.areas[kCodeArea];
  if (hex.size() % 2 != 0 || hex.size() / 2 > kMostCode) return Reason("\"code\" is no list of bytes, or too long");
  for (; !hex.empty(); hex.remove_prefix(2)) {
    const auto byte = parse_number(fmt::format("0x{}", hex.substr(0, 2)));
    if (!byte) return Reason("\"code\" is no list of bytes");
    area.push_back(static_cast<std::byte>(*byte));
  }
  return {};
}

tl::expected<Case, std::string> case_of(const diffvisor::Vector& v, std::uint16_t profile) {
  Case c = golden_case(schema(), profile);
  if (auto done = set_fields(c, v, true); !done) return Reason(done.error());
  reset_to_golden(c);
  if (auto done = set_fields(c, v, false); !done) return Reason(done.error());
  if (auto done = set_code(c, v.code); !done) return Reason(done.error());
  const Case wanted = c;
  settle(c.v.data());
  if (!(c == wanted)) return Reason("no CPU can be in this state");
  return c;
}

struct RecordItem {
  unsigned slot;
  std::uint64_t value;
};

tl::expected<RecordItem, std::string> record_item(const VectorItem& item) {
  const auto& fields = records().fields;
  const auto it = std::ranges::find(fields, item.name, &RecordField::name);
  const auto value = parse_number(item.value);
  const auto slot = static_cast<unsigned>(it - fields.begin());
  if (it == fields.end() || is_private(slot)) return Reason(fmt::format("'{}' is nothing that is reported", item.name));
  if (!value || (*value & ~ones(it->width)) != 0) return Reason(fmt::format("{}: no value of it", item.name));
  return RecordItem{slot, *value};
}

tl::expected<void, std::string> leave_open(Observation& o, const VectorItem& item) {
  const auto open = record_item(item);
  if (!open) return Reason(open.error());
  if (open->value == ones(records().fields[open->slot].width)) {
    o.defined.reset(open->slot);
    return {};
  }
  const auto free = std::ranges::find(o.loose, std::uint64_t{0}, &Loose::bits);
  if (free == o.loose.end()) return Reason("too much is left open");
  *free = {static_cast<std::uint8_t>(open->slot), open->value};
  return {};
}

tl::expected<Observation, std::string> expected_of(const diffvisor::Vector& v, const Case& c) {
  Observation o = untouched(c);
  if (!parse_outcome(v.expect, o.outcome)) return Reason(fmt::format("'{}' is no outcome", v.expect));
  if (v.qual || !v.alt.empty()) return Reason("an instruction has one outcome");
  for (const VectorItem& item : v.after) {
    const auto one = record_item(item);
    if (!one) return Reason(one.error());
    set(o, one->slot, one->value);
  }
  for (const VectorItem& item : v.open)
    if (auto done = leave_open(o, item); !done) return Reason(done.error());
  return o;
}

// The profile that a vector needs; nothing if it does not say, or says what nobody knows.
tl::expected<std::optional<std::uint16_t>, std::string> profile_of(const diffvisor::Vector& v) {
  std::optional<std::uint16_t> out;
  for (const std::string& need : v.needs) {
    if (need.starts_with(kProfileNeed))
      out = find_profile(schema(), std::string_view(need).substr(kProfileNeed.size()));
    if (!out) return Reason(fmt::format("needs {}", need));
  }
  return out;
}

tl::expected<VectorCase, VectorProblem> build(const diffvisor::Vector& v, const VectorProfile& on) {
  if (!v.mem.empty()) return unreadable("memory is set by PATCH_ADDRESS and PATCH_VALUE");
  const auto needed = profile_of(v);
  if (!needed) return unreadable(needed.error());
  if (on.fixed && on.profile && *needed && **needed != *on.profile)
    return tl::unexpected(VectorProblem{true, fmt::format("needs {}", v.needs.front())});
  auto c = case_of(v, needed->value_or(on.profile.value_or(0)));
  if (!c) return unreadable(c.error());
  const auto after = expected_of(v, *c);
  if (!after) return unreadable(after.error());
  return VectorCase{std::move(*c), {{after->outcome}}, *after};
}

// ---- writing

VectorItem item_of(unsigned slot, std::uint64_t value) {
  return {std::string(records().fields[slot].name), hex_text(value)};
}

void add_effects(diffvisor::Vector& v, const Case& c, const Observation& seen) {
  const Observation before = untouched(c);
  for (unsigned i = 0; i < kRecordSlots; ++i) {
    if (is_private(i)) continue;
    const bool changed = !before.defined.test(i) || before.record[i] != seen.record[i];
    if (seen.defined.test(i) && changed) v.after.push_back(item_of(i, seen.record[i]));
    if (before.defined.test(i) && !seen.defined.test(i)) v.open.push_back(item_of(i, ones(records().fields[i].width)));
  }
  for (const Loose& l : seen.loose)
    if (l.bits != 0) v.open.push_back(item_of(l.slot, l.bits));
}

}  // namespace

tl::expected<diffvisor::Vector, std::string> insn_vector(const Case& c, const Observation& seen) {
  if (seen.status != Status::Ran) return Reason("nobody can say what must happen");
  diffvisor::Vector v;
  v.domain = schema().domain;
  v.needs.push_back(fmt::format("{}{}", kProfileNeed, schema().profiles[c.profile].name));
  for (const FieldDifference& d : difference_from_golden(c).fields) {
    if (d.field->role == Role::Capability) return Reason(fmt::format("it does not set {}", d.field->name));
    v.set.push_back({slot_name(*d.field, d.index), hex_text(d.after)});
  }
  for (const std::byte b : c.areas[kCodeArea]) v.code += fmt::format("{:02x}", b);
  v.expect = outcome_text(seen.outcome);
  add_effects(v, c, seen);
  return v;
}

const VectorDialect& insn_vectors() {
  static constexpr VectorDialect kDialect = {&build};
  return kDialect;
}

}  // namespace diffvisor
