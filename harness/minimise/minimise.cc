// SPDX-License-Identifier: Apache-2.0
// Passes from coarse to fine, repeated until a whole round changes nothing. Each pass tries pieces of a list, first all
// of it, then halves, down to single items (after Zeller and Hildebrandt's delta debugging).
#include "harness/minimise/minimise.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/base/digest.h"

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

// A context whose bits have no names is a choice or a number of steps: of two with as many bits the smaller is simpler.
bool is_count(const Field& f) { return f.role == Role::Context && f.bits.empty(); }

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
    } while (best_.is_minimal && jumps());
    return std::move(best_);
  }

 private:
  // True if anything got smaller.
  bool round() {
    const Size before = size_;
    domains_own();
    machine();
    groups();
    operations();
    areas();
    bits();
    counts();
    return size_ < before;
  }

  void normalise(Case& c) const {
    if (options_.normalise != nullptr) options_.normalise(c.v.data());
  }

  // Takes the candidate if it is smaller and still shows the bucket.
  bool take(Case candidate) {
    normalise(candidate);
    const Size size = size_of(candidate);
    if (size >= size_ || !tried_.insert(digest(candidate)).second) return false;
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

  // True if a case a few steps away is smaller. That the calls run out meanwhile takes nothing from what is minimal.
  bool jumps() {
    const bool found = few();
    if (!found) best_.is_minimal = true;
    return found;
  }

  // Steps that only ever undo can end on a hill: a mode that many fields have to agree on does not go piece by piece,
  // and what is undone first decides what is left. So golden with one, two or three of the fields that are left is
  // tried as well, as they were at first and with the lists that there were at first, and with their bits, as far as
  // these are few. True if that was enough.
  bool few() {
    const auto any = [](const Field&) { return true; };
    const Slots slots = differing_slots(best_.best, any);
    const Bits first = fields_of(from_, slots), left = fields_of(best_.best, slots);
    return only_some_of(first, from_) || only_some_of(first, best_.best) || only_some_of(single(left), best_.best) ||
           only_some_of(single(first), best_.best);
  }

  // Bits of a slot that differ from golden, and their values.
  struct Part {
    Slot slot;
    std::uint64_t mask, value;
  };
  using Bits = std::vector<Part>;

  static Bits fields_of(const Case& c, const Slots& slots) {
    const auto base = baseline_values(c);
    Bits out;
    for (const Slot s : slots)
      if (c.v[s] != base[s]) out.push_back({s, c.v[s] ^ base[s], c.v[s]});
    return out;
  }

  static Bits single(const Bits& fields) {
    Bits out;
    for (const Part& f : fields)
      for (std::uint64_t x = f.mask; x != 0; x &= x - 1) out.push_back({f.slot, x & (0 - x), f.value});
    return out;
  }

  // `lists`: whose operations and areas.
  bool only_some_of(const Bits& items, const Case& lists) {
    constexpr std::size_t kMostForOne = 200, kMostForTwo = 20, kMostForThree = 16;
    const std::size_t n = items.size();
    for (std::size_t i = 0; n <= kMostForOne && i < n; ++i)
      if (take(with_only({items[i]}, lists))) return true;
    for (std::size_t i = 0; n <= kMostForTwo && i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j)
        if (take(with_only({items[i], items[j]}, lists))) return true;
    for (std::size_t i = 0; n <= kMostForThree && i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j)
        for (std::size_t k = j + 1; k < n; ++k)
          if (take(with_only({items[i], items[j], items[k]}, lists))) return true;
    return false;
  }

  // Golden but for these of the first case's differences, in the profile of the best.
  Case with_only(std::initializer_list<Part> some, const Case& lists) const {
    Case c = lists;
    c.profile = best_.best.profile;
    const auto put = [&](bool state) {
      for (const Part& x : some)
        if (is_baseline_role(field_of_slot(*c.schema, x.slot).role) == state)
          c.v[x.slot] = (c.v[x.slot] & ~x.mask) | (x.value & x.mask);
    };
    c.v = profile_values(*c.schema, c.profile);
    put(false);
    reset_to_golden(c);
    put(true);
    return c;
  }

  // The ways that only the domain knows, as long as one helps.
  void domains_own() {
    if (options_.shorter == nullptr) return;
    const auto helps = [&] {
      return std::ranges::any_of(options_.shorter(best_.best), [&](Case& c) { return take(std::move(c)); });
    };
    while (helps()) {
    }
  }

  // The domain's own profile, its capabilities, context to 0.
  void machine() {
    if (options_.any_profile && best_.best.profile != 0) take_either(with_profile(0));
    for (const auto role : {Role::Capability, Role::Context}) {
      const Slots slots = differing_slots(best_.best, [&](const Field& f) { return f.role == role; });
      pieces(slots.size(), false,
             [&](std::size_t at, std::size_t n) { return reset(std::span(slots).subspan(at, n)); });
    }
  }

  // What the case deviates in from its profile it keeps.
  Case with_profile(std::uint16_t profile) const {
    Case c = best_.best;
    const auto before = profile_values(*c.schema, c.profile), after = profile_values(*c.schema, profile);
    for (const Field& f : c.schema->fields)
      for (unsigned i = 0; i < f.count && f.role == Role::Capability; ++i)
        if (Slot s = static_cast<Slot>(f.slot + i); c.v[s] == before[s]) c.v[s] = after[s];
    c.profile = profile;
    return c;
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

  void counts() {
    for (const Slot s : differing_slots(best_.best, is_count))
      for (bool less = true; less && best_.best.v[s] > 1;) {
        Case c = best_.best;
        c.v[s] /= 2;
        less = take_either(std::move(c));
      }
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

  static std::uint64_t digest(const Case& c) {
    std::vector<std::uint64_t> words(c.v.begin(), c.v.begin() + static_cast<std::ptrdiff_t>(c.schema->slots));
    words.push_back(c.profile);
    for (const auto& area : c.areas) {
      words.push_back(area.size());
      for (const std::byte b : area) words.push_back(std::to_integer<std::uint64_t>(b));
    }
    for (const Operation& o : c.operations) {
      words.push_back(o.opcode);
      words.insert(words.end(), o.args.begin(), o.args.end());
    }
    return digest_of(words);
  }

  const Predicate& shows_;
  const Options& options_;
  std::unordered_set<std::uint64_t> tried_;  // digests of cases: each is asked about once
  Case from_;
  Minimised best_;
  Size size_;
};

}  // namespace

Size size_of(const Case& c) {
  Size size;
  size.profile = c.profile != 0;
  const auto base = baseline_values(c);
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i) {
      const std::uint64_t x = c.v[f.slot + i] ^ base[f.slot + i];
      if (x == 0) continue;
      ++(f.role == Role::Capability ? size.capabilities : size.fields);
      if (is_count(f)) size.counts += c.v[f.slot + i];
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
