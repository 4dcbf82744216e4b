// SPDX-License-Identifier: Apache-2.0
// The binary codec. Every record carries its own length, so a reader skips what a later schema dropped or added.
#include "harness/case/binary.h"

#include <algorithm>
#include <bit>

#include "harness/base/bits.h"
#include "harness/base/bytes.h"
#include "harness/base/check.h"
#include "harness/case/sparse.h"

namespace diffvisor {
namespace {

// Bits 7:6 of a record's first byte.
enum class Kind : std::uint8_t {
  Field,      // id:2 [element:1] value:n
  Area,       // id:2 length:n bytes
  Operation,  // opcode:1 then for each argument length:1 value
  Padding,    // nothing: the next byte starts a record
};

constexpr unsigned kHasElement = 8;  // bit 3 of a field record's first byte
constexpr std::size_t kHeaderSize = 2;
constexpr std::size_t kLargestField = 1 + 2 + 1 + 8;
constexpr std::size_t kLargestOperation = 1 + 1 + kMaxOperationArgs * 9;
constexpr std::size_t kLargestAreaHead = 1 + 2 + 8;

std::size_t bytes_needed(std::uint64_t v) {
  return std::max<std::size_t>(1, (static_cast<std::size_t>(std::bit_width(v)) + 7) / 8);
}

constexpr std::uint64_t head(Kind kind, std::size_t low) { return static_cast<std::uint64_t>(kind) << 6 | low; }

// One record under construction, then a buffer that takes it whole or refuses it and everything after it.
struct Record {
  std::array<std::byte, kLargestOperation> bytes;
  std::size_t size = 0;

  void little(std::uint64_t v, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) bytes[size++] = static_cast<std::byte>(v >> (8 * i));
  }
};

class Buffer {
 public:
  explicit Buffer(std::span<std::byte> out) : out_(out) {}

  void put(const Record& r, std::span<const std::byte> tail = {}) {
    if (full_ || r.size + tail.size() > out_.size() - size_) {
      full_ = true;
      return;
    }
    const auto at = out_.begin() + static_cast<std::ptrdiff_t>(size_);
    std::copy(tail.begin(), tail.end(), std::copy_n(r.bytes.begin(), r.size, at));
    size_ += r.size + tail.size();
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool full_ = false;
};

void put_header(Buffer& out, const Case& c) {
  CHECK(c.profile < 256);
  Record r;
  r.little(kBinaryVersion, 1);
  r.little(c.profile, 1);
  out.put(r);
}

void put_value(Buffer& out, const Field& f, unsigned element, std::uint64_t v) {
  const std::size_t n = bytes_needed(v);
  Record r;
  r.little(head(Kind::Field, n - 1) | (element != 0 ? kHasElement : 0), 1);
  r.little(f.id, 2);
  if (element != 0) r.little(element, 1);
  r.little(v, n);
  out.put(r);
}

void put_fields(Buffer& out, const Case& c, std::span<const std::uint64_t> base, bool baseline_roles) {
  for (const Field& f : c.schema->fields) {
    if (is_baseline_role(f.role) != baseline_roles) continue;
    for (unsigned i = 0; i < f.count; ++i)
      if (c.v[f.slot + i] != base[f.slot + i]) put_value(out, f, i, c.v[f.slot + i]);
  }
}

void put_area(Buffer& out, const ByteArea& area, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t n = bytes_needed(bytes.size());
  Record r;
  r.little(head(Kind::Area, n - 1), 1);
  r.little(area.id, 2);
  r.little(bytes.size(), n);
  out.put(r, bytes);
}

void put_operation(Buffer& out, const Schema& schema, const Operation& o) {
  const OperationKind* kind = find_operation(schema, o.opcode);
  CHECK(kind != nullptr);
  Record r;
  r.little(head(Kind::Operation, kind->args), 1);
  r.little(o.opcode, 1);
  for (std::size_t i = 0; i < kind->args; ++i) {
    const std::size_t n = o.args[i] == 0 ? 0 : bytes_needed(o.args[i]);
    r.little(n, 1);
    r.little(o.args[i], n);
  }
  out.put(r);
}

class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, Case& c) : in_(bytes), c_(c) {}

  void run() {
    in_.little(1);  // one version so far: an unknown one is read as the current one
    c_.profile = static_cast<std::uint16_t>(in_.little(1) % c_.schema->profiles.size());
    while (in_.left() > 0) record();
    values_.apply(c_);
  }

 private:
  void record() {
    const auto first = static_cast<unsigned>(in_.little(1));
    switch (static_cast<Kind>(first >> 6)) {
      case Kind::Field:
        return field(first);
      case Kind::Area:
        return area(first);
      case Kind::Operation:
        return operation(first);
      case Kind::Padding:
        return;
    }
  }

  void field(unsigned first) {
    const auto id = static_cast<std::uint16_t>(in_.little(2));
    const std::uint64_t element = (first & kHasElement) != 0 ? in_.little(1) : 0;
    const std::uint64_t value = in_.little((first & 7) + 1);
    const Field* f = in_.ok() ? find(id) : nullptr;
    if (f != nullptr) values_.set(f->slot + static_cast<std::size_t>(element % f->count), value & ones(f->width));
  }

  // Records written by us come in the schema's order: looking on from the last hit makes the whole decode one pass.
  const Field* find(std::uint16_t id) {
    const auto& fields = c_.schema->fields;
    for (std::size_t tried = 0; tried < fields.size(); ++tried) {
      const Field& f = fields[next_field_];
      if (f.id == id) return &f;
      next_field_ = next_field_ + 1 == fields.size() ? 0 : next_field_ + 1;
    }
    return nullptr;
  }

  void area(unsigned first) {
    const auto id = static_cast<std::uint16_t>(in_.little(2));
    const auto bytes = in_.take(static_cast<std::size_t>(in_.little((first & 7) + 1)));
    const auto it = std::ranges::find(c_.schema->areas, id, &ByteArea::id);
    if (!in_.ok() || it == c_.schema->areas.end()) return;
    const auto kept = bytes.first(std::min(bytes.size(), it->largest));
    c_.areas[static_cast<std::size_t>(it - c_.schema->areas.begin())].assign(kept.begin(), kept.end());
  }

  void operation(unsigned first) {
    Operation o;
    o.opcode = static_cast<std::uint8_t>(in_.little(1));
    const OperationKind* kind = find_operation(*c_.schema, o.opcode);
    for (unsigned i = 0; i < (first & 7); ++i) {
      const std::uint64_t v = argument();
      if (kind != nullptr && i < kind->args) o.args[i] = v;
    }
    if (in_.ok() && kind != nullptr && c_.operations.size() < c_.schema->most_operations) c_.operations.push_back(o);
  }

  std::uint64_t argument() {
    const std::uint64_t n = std::min<std::uint64_t>(in_.little(1) & 15, 8);
    return n == 0 ? 0 : in_.little(static_cast<std::size_t>(n));
  }

  Reader in_;
  Case& c_;
  SparseValues values_;
  std::size_t next_field_ = 0;
};

}  // namespace

std::size_t encode_binary(const Case& c, std::span<std::byte> bytes) {
  Buffer out(bytes);
  put_header(out, c);
  const auto base = baseline_values(c);
  put_fields(out, c, base, false);
  put_fields(out, c, base, true);
  for (std::size_t i = 0; i < c.areas.size(); ++i) put_area(out, c.schema->areas[i], c.areas[i]);
  for (const Operation& o : c.operations) put_operation(out, *c.schema, o);
  return out.size();
}

std::vector<std::byte> encode_binary(const Case& c) {
  std::vector<std::byte> bytes(largest_binary(*c.schema));
  bytes.resize(encode_binary(c, bytes));
  return bytes;
}

std::size_t largest_binary(const Schema& schema) {
  std::size_t n = kHeaderSize + schema.slots * kLargestField + schema.most_operations * kLargestOperation;
  for (const ByteArea& a : schema.areas) n += kLargestAreaHead + a.largest;
  return n;
}

void decode_binary(std::span<const std::byte> bytes, const Schema& schema, Case& c) {
  c.schema = &schema;
  c.areas.resize(schema.areas.size());
  for (auto& a : c.areas) a.clear();
  c.operations.clear();
  Decoder(bytes, c).run();
}

Case decode_binary(std::span<const std::byte> bytes, const Schema& schema) {
  Case c;
  decode_binary(bytes, schema, c);
  return c;
}

}  // namespace diffvisor
