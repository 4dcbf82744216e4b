// SPDX-License-Identifier: Apache-2.0
// Bounded little-endian reader and writer for hostile bytes: every read is total, the caller asks ok() once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace diffvisor {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // Reads n (1..8) bytes, little-endian. Past the end: 0, and ok() is false from then on.
  std::uint64_t little(std::size_t n) {
    if (n > left()) return ok_ = false, at_ = bytes_.size(), 0;
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < n; ++i) v |= std::to_integer<std::uint64_t>(bytes_[at_ + i]) << (8 * i);
    at_ += n;
    return v;
  }

  // At most n bytes, fewer at the end.
  std::span<const std::byte> take(std::size_t n) {
    const auto piece = bytes_.subspan(at_, n < left() ? n : left());
    at_ += piece.size();
    return piece;
  }

  std::size_t left() const { return bytes_.size() - at_; }
  bool ok() const { return ok_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

class Writer {
 public:
  void little(std::uint64_t v, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) bytes_.push_back(static_cast<std::byte>(v >> (8 * i)));
  }
  void append(std::span<const std::byte> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

inline std::span<const std::byte> as_byte_span(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

}  // namespace diffvisor
