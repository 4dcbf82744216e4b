// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/minimise_score/brute_force.h"

#include <algorithm>
#include <bit>
#include <span>

#include "harness/case/diff.h"

namespace diffvisor::minimise_score {
namespace {

constexpr std::size_t kMostAtOnce = 3;

// Some bits of one slot that differ from golden, and what they are.
struct Item {
  Slot slot;
  Role role;
  std::uint64_t mask;
  std::uint64_t value;
};
using Items = std::vector<Item>;

// What is not chosen among the fields.
struct Rest {
  std::uint16_t profile;
  std::vector<std::vector<std::byte>> areas;
  bool operator==(const Rest&) const = default;
};

Items differing(const Case& c) {
  Items out;
  for (const FieldDifference& f : difference_from_golden(c).fields)
    out.push_back({static_cast<Slot>(f.field->slot + f.index), f.field->role, f.before ^ f.after, f.after});
  return out;
}

// Calls `visit` with all subsets of n items; stops when it returns true.
template <class Visit>
bool subsets(std::span<const Item> items, std::size_t n, Items& chosen, const Visit& visit) {
  if (n == 0) return visit(chosen);
  for (std::size_t i = 0; i + n <= items.size(); ++i) {
    chosen.push_back(items[i]);
    if (subsets(items.subspan(i + 1), n - 1, chosen, visit)) return true;
    chosen.pop_back();
  }
  return false;
}

class Search {
 public:
  Search(Planted& planted, const std::string& bucket, const Case& from, const Case& result, std::uint64_t most)
      : planted_(planted), bucket_(bucket), from_(from), result_(result), size_(apart(result)), most_(most) {
    all_ = differing(from);
    for (const std::uint16_t profile : {result.profile, std::uint16_t{0}})
      for (const auto& areas : {result.areas, from.areas})
        if (const Rest r{profile, areas}; std::ranges::find(rests_, r) == rests_.end()) rests_.push_back(r);
  }

  Searched run() {
    fields() || bits();
    return std::move(out_);
  }

 private:
  bool fields() {
    const std::size_t most = std::min(kMostAtOnce, size_.fields + size_.capabilities);
    for (std::size_t n = 0; n <= most; ++n)
      if (each(all_, n, [&](const Items& some) {
            if (n == size_.fields + size_.capabilities) remember(some);
            return is_better(some);
          }))
        return true;
    return false;
  }

  // Sets of as many fields as the result has that show the bucket: among their bits there may be fewer.
  void remember(const Items& some) {
    for (const Rest& rest : rests_)
      if (shows(with(some, rest))) return showing_.push_back(some);
  }

  bool bits() {
    if (size_.bits < 2) return false;
    if (each(bits_of(all_), 1, [&](const Items& bit) { return is_better(bit); })) return true;
    showing_.push_back(differing(result_));
    for (const Items& some : showing_)
      for (std::size_t n = 2; n < size_.bits && n <= kMostAtOnce; ++n)
        if (each(bits_of(some), n, [&](const Items& chosen) { return is_better(chosen); })) return true;
    return false;
  }

  template <class Visit>
  bool each(const Items& items, std::size_t n, const Visit& visit) {
    Items chosen;
    return subsets(items, n, chosen, [&](const Items& some) {
      if (out_.tried >= most_) return !(out_.whole = false);
      return visit(some);
    });
  }

  static Items bits_of(const Items& items) {
    Items out;
    for (const Item& i : items)
      for (std::uint64_t x = i.mask; x != 0; x &= x - 1) out.push_back({i.slot, i.role, x & (0 - x), i.value});
    return out;
  }

  Case with(const Items& some, const Rest& rest) const {
    Case c = golden_case(*result_.schema, rest.profile);
    const auto put = [&](const Item& i) { c.v[i.slot] = (c.v[i.slot] & ~i.mask) | (i.value & i.mask); };
    for (const Item& i : some)
      if (!is_baseline_role(i.role)) put(i);
    reset_to_golden(c);
    for (const Item& i : some)
      if (is_baseline_role(i.role)) put(i);
    c.areas = rest.areas;
    c.operations = result_.operations;
    planted_.normalise(c);
    return c;
  }

  bool shows(const Case& c) { return ++out_.tried, planted_.bucket(c) == bucket_; }

  bool is_better(const Items& some) {
    for (const Rest& rest : rests_) {
      Case c = with(some, rest);
      if (!(apart(c) < size_) || !shows(c)) continue;
      out_.smaller = std::move(c);
      return true;
    }
    return false;
  }

  Planted& planted_;
  const std::string& bucket_;
  const Case &from_, &result_;
  Apart size_;
  std::uint64_t most_;
  Items all_;
  std::vector<Items> showing_;
  std::vector<Rest> rests_;
  Searched out_;
};

}  // namespace

Apart apart(const Case& c) {
  Apart a;
  a.profile = c.profile != 0;
  const CaseDifference d = difference_from_golden(c);
  for (const FieldDifference& f : d.fields) {
    ++(f.field->role == Role::Capability ? a.capabilities : a.fields);
    a.bits += static_cast<std::size_t>(std::popcount(f.before ^ f.after));
  }
  for (const auto& area : c.areas) a.area_bytes += area.size();
  return a;
}

Searched search(Planted& planted, const std::string& bucket, const Case& from, const Case& result, std::uint64_t most) {
  return Search(planted, bucket, from, result, most).run();
}

}  // namespace diffvisor::minimise_score
