// SPDX-License-Identifier: Apache-2.0
// The bytes of an instruction as the decoder takes them, one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "models/x86/decoder/decode.h"

namespace diffvisor::x86 {

// Bytes left of one instruction; sticky like a fault.
class Reader {
 public:
  Reader(std::span<const u8> bytes, std::size_t longest) : bytes_(bytes), longest_(longest) {}

  u8 byte() {
    if (at_ >= longest_) {
      status_ = DecodeStatus::TooLong;
    } else if (at_ >= bytes_.size()) {
      status_ = DecodeStatus::NeedsMore;
    }
    return ok() ? bytes_[at_++] : u8{0};
  }
  u8 peek() {
    const u8 b = byte();
    if (ok()) --at_;
    return b;
  }
  u64 little_endian(unsigned n) {
    u64 value = 0;
    for (unsigned i = 0; i < n; ++i) value |= u64{byte()} << 8 * i;
    return value;
  }
  u64 sign_extended(unsigned n) {
    const unsigned shift = 64 - 8 * n;
    return n == 0 ? 0 : static_cast<u64>(static_cast<std::int64_t>(little_endian(n) << shift) >> shift);
  }
  bool ok() const { return status_ == DecodeStatus::Ok; }
  DecodeStatus status() const { return status_; }
  // All that had to be read before #UD has been read, or could not be.
  DecodeStatus refused() const { return ok() ? DecodeStatus::Undefined : status_; }
  u8 at() const { return static_cast<u8>(at_); }
  bool has_read(u8 b) const {
    const auto seen = bytes_.first(at_);
    return std::find(seen.begin(), seen.end(), b) != seen.end();
  }

 private:
  std::span<const u8> bytes_;
  std::size_t longest_, at_ = 0;
  DecodeStatus status_ = DecodeStatus::Ok;
};

// Address size of the instruction, with or without the prefix 67.
u8 address_bytes(const DecodeMode& mode, bool prefix);
// SIB and displacement of the memory operand that ModRM names.
void read_memory_operand(const DecodeMode& mode, Reader& r, Instruction& i);

}  // namespace diffvisor::x86
