// SPDX-License-Identifier: Apache-2.0
#include "models/x86/memory.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "harness/arch/insn/fields.h"

namespace diffvisor::x86 {
namespace {

using u64 = std::uint64_t;

static_assert(std::endian::native == std::endian::little);

u64 qword(const std::vector<std::uint8_t>& ram, u64 address) {
  u64 value;
  std::memcpy(&value, &ram[address], 8);
  return value;
}

}  // namespace

Memory::Memory() : ram_(insn::kRamEnd) {
  insn::write_background(ram_.data());
  log_.reserve(1024);
}

Memory::Memory(std::vector<std::uint8_t> ram) : ram_(std::move(ram)) { log_.reserve(1024); }

u64 Memory::read(u64 address, unsigned bytes) const {
  u64 value = 0;
  std::memcpy(&value, &ram_[address], bytes);
  return value;
}

void Memory::write(u64 address, unsigned bytes, u64 value) {
  const u64 first = address & ~u64{7};
  const u64 last = (address + bytes - 1) & ~u64{7};
  log_.push_back({first, qword(ram_, first)});
  if (last != first) log_.push_back({last, qword(ram_, last)});
  std::memcpy(&ram_[address], &value, bytes);
}

void Memory::load(const u64* v, std::span<const std::byte> code) {
  for (unsigned i = 0; i < insn::kPatches; ++i)
    if (v[insn::PatchAddress + i] != 0) write(v[insn::PatchAddress + i], 8, v[insn::PatchValue + i]);
  for (std::size_t i = 0; i < code.size(); i += 8) {
    const std::size_t bytes = std::min<std::size_t>(8, code.size() - i);
    u64 value = 0;
    std::memcpy(&value, &code[i], bytes);
    write(v[insn::CodeAddress] + i, static_cast<unsigned>(bytes), value);
  }
  loaded_ = log_.size();
}

std::span<const insn::MemoryChange> Memory::changes() {
  changes_.clear();
  for (std::size_t i = loaded_; i < log_.size(); ++i) changes_.push_back({log_[i].address, i});
  std::sort(changes_.begin(), changes_.end(), [](const auto& a, const auto& b) {
    return a.address != b.address ? a.address < b.address : a.value < b.value;
  });
  // The oldest entry of an address knows what load() left there.
  const auto same_address = [](const auto& a, const auto& b) { return a.address == b.address; };
  changes_.erase(std::unique(changes_.begin(), changes_.end(), same_address), changes_.end());
  const auto unchanged = [this](const auto& c) { return log_[c.value].before == qword(ram_, c.address); };
  changes_.erase(std::remove_if(changes_.begin(), changes_.end(), unchanged), changes_.end());
  for (insn::MemoryChange& c : changes_) c.value = qword(ram_, c.address);
  return changes_;
}

void Memory::reset() {
  for (std::size_t i = log_.size(); i-- > 0;) std::memcpy(&ram_[log_[i].address], &log_[i].before, 8);
  log_.clear();
  loaded_ = 0;
}

}  // namespace diffvisor::x86
