// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vector_case.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/bits.h"
#include "harness/case/text_form.h"

namespace diffvisor {
namespace {

using namespace agent;
using Reason = tl::unexpected<std::string>;

}  // namespace

tl::expected<Case, std::string> VectorBuilder::build(const Vector& v) {
  for (const VectorItem& item : v.set)
    if (auto done = set_field(item); !done) return Reason(done.error());
  clear_scratch();
  fill_pages();
  for (const VectorItem& item : v.mem)
    if (auto done = set_memory(item); !done) return Reason(done.error());
  return finish();
}

const Field* VectorBuilder::state_field(std::string_view name) const {
  const Field* f = find_field(world_.schema(), field_name(name));
  return f != nullptr && f->role == Role::State ? f : nullptr;
}

tl::expected<void, std::string> VectorBuilder::set_field(const VectorItem& item) {
  const Field* f = state_field(item.name);
  if (f == nullptr) return Reason(fmt::format("'{}' is no field of {}", item.name, world_.area));
  field_ = f->slot;
  const auto value = value_of(item.value, golden_[f->slot]);
  if (!value) return Reason(fmt::format("{}: {}", item.name, value.error()));
  if ((*value & ~ones(f->width)) != 0) return Reason(fmt::format("{} has {} bits", item.name, f->width));
  c_.v[f->slot] = *value;
  return {};
}

// Scratch pages are empty but for what symbols put there.
void VectorBuilder::clear_scratch() {
  for (const FactPlace& p : places())
    if (p.address >= kScratch && p.address < kScratchEnd) c_.v[p.slot] = 0;
  for (unsigned i = 0; i < 4; ++i)
    if (pdpt_ != 0 && (c_.v[world_.cr3] & 0xffffffe0) == pdpt_) c_.v[world_.pdptes + i] = kGoodPdpte;
}

tl::expected<void, std::string> VectorBuilder::set_memory(const VectorItem& item) {
  const auto address = evaluate(item.name, 0, [this](auto name, auto argument) { return place_named(name, argument); });
  if (!address) return Reason(fmt::format("{}: {}", item.name, address.error()));
  const auto value = value_of(item.value, value_at(*address));
  if (!value) return Reason(fmt::format("{}: {}", item.name, value.error()));
  if (!write(*address, *value)) return Reason(fmt::format("no rule reads the memory at {}", item.name));
  return {};
}

tl::expected<Case, std::string> VectorBuilder::finish() {
  for (const auto& [slot, value] : written_) c_.v[slot] = value;
  world_.settle(c_.v.data());
  for (const auto& [slot, value] : written_)
    if (c_.v[slot] != value || !world_.placed(c_.v.data(), slot))
      return Reason("cannot give the memory at that address this content");
  return std::move(c_);
}

std::vector<FactPlace> VectorBuilder::places() const {
  std::vector<FactPlace> out = other_places();
  for (unsigned i = 0; i < 4; ++i)
    out.push_back({static_cast<Slot>(world_.pdptes + i), (c_.v[world_.cr3] & 0xffffffe0) + 8 * i, 8});
  return out;
}

std::uint64_t VectorBuilder::value_at(std::uint64_t address) const {
  for (const FactPlace& p : places())
    if (p.address == address) return c_.v[p.slot];
  return 0;
}

// What goes beyond a fact's bytes belongs to the next one.
bool VectorBuilder::write(std::uint64_t address, std::uint64_t value) {
  bool found = false;
  std::uint64_t rest = 0;
  unsigned bytes = 0;
  for (const FactPlace& p : places()) {
    if (p.address != address) continue;
    found = true;
    std::erase_if(written_, [&](const Written& w) { return w.slot == p.slot; });
    written_.push_back({p.slot, value & ones(8 * p.bytes)});
    if (!p.last) rest = shift_right(value, 8 * p.bytes), bytes = p.bytes;
  }
  return found && (rest == 0 || write(address + bytes, rest));
}

ValueOrReason VectorBuilder::value_of(std::string_view text, std::uint64_t left) {
  return evaluate(text, left, [this](auto name, auto argument) { return named(name, argument); });
}

// In `mem` a field's name is the address it holds by now.
ValueOrReason VectorBuilder::place_named(std::string_view name, std::optional<std::string_view> argument) {
  const Field* f = argument ? nullptr : state_field(name);
  return f != nullptr ? ValueOrReason(c_.v[f->slot]) : named(name, argument);
}

ValueOrReason VectorBuilder::named(std::string_view name, std::optional<std::string_view> argument) {
  const std::string_view inside = argument ? trimmed(*argument) : std::string_view();
  if (name == "PAGE" && !inside.empty()) return page(inside);
  if (name == "PDPT" && !argument) return pdpt_page();
  if (name == "PDPTE_OK" && inside.size() == 1 && inside[0] >= '0' && inside[0] <= '3') return kGoodPdpte;
  if (const auto own = symbol(name, argument ? std::optional(inside) : std::nullopt)) return *own;
  if (argument) return Reason(fmt::format("nothing is known as {}({})", name, inside));
  const Field* f = find_field(world_.schema(), field_name(name));
  if (f != nullptr && f->count == 1) return golden_[f->slot];
  return Reason(fmt::format("nothing is known as {}", name));
}

ValueOrReason VectorBuilder::page(std::string_view name) {
  const auto it = std::ranges::find(pages_, name);
  const auto index = static_cast<std::size_t>(it - pages_.begin());
  if (world_.first_page + kPage * (index + 1) > kScratchEnd) return Reason("too many pages");
  if (it == pages_.end()) pages_.emplace_back(name);
  return world_.first_page + kPage * index;
}

ValueOrReason VectorBuilder::pdpt_page() {
  const auto placed = page("the page of PDPT");
  if (placed) pdpt_ = *placed;
  return placed;
}

}  // namespace diffvisor
