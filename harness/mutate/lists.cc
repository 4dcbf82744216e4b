// SPDX-License-Identifier: Apache-2.0
// Mutators of byte areas and operation lists.
#include <algorithm>

#include "harness/mutate/mutator.h"

namespace diffvisor::mutate {
namespace {

constexpr std::uint64_t kLongestEdit = 16;    // bytes inserted or erased at once
constexpr std::uint64_t kSmallArgument = 16;  // most device commands take small numbers

template <class T>
auto iterator_at(std::vector<T>& list, std::size_t i) {
  return list.begin() + static_cast<std::ptrdiff_t>(i);
}

template <class T>
std::size_t random_index(Rng& rng, const std::vector<T>& list) {
  return static_cast<std::size_t>(rng.below(list.size()));
}

// f(rng, bytes, the other case's bytes, largest size) on one of the schema's areas.
template <class F>
Mutator on_area(F f) {
  return [f](Rng& rng, Case& c, const Case& other) {
    if (c.areas.empty()) return;
    const std::size_t i = random_index(rng, c.areas);
    f(rng, c.areas[i], other.areas[i], c.schema->areas[i].largest);
  };
}

using Bytes = std::vector<std::byte>;

std::uint64_t random_argument(Rng& rng) { return rng.one_in(3) ? boundary_value(rng, 64) : rng.below(kSmallArgument); }

Operation random_operation(Rng& rng, const Schema& schema) {
  const OperationKind& kind = rng.pick(schema.operations);
  Operation o;
  o.opcode = kind.opcode;
  for (std::size_t i = 0; i < kind.args; ++i) o.args[i] = random_argument(rng);
  return o;
}

std::uint64_t changed_argument(Rng& rng, std::uint64_t v) {
  switch (rng.below(3)) {
    case 0:
      return random_argument(rng);
    case 1:
      return v ^ std::uint64_t{1} << rng.below(64);
    default:
      return rng.one_in(2) ? v + 1 + rng.below(kSmallArgument) : v - 1 - rng.below(kSmallArgument);
  }
}

}  // namespace

Mutator flip_area_bit() {
  return on_area([](Rng& rng, Bytes& bytes, const Bytes&, std::size_t) {
    if (bytes.empty()) return;
    const std::size_t i = random_index(rng, bytes);
    bytes[i] ^= static_cast<std::byte>(1u << rng.below(8));
  });
}

Mutator set_area_byte() {
  return on_area([](Rng& rng, Bytes& bytes, const Bytes&, std::size_t) {
    if (bytes.empty()) return;
    const std::size_t i = random_index(rng, bytes);
    bytes[i] = static_cast<std::byte>(rng.one_in(2) ? boundary_value(rng, 8) : rng.next());
  });
}

Mutator insert_area_bytes() {
  return on_area([](Rng& rng, Bytes& bytes, const Bytes&, std::size_t largest) {
    const std::uint64_t room = std::min<std::uint64_t>(kLongestEdit, largest - bytes.size());
    if (room == 0) return;
    const auto at = static_cast<std::size_t>(rng.below(bytes.size() + 1));
    const auto n = static_cast<std::size_t>(1 + rng.below(room));
    bytes.insert(iterator_at(bytes, at), n, std::byte{0});
    for (std::size_t i = 0; i < n; ++i) bytes[at + i] = static_cast<std::byte>(rng.next());
  });
}

Mutator erase_area_bytes() {
  return on_area([](Rng& rng, Bytes& bytes, const Bytes&, std::size_t) {
    if (bytes.empty()) return;
    const std::size_t at = random_index(rng, bytes);
    const std::uint64_t most = std::min<std::uint64_t>(kLongestEdit, bytes.size() - at);
    const auto n = static_cast<std::size_t>(1 + rng.below(most));
    bytes.erase(iterator_at(bytes, at), iterator_at(bytes, at + n));
  });
}

Mutator copy_area() {
  return on_area([](Rng&, Bytes& bytes, const Bytes& other, std::size_t) {
    if (&bytes != &other) bytes.assign(other.begin(), other.end());
  });
}

Mutator splice_area() {
  return on_area([](Rng& rng, Bytes& bytes, const Bytes& other, std::size_t largest) {
    const auto front = static_cast<std::size_t>(rng.below(bytes.size() + 1));
    const auto from = static_cast<std::size_t>(rng.below(other.size() + 1));
    if (&bytes == &other) return;
    bytes.resize(front);
    const std::size_t n = std::min(other.size() - from, largest - front);
    const auto first = other.begin() + static_cast<std::ptrdiff_t>(from);
    bytes.insert(bytes.end(), first, first + static_cast<std::ptrdiff_t>(n));
  });
}

Mutator insert_operation() {
  return [](Rng& rng, Case& c, const Case&) {
    if (c.schema->operations.empty() || c.operations.size() >= c.schema->most_operations) return;
    const auto at = static_cast<std::size_t>(rng.below(c.operations.size() + 1));
    c.operations.insert(iterator_at(c.operations, at), random_operation(rng, *c.schema));
  };
}

Mutator erase_operation() {
  return [](Rng& rng, Case& c, const Case&) {
    if (c.operations.empty()) return;
    c.operations.erase(iterator_at(c.operations, random_index(rng, c.operations)));
  };
}

Mutator duplicate_operation() {
  return [](Rng& rng, Case& c, const Case&) {
    if (c.operations.empty() || c.operations.size() >= c.schema->most_operations) return;
    const Operation copy = c.operations[random_index(rng, c.operations)];
    const auto at = static_cast<std::size_t>(rng.below(c.operations.size() + 1));
    c.operations.insert(iterator_at(c.operations, at), copy);
  };
}

Mutator swap_operations() {
  return [](Rng& rng, Case& c, const Case&) {
    if (c.operations.empty()) return;
    const std::size_t a = random_index(rng, c.operations);
    const std::size_t b = random_index(rng, c.operations);
    std::swap(c.operations[a], c.operations[b]);
  };
}

Mutator change_argument() {
  return [](Rng& rng, Case& c, const Case&) {
    if (c.operations.empty()) return;
    Operation& o = c.operations[random_index(rng, c.operations)];
    const OperationKind& kind = *find_operation(*c.schema, o.opcode);
    if (kind.args == 0) return;
    std::uint64_t& v = o.args[static_cast<std::size_t>(rng.below(kind.args))];
    v = changed_argument(rng, v);
  };
}

Mutator splice_operations() {
  return [](Rng& rng, Case& c, const Case& other) {
    const auto front = static_cast<std::size_t>(rng.below(c.operations.size() + 1));
    const auto from = static_cast<std::size_t>(rng.below(other.operations.size() + 1));
    if (&c == &other) return;
    c.operations.resize(front);
    const std::size_t n = std::min(other.operations.size() - from, c.schema->most_operations - front);
    const auto first = other.operations.begin() + static_cast<std::ptrdiff_t>(from);
    c.operations.insert(c.operations.end(), first, first + static_cast<std::ptrdiff_t>(n));
  };
}

}  // namespace diffvisor::mutate
