// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/first_divergence.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/case/diff.h"
#include "harness/case/value_text.h"

namespace diffvisor::compare {
namespace {

bool same_word(std::string_view upper, std::string_view lower) {
  return std::ranges::equal(upper, lower,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// Records name state as the case does, in lower case.
const Field* field_named(const Schema& schema, std::string_view name) {
  for (const Field& f : schema.fields)
    if (same_word(f.name, name)) return &f;
  return nullptr;
}

std::string bits_text(const Schema& schema, std::string_view name, std::uint64_t before, std::uint64_t after) {
  const Field* f = field_named(schema, name);
  if (f == nullptr || f->bits.empty()) return {};
  std::vector<std::string> names;
  for (const BitDifference& b : bit_differences({f, 0, before, after}))
    names.push_back(b.name.empty() ? fmt::format("{}", b.lo) : std::string(b.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::uint64_t loose_bits(const Observation& a, const Observation& b, std::size_t slot) {
  std::uint64_t bits = 0;
  for (const Observation* o : {&a, &b})
    for (const Loose& l : o->loose)
      if (l.slot == slot) bits |= l.bits;
  return bits;
}

std::optional<Slot> further_steps(const Schema& schema) {
  const Field* f = field_named(schema, kFurtherSteps);
  return f == nullptr || f->role != Role::Context ? std::nullopt : std::optional(f->slot);
}

}  // namespace

std::vector<FieldView> differing_fields(const Domain& domain, const Observation& reference, const Observation& seen) {
  std::vector<FieldView> out;
  const std::string a = observation_text(domain, reference), b = observation_text(domain, seen);
  if (a != b) out.push_back({"outcome", a, b, ""});
  if (reference.status != Status::Ran || seen.status != Status::Ran) return out;
  const auto& fields = domain.observation->fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!reference.defined.test(i) || !seen.defined.test(i)) continue;
    const std::uint64_t open = loose_bits(reference, seen, i);
    const std::uint64_t x = reference.record[i], y = seen.record[i];
    if (((x ^ y) & ~open) == 0) continue;
    out.push_back({std::string(fields[i].name), hex_text(x), hex_text(y),
                   bits_text(*domain.schema, fields[i].name, x & ~open, y & ~open)});
  }
  return out;
}

Result<FirstDivergence> first_divergence(const Domain& domain, Executor& reference, Executor& other, const Case& c) {
  const auto slot = further_steps(*domain.schema);
  const auto last = slot ? static_cast<unsigned>(c.v[*slot]) : 0u;
  FirstDivergence d;
  d.steps = last + 1;
  for (unsigned further = 0; further <= last; ++further) {
    Case shorter = c;
    if (slot) shorter.v[*slot] = further;
    const auto a = run_one(reference, shorter), b = run_one(other, shorter);
    if (!a) return tl::unexpected(a.error());
    if (!b) return tl::unexpected(b.error());
    d.step = further + 1;
    const bool silent = a->status == Status::Incomparable || b->status == Status::Incomparable;
    if (!silent || further == last) d.fields = differing_fields(domain, *a, *b);
    if (!d.fields.empty()) break;
  }
  return d;
}

std::string divergence_text(const FirstDivergence& d, std::string_view reference, std::string_view other) {
  if (d.fields.empty()) return {};
  std::size_t wide[3] = {0, reference.size(), other.size()};
  for (const FieldView& f : d.fields) {
    wide[0] = std::max(wide[0], f.field.size());
    wide[1] = std::max(wide[1], f.reference.size());
    wide[2] = std::max(wide[2], f.seen.size());
  }
  const auto line = [&](std::string_view a, std::string_view b, std::string_view e, std::string_view bits) {
    std::string text = fmt::format("    {:<{}}  {:<{}}  {:<{}}  {}", a, wide[0], b, wide[1], e, wide[2], bits);
    return text.erase(text.find_last_not_of(' ') + 1) + "\n";
  };
  std::string out = d.steps > 1 ? fmt::format("  first difference in step {} of {}\n", d.step, d.steps) : "";
  out += line("", reference, other, "");
  for (const FieldView& f : d.fields) out += line(f.field, f.reference, f.seen, f.bits);
  return out;
}

std::string divergence_line(const FirstDivergence& d) {
  if (d.fields.empty()) return {};
  const FieldView& f = d.fields.front();
  return fmt::format("{}{} {}, not {}{}", d.steps > 1 ? fmt::format("in step {} of {}: ", d.step, d.steps) : "",
                     f.field, f.seen, f.reference, f.bits.empty() ? "" : fmt::format(" ({})", f.bits));
}

}  // namespace diffvisor::compare
