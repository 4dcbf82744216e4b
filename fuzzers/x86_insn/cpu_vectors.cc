// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/cpu_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

using Json = nlohmann::json;
using u64 = std::uint64_t;

constexpr u64 kRealRam = 0x110000;            // to ffff:ffff and a little
constexpr u64 kUserRam = 0x80000;             // page tables and up to a hundred pages
constexpr u64 kTables = 0x1000;               // the first of them is CR3
constexpr std::size_t kMostBytes = 1u << 16;  // of memory in one vector
constexpr std::size_t kLongestText = 1024;
constexpr u64 kRealFlags = 0xfd5;  // an 80286 has no others in real mode
constexpr u64 kEntry = 0x67;       // present, writable, user, accessed, dirty

struct Name {
  std::string_view name;
  Slot slot;
};
constexpr Name kRealNames[] = {{"ax", Rax},        {"cx", Rcx},       {"dx", Rdx},        {"bx", Rbx},
                               {"sp", Rsp},        {"bp", Rbp},       {"si", Rsi},        {"di", Rdi},
                               {"ip", Rip},        {"flags", Rflags}, {"cs", CsSelector}, {"ds", DsSelector},
                               {"es", EsSelector}, {"ss", SsSelector}};
constexpr Name kUserNames[] = {{"ax", Rax}, {"cx", Rcx}, {"dx", Rdx}, {"bx", Rbx}, {"sp", Rsp},
                               {"bp", Rbp}, {"si", Rsi}, {"di", Rdi}, {"ip", Rip}, {"flags", Rflags}};

// Guest-physical memory behind 4-level page tables that are made as pages are named.
class UserMemory {
 public:
  explicit UserMemory(std::vector<std::uint8_t>& ram) : ram_(ram) {}

  u64 gpa(u64 linear) {
    const auto it = pages_.find(linear >> 12);
    return it == pages_.end() ? ~u64{0} : it->second | (linear & 0xfff);
  }

  // Pages beyond what there is room for stay absent.
  void map(u64 linear) {
    if (pages_.contains(linear >> 12) || free_ + 4 * kPage > ram_.size()) return;
    u64 table = kTables;
    for (unsigned level = 4; level > 1; --level) table = below(table + 8 * (linear >> (3 + 9 * level) & 0x1ff));
    const u64 page = take();
    write(table + 8 * (linear >> 12 & 0x1ff), page | kEntry);
    pages_[linear >> 12] = page;
  }

 private:
  u64 take() {
    const u64 page = free_;
    free_ += kPage;
    return page;
  }
  u64 below(u64 entry) {
    u64 value = 0;
    for (unsigned i = 8; i-- > 0;) value = value << 8 | ram_[entry + i];
    if (value == 0) write(entry, value = take() | kEntry);
    return value & ~u64{0xfff};
  }
  void write(u64 at, u64 value) {
    for (unsigned i = 0; i < 8; ++i) ram_[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
  }

  std::vector<std::uint8_t>& ram_;
  std::map<u64, u64> pages_;
  u64 free_ = kTables + kPage;
};

// Reads one object; the first thing that is not right is remembered, what follows reads as 0.
class Reader {
 public:
  Reader(const Json& object, std::string place) : object_(object) { v_.place = std::move(place); }

  Result<CpuVector> read() {
    v_.name = text(object_, "name");
    const std::string mode = object_.contains("mode") ? text(object_, "mode") : "real16";
    if (mode == "real16") {
      real();
    } else if (mode == "long64" || mode == "compat32") {
      user(mode == "long64");
    } else {
      complain(fmt::format("mode \"{}\" is not real16, long64 or compat32", mode));
    }
    if (!problem_.empty()) return fail(ErrorCode::Format, v_.place, problem_);
    return std::move(v_);
  }

 private:
  void complain(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }
  const Json& at(const Json& j, const std::string& key) {
    static const Json kNothing;
    const auto it = j.is_object() ? j.find(key) : j.end();
    if (j.is_object() && it != j.end()) return *it;
    complain(fmt::format("\"{}\" is missing", key));
    return kNothing;
  }
  std::string text(const Json& j, const std::string& key) {
    const Json& value = at(j, key);
    if (value.is_string() && value.get_ref<const std::string&>().size() <= kLongestText)
      return value.get<std::string>();
    complain(fmt::format("\"{}\" must be a short text", key));
    return {};
  }
  u64 number(const Json& j) {
    if (j.is_number_unsigned()) return j.get<u64>();
    complain("numbers are unsigned and whole");
    return 0;
  }
  const Json& registers(const char* when) { return at(at(object_, when), "regs"); }

  void start(const char* profile, unsigned mode, u64 ram) {
    v_.c = golden_case(schema(), *find_profile(schema(), profile));
    v_.c[ModeOf] = mode;
    reset_to_golden(v_.c);
    v_.ram.resize(ram);
  }

  // The instruction and the HLT behind it, or behind the handler of its exception.
  void real() {
    start("i_two_eight_six", kReal16, kRealRam);
    Case& c = v_.c;
    for (const Name& n : kRealNames) c[n.slot] = number(at(registers("initial"), std::string(n.name))) & 0xffff;
    c[Rflags] = (c[Rflags] & kRealFlags) | 2;
    for (unsigned s = kEs; s <= kDs; ++s) c[base_of(s)] = c[selector_of(s)] << 4;
    c[Deliver] = 1;
    c[ExtraSteps] = 1;
    v_.outcome = make_outcome(OutcomeKind::Halt);
    memory([](u64 address) { return address; });
    u64 undefined = 0;
    if (object_.contains("exception")) {
      const Json& e = at(object_, "exception");
      if (number(at(e, "number")) == kDE) undefined = rflags::kStatus;
      if (e.contains("flag_address")) v_.undefined_bytes.push_back(number(e["flag_address"]));
    }
    for (const Name& n : kRealNames)
      expect(n.slot, std::string(n.name), n.slot == Rflags ? kRealFlags & ~undefined : 0xffff);
  }

  void user(bool wide) {
    start("zen_five", wide ? kLong64 : kCompatibility32, kUserRam);
    Case& c = v_.c;
    processor(wide);
    map_and_fill(wide);
    for (const Name& n : kUserNames) c[n.slot] = number(at(registers("initial"), full_name(n.name, wide)));
    for (unsigned r = 8; wide && r < 16; ++r)
      c[static_cast<Slot>(Rax + r)] = number(at(registers("initial"), fmt::format("r{}", r)));
    for (unsigned i = 0; i < 16; ++i) vector_register(i);
    outcome();
    const u64 undefined = object_.contains("undefined") ? number(object_["undefined"]) : 0;
    const u64 flags = rflags::kDefined & ~undefined & ~bits_at({rflags::RF});
    for (const Name& n : kUserNames) expect(n.slot, full_name(n.name, wide), n.slot == Rflags ? flags : ~u64{0});
    for (unsigned r = 8; wide && r < 16; ++r) expect(static_cast<Slot>(Rax + r), fmt::format("r{}", r), ~u64{0});
  }

  static std::string full_name(std::string_view name, bool wide) { return (wide ? "r" : "e") + std::string(name); }

  // As a Linux kernel leaves it to a program.
  void processor(bool wide) {
    Case& c = v_.c;
    c[Cr3] = kTables;
    c[Cr0] |= bits_at({cr0::AM, cr0::MP});
    for (const unsigned s : {kSs, kDs, kEs, kFs, kGs}) {
      c[selector_of(s)] = 0x2b;
      c[attr_of(s)] = 0xc0f3;
    }
    c[CsSelector] = 0x33;
    c[CsAttr] = wide ? 0xa0fb : 0xc0fb;
  }

  void map_and_fill(bool wide) {
    constexpr u64 kAlways[] = {0x10000000, 0x20000000, 0x20001000, 0x20002000, 0x20003000, 0x30000000, 0x30001000};
    UserMemory m(v_.ram);
    for (const u64 page : kAlways) m.map(page);
    for (const u64 page : {u64{0x5000}, u64{0x6000}})
      if (!wide) m.map(page);
    for (const char* when : {"initial", "final"})
      for (const Json& item : items(when)) m.map(number(item[0]));
    memory([&m](u64 address) { return m.gpa(address); });
  }

  // 32 digits, most significant first. Registers that are not given are 0 and stay so.
  void take_vector(const Json& from, const std::string& name, u64* half) {
    if (!from.is_object() || !from.contains(name)) return;
    const std::string digits = text(from, name);
    if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      return complain("an XMM register has 32 hexadecimal digits");
    half[1] = std::stoull(digits.substr(0, 16), nullptr, 16);
    half[0] = std::stoull(digits.substr(16), nullptr, 16);
  }

  void vector_register(unsigned i) {
    u64 half[2] = {};
    const auto low = static_cast<Slot>(Xmm + 2 * i), high = static_cast<Slot>(low + 1);
    take_vector(registers("initial"), fmt::format("xmm{}", i), half);
    v_.c[low] = half[0];
    v_.c[high] = half[1];
    take_vector(registers("final"), fmt::format("xmm{}", i), half);
    v_.registers.push_back({low, half[0], ~u64{0}});
    v_.registers.push_back({high, half[1], ~u64{0}});
  }

  void outcome() {
    v_.outcome = make_outcome(OutcomeKind::Done);
    if (!object_.contains("exception")) return;
    const Json& e = at(object_, "exception");
    const u64 vector = number(at(e, "number"));
    if (vector > 31) return complain("exceptions have numbers up to 31");
    v_.outcome = make_outcome(OutcomeKind::Exception, static_cast<std::uint32_t>(vector));
    if (e.contains("error")) v_.error_code = number(e["error"]);
    if (e.contains("cr2")) v_.payload = number(e["cr2"]);
  }

  std::span<const Json> items(const char* when) {
    const Json& list = at(at(object_, when), "ram");
    const auto pair = [](const Json& item) { return item.is_array() && item.size() == 2; };
    const bool good = list.is_array() && list.size() <= kMostBytes && std::ranges::all_of(list, pair);
    if (good) return list.get_ref<const Json::array_t&>();
    complain("\"ram\" is a list of pairs: an address and a byte");
    return {};
  }

  template <class Translate>
  void memory(Translate translate) {
    fill(items("initial"), translate, v_.ram);
    v_.ram_after = v_.ram;
    fill(items("final"), translate, v_.ram_after);
  }

  template <class Translate>
  void fill(std::span<const Json> bytes, Translate translate, std::vector<std::uint8_t>& ram) {
    for (const Json& item : bytes) {
      const u64 address = translate(number(item[0])), value = number(item[1]);
      if (address >= ram.size() || value > 0xff) return complain("memory is beyond what there can be");
      ram[address] = static_cast<std::uint8_t>(value);
    }
  }

  // INT3 and INTO were seen after delivery; a case reports them before.
  void expect(Slot slot, const std::string& name, u64 mask) {
    const Json& after = registers("final");
    u64 value = v_.c[slot];
    const bool software = v_.outcome == make_outcome(OutcomeKind::Exception, kBP) ||
                          v_.outcome == make_outcome(OutcomeKind::Exception, kOF);
    if (after.is_object() && after.contains(name) && !(software && slot == Rip)) value = number(after[name]);
    v_.registers.push_back({slot, value & mask, mask});
  }

  const Json& object_;
  CpuVector v_;
  std::string problem_;
};

Result<CpuVector> read_one(const Json& object, std::string place) {
  if (!object.is_object()) return fail(ErrorCode::Format, std::move(place), "a vector is a JSON object");
  return Reader(object, std::move(place)).read();
}

u64 loose_bits(const Observation& seen, unsigned slot) {
  u64 bits = 0;
  for (const Loose& l : seen.loose)
    if (l.slot == slot) bits |= l.bits;
  return bits;
}

u64 qword(const std::vector<std::uint8_t>& ram, u64 address) {
  u64 value = 0;
  for (unsigned i = 8; i-- > 0;) value = value << 8 | ram[address + i];
  return value;
}

// Bits of the qword at `address` that are pushed flags.
u64 undefined_bits(const CpuVector& v, u64 address) {
  u64 bits = 0;
  for (const u64 flags : v.undefined_bytes)
    for (u64 a = flags; a < flags + 2; ++a)
      if (a / 8 == address / 8) bits |= u64{0xff} << 8 * (a % 8);
  return bits;
}

// A few changed qwords are in the record; of more there is the digest.
std::string memory_difference(const CpuVector& v, const Observation& seen) {
  std::vector<MemoryChange> changes;
  for (u64 a = 0; a + 8 <= v.ram.size(); a += 8)
    if (qword(v.ram, a) != qword(v.ram_after, a)) changes.push_back({a, qword(v.ram_after, a)});
  if (seen.record[kMemoryCount] != changes.size())
    return fmt::format("{} qwords changed, recorded {}", seen.record[kMemoryCount], changes.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(changes.size(), kMemoryShown); ++i) {
    const u64 address = seen.record[kMemoryAddress + i], value = seen.record[kMemoryValue + i];
    if (address != changes[i].address || ((value ^ changes[i].value) & ~undefined_bits(v, address)) != 0)
      return fmt::format("qword {:#x} is {:#x}, recorded {:#x} at {:#x}", address, value, changes[i].value,
                         changes[i].address);
  }
  const bool all_shown = changes.size() <= kMemoryShown;
  if (!all_shown && seen.record[kMemoryDigest] != memory_digest(changes.data(), changes.size()))
    return "memory is not as recorded";
  return {};
}

}  // namespace

bool is_cpu_vectors(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  return text[first] == '[' || text.substr(0, text.find('\n')).find("\"initial\"") != std::string_view::npos;
}

Result<std::vector<CpuVector>> read_cpu_vectors(std::string_view text, std::string_view place) {
  std::vector<CpuVector> out;
  const auto add = [&](const Json& object, std::string where) -> Result<void> {
    if (out.size() == kMostCpuVectors) return fail(ErrorCode::Format, std::move(where), "too many vectors");
    auto v = read_one(object, std::move(where));
    if (!v) return tl::unexpected(v.error());
    out.push_back(std::move(*v));
    return {};
  };
  const Json all = Json::parse(text, nullptr, false);
  if (all.is_array()) {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (auto done = add(all[i], fmt::format("{}, vector {}", place, i)); !done) return tl::unexpected(done.error());
    return out;
  }
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json object = Json::parse(one, nullptr, false);
    const std::string where = fmt::format("{}:{}", place, line);
    if (object.is_discarded()) return fail(ErrorCode::Format, where, "is not JSON");
    if (auto done = add(object, where); !done) return tl::unexpected(done.error());
  }
  return out;
}

std::string difference(const CpuVector& v, const Observation& seen) {
  if (seen.status != Status::Ran) return fmt::format("was not judged: {}", seen.reason);
  if (seen.outcome != v.outcome)
    return fmt::format("came to {}, recorded {}", outcome_text(seen.outcome), outcome_text(v.outcome));
  if (v.error_code && seen.record[kErrorCode] != *v.error_code)
    return fmt::format("error code is {:#x}, recorded {:#x}", seen.record[kErrorCode], *v.error_code);
  if (v.payload && seen.record[kPayload] != *v.payload)
    return fmt::format("CR2 is {:#x}, recorded {:#x}", seen.record[kPayload], *v.payload);
  for (const CpuVector::Register& r : v.registers) {
    const unsigned slot = r.slot - kFirstState;
    const u64 loose = v.c[ModeOf] == kReal16 ? loose_bits(seen, slot) : 0;
    if (((seen.record[slot] ^ r.value) & r.mask & ~loose) != 0)
      return fmt::format("{} is {:#x}, recorded {:#x}", field_of_slot(schema(), r.slot).name,
                         seen.record[slot] & r.mask, r.value);
  }
  return memory_difference(v, seen);
}

}  // namespace diffvisor::x86_insn
