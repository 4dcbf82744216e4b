// SPDX-License-Identifier: Apache-2.0
// Passes from coarse to fine, repeated until a whole round changes nothing. Each pass tries pieces of a list, first all
// of it, then halves, down to single items (after Zeller and Hildebrandt's delta debugging).
#include "harness/minimise/minimise.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace diffvisor::minimise {
namespace {

using Slots = std::vector<Slot>;

std::size_t set_bits(std::uint64_t v) { return static_cast<std::size_t>(std::popcount(v)); }

template <class P>
Slots differing_slots(const Case& c, P wanted) {
  const auto base = baseline_values(c);
  Slots slots;
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (wanted(f) && c.v[f.slot + i] != base[f.slot + i]) slots.push_back(static_cast<Slot>(f.slot + i));
  return slots;
}

class Minimiser {
 public:
  Minimiser(const Predicate& shows, const Options& options) : shows_(shows), options_(options) {}

  Result<Minimised> run(const Case& from) {
    best_.best = from;
    normalise(best_.best);
    from_ = best_.best;
    size_ = size_of(best_.best);
    ++best_.calls;
    if (!shows_(best_.best))
      return fail(ErrorCode::Usage, "minimise", "the case does not show its bucket when run again");
    do {
      while (round() && best_.is_minimal) {
      }
    } while (best_.is_minimal && few());
    return std::move(best_);
  }

 private:
  // True if anything got smaller.
  bool round() {
    const Size before = size_;
    machine();
    groups();
    operations();
    areas();
    bits();
    return size_ < before;
  }

  void normalise(Case& c) const {
    if (options_.normalise != nullptr) options_.normalise(c.v.data());
  }

  // Takes the candidate if it is smaller and still shows the bucket.
  bool take(Case candidate) {
    normalise(candidate);
    const Size size = size_of(candidate);
    if (size >= size_) return false;
    if (best_.calls >= options_.most_calls) return best_.is_minimal = false;
    ++best_.calls;
    if (!shows_(candidate)) return false;
    best_.best = std::move(candidate);
    size_ = size;
    return true;
  }

  // Calls undo(first, n) on pieces of a list of `count` items; undo returns true when the items are gone for good.
  // `shrinks`: items that are gone leave the list, the next ones move up.
  template <class Undo>
  void pieces(std::size_t count, bool shrinks, Undo undo) {
    for (std::size_t piece = count; piece > 0 && best_.is_minimal; piece /= 2) {
      for (std::size_t at = 0; at < count && best_.is_minimal;) {
        const std::size_t n = std::min(piece, count - at);
        const bool gone = undo(at, n);
        if (gone && shrinks)
          count -= n;
        else
          at += n;
      }
      piece = std::min(piece, count);
    }
  }

  // Steps that only ever undo can end on a hill: a mode that many fields have to agree on does not go piece by piece,
  // and what is undone first decides what is left. So golden with one, two or three of all the differences there were
  // is tried as well, as far as these are few. True if that was enough.
  bool few() {
    std::vector<Bits> fields, bits;
    const auto base = baseline_values(from_);
    for (const Slot s : differing_slots(from_, [](const Field& f) { return is_baseline_role(f.role); })) {
      fields.push_back({s, from_.v[s] ^ base[s]});
      for (std::uint64_t x = fields.back().mask; x != 0; x &= x - 1) bits.push_back({s, x & (0 - x)});
    }
    return only_some_of(bits) || only_some_of(fields);
  }

  struct Bits {
    Slot slot;
    std::uint64_t mask;
  };

  bool only_some_of(const std::vector<Bits>& items) {
    constexpr std::size_t kMostForOne = 200, kMostForTwo = 40, kMostForThree = 16;
    const std::size_t n = items.size();
    for (std::size_t i = 0; n <= kMostForOne && i < n; ++i)
      if (take(with_only({items[i]}))) return true;
    for (std::size_t i = 0; n <= kMostForTwo && i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j)
        if (take(with_only({items[i], items[j]}))) return true;
    for (std::size_t i = 0; n <= kMostForThree && i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j)
        for (std::size_t k = j + 1; k < n; ++k)
          if (take(with_only({items[i], items[j], items[k]}))) return true;
    return false;
  }

  // The capabilities and context of the best case, golden for the rest, and of the first case's differences these.
  Case with_only(std::initializer_list<Bits> some) const {
    Case c = best_.best;
    reset_to_golden(c);
    for (const Bits& x : some) c.v[x.slot] = (c.v[x.slot] & ~x.mask) | (from_.v[x.slot] & x.mask);
    return c;
  }

  // Capabilities to the named profile, context to 0.
  void machine() {
    for (const auto role : {Role::Capability, Role::Context}) {
      const Slots slots = differing_slots(best_.best, [&](const Field& f) { return f.role == role; });
      pieces(slots.size(), false,
             [&](std::size_t at, std::size_t n) { return reset(std::span(slots).subspan(at, n)); });
    }
  }

  // All fields at once, then each group, which ends with each field.
  void groups() {
    const auto state = [](const Field& f) { return is_baseline_role(f.role); };
    reset(differing_slots(best_.best, state));
    std::vector<std::string_view> names;
    for (const Field& f : best_.best.schema->fields)
      if (std::ranges::find(names, f.group) == names.end()) names.push_back(f.group);
    for (const std::string_view group : names) {
      const Slots slots = differing_slots(best_.best, [&](const Field& f) { return state(f) && f.group == group; });
      pieces(slots.size(), false,
             [&](std::size_t at, std::size_t n) { return reset(std::span(slots).subspan(at, n)); });
    }
  }

  bool reset(std::span<const Slot> slots) {
    Case c = best_.best;
    const auto base = baseline_values(c);
    for (const Slot s : slots) c.v[s] = base[s];
    return take_either(std::move(c));
  }

  // Golden moves with capabilities and context: first everything that was golden moves along, then everything stays.
  bool take_either(Case candidate) {
    Case followed = candidate;
    follow_golden(followed, golden_values(best_.best));
    if (followed != candidate && take(std::move(followed))) return true;
    return take(std::move(candidate));
  }

  void bits() {
    for (const Slot s : differing_slots(best_.best, [](const Field&) { return true; })) {
      const std::uint64_t base = baseline_values(best_.best)[s];
      each_bit(best_.best.v[s] ^ base, [&](std::uint64_t some) {
        Case c = best_.best;
        c.v[s] = (c.v[s] & ~some) | (base & some);
        return take_either(std::move(c));
      });
    }
  }

  // undo(mask) for pieces of the set bits of x.
  template <class Undo>
  void each_bit(std::uint64_t x, Undo undo) {
    std::vector<std::uint64_t> masks;
    for (; x != 0; x &= x - 1) masks.push_back(x & (0 - x));
    pieces(masks.size(), false, [&](std::size_t at, std::size_t n) {
      std::uint64_t some = 0;
      for (std::size_t i = at; i < at + n; ++i) some |= masks[i];
      return undo(some);
    });
  }

  void operations() {
    pieces(best_.best.operations.size(), true, [&](std::size_t at, std::size_t n) {
      Case c = best_.best;
      erase(c.operations, at, n);
      return take(std::move(c));
    });
    for (std::size_t i = 0; i < best_.best.operations.size(); ++i)
      for (std::size_t a = 0; a < kMaxOperationArgs; ++a) argument(i, a);
  }

  // Fewer bits, then a smaller number: `sub 1` reads better than `sub 0x800`.
  void argument(std::size_t operation, std::size_t arg) {
    const auto now = [&] { return best_.best.operations[operation].args[arg]; };
    const auto set = [&](std::uint64_t v) {
      Case c = best_.best;
      c.operations[operation].args[arg] = v;
      return take(std::move(c));
    };
    each_bit(now(), [&](std::uint64_t some) { return set(now() & ~some); });
    for (int by = static_cast<int>(std::bit_width(now())) / 2; by > 0; by /= 2)
      while (set(now() >> by)) {
      }
  }

  void areas() {
    for (std::size_t i = 0; i < best_.best.areas.size(); ++i) {
      pieces(best_.best.areas[i].size(), true, [&](std::size_t at, std::size_t n) {
        Case c = best_.best;
        erase(c.areas[i], at, n);
        return take(std::move(c));
      });
      pieces(best_.best.areas[i].size(), false, [&](std::size_t at, std::size_t n) {
        Case c = best_.best;
        std::fill_n(c.areas[i].begin() + static_cast<std::ptrdiff_t>(at), n, std::byte{0});
        return take(std::move(c));
      });
      for (std::size_t k = 0; k < best_.best.areas[i].size(); ++k) area_bits(i, k);
    }
  }

  void area_bits(std::size_t area, std::size_t at) {
    each_bit(std::to_integer<std::uint64_t>(best_.best.areas[area][at]), [&](std::uint64_t some) {
      Case c = best_.best;
      c.areas[area][at] &= ~static_cast<std::byte>(some);
      return take(std::move(c));
    });
  }

  template <class T>
  static void erase(std::vector<T>& list, std::size_t at, std::size_t n) {
    const auto first = list.begin() + static_cast<std::ptrdiff_t>(at);
    list.erase(first, first + static_cast<std::ptrdiff_t>(n));
  }

  const Predicate& shows_;
  const Options& options_;
  Case from_;
  Minimised best_;
  Size size_;
};

}  // namespace

Size size_of(const Case& c) {
  Size size;
  const auto base = baseline_values(c);
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i) {
      const std::uint64_t x = c.v[f.slot + i] ^ base[f.slot + i];
      if (x == 0) continue;
      ++(f.role == Role::Capability ? size.capabilities : size.fields);
      size.field_bits += set_bits(x);
    }
  size.operations = c.operations.size();
  for (const Operation& o : c.operations)
    for (const std::uint64_t a : o.args) size.arguments += set_bits(a) + static_cast<std::size_t>(std::bit_width(a));
  for (const auto& area : c.areas) {
    size.area_bytes += area.size();
    for (const std::byte b : area) size.area_bits += set_bits(std::to_integer<std::uint64_t>(b));
  }
  return size;
}

Result<Minimised> minimise(const Case& from, const Predicate& shows, const Options& options) {
  return Minimiser(shows, options).run(from);
}

}  // namespace diffvisor::minimise
