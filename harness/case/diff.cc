// SPDX-License-Identifier: Apache-2.0
#include "harness/case/diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/bits.h"
#include "harness/base/check.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

constexpr std::size_t kMostListedBits = 3;  // more differing bits read better as two values
constexpr unsigned kShortField = 32;        // fields below this width are numbers unless their bits have names

std::vector<FieldDifference> field_differences(const Schema& schema, const std::array<std::uint64_t, kMaxSlots>& before,
                                               const std::array<std::uint64_t, kMaxSlots>& after) {
  std::vector<FieldDifference> all;
  for (const Field& f : schema.fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (before[f.slot + i] != after[f.slot + i]) all.push_back({&f, i, before[f.slot + i], after[f.slot + i]});
  return all;
}

template <class T>
std::size_t first_difference(const std::vector<T>& a, const std::vector<T>& b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void add_areas(CaseDifference& d, const Case& before, const Case& after) {
  for (std::size_t i = 0; i < after.schema->areas.size(); ++i) {
    const auto& a = before.areas[i];
    const auto& b = after.areas[i];
    if (a != b) d.areas.push_back({&after.schema->areas[i], first_difference(a, b), a.size(), b.size()});
  }
}

std::string bit_text(const BitDifference& b) {
  return b.name.empty() ? fmt::format("{}", b.lo) : fmt::format("{} ({})", b.lo, b.name);
}

bool reads_as_bits(const FieldDifference& d, const std::vector<BitDifference>& bits) {
  return bits.size() <= kMostListedBits && std::ranges::all_of(bits, [&](const BitDifference& b) {
           return b.hi == b.lo && (!b.name.empty() || d.field->width >= kShortField);
         });
}

void add_part(std::string& text, const std::string& part) {
  if (!text.empty()) text += "; ";
  text += part;
}

std::string fields_text(const std::vector<FieldDifference>& fields) {
  std::string text = fmt::format("{} field{}:", fields.size(), fields.size() == 1 ? "" : "s");
  for (const FieldDifference& d : fields) text.append(&d == &fields[0] ? " " : ", ").append(field_difference_text(d));
  return text;
}

}  // namespace

CaseDifference difference(const Case& before, const Case& after) {
  CHECK(before.schema == after.schema);
  CaseDifference d;
  d.profile = before.profile != after.profile;
  d.fields = field_differences(*after.schema, before.v, after.v);
  add_areas(d, before, after);
  d.operations = {first_difference(before.operations, after.operations), before.operations.size(),
                  after.operations.size(), before.operations != after.operations};
  return d;
}

CaseDifference difference_from_golden(const Case& c) {
  Case base;
  base.schema = c.schema;
  base.profile = c.profile;
  base.v = baseline_values(c);
  base.areas.resize(c.areas.size());
  return difference(base, c);
}

std::vector<BitDifference> bit_differences(const FieldDifference& d) {
  std::vector<BitDifference> all;
  std::uint64_t rest = d.before ^ d.after;
  for (const BitName& b : d.field->bits) {
    const std::uint64_t mask = ones(b.hi - b.lo + 1u) << b.lo;
    if ((rest & mask) == 0) continue;
    all.push_back({b.hi, b.lo, b.name, field_of(d.before, b.hi, b.lo), field_of(d.after, b.hi, b.lo)});
    rest &= ~mask;
  }
  for (std::uint8_t i = 0; i < 64; ++i)
    if ((rest >> i & 1) != 0) all.push_back({i, i, {}, d.before >> i & 1, d.after >> i & 1});
  std::ranges::sort(all, {}, &BitDifference::lo);
  return all;
}

std::string field_difference_text(const FieldDifference& d) {
  const auto bits = bit_differences(d);
  std::string text = slot_name(*d.field, d.index);
  if (bits.size() == 1 && bits[0].hi != bits[0].lo)
    return fmt::format("{} {} {:#x} -> {:#x}", text, bits[0].name, bits[0].before, bits[0].after);
  if (!reads_as_bits(d, bits)) return fmt::format("{} {:#x} -> {:#x}", text, d.before, d.after);
  text += bits.size() == 1 ? " bit " : " bits ";
  for (const BitDifference& b : bits) text.append(&b == &bits[0] ? "" : ", ").append(bit_text(b));
  return text;
}

std::string difference_text(const CaseDifference& d) {
  std::string text;
  if (d.profile) add_part(text, "profile");
  if (!d.fields.empty()) add_part(text, fields_text(d.fields));
  for (const AreaDifference& a : d.areas)
    add_part(text, fmt::format("area {}: {} -> {} bytes, from offset {}", a.area->name, a.before, a.after, a.first));
  if (d.operations.differ)
    add_part(text, fmt::format("operations: {} -> {}, from number {}", d.operations.before, d.operations.after,
                               d.operations.first));
  return text;
}

std::string golden_difference_text(const Case& c) {
  const CaseDifference d = difference_from_golden(c);
  return d.empty() ? "is the golden case" : fmt::format("differs from golden in {}", difference_text(d));
}

}  // namespace diffvisor
