// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/reading.h"

#include <algorithm>
#include <cstring>

#include "harness/arch/insn/schema.h"
#include "oracles/native/guest_pages.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

// Flags that a program has for itself; the others are the kernel's and stay as the case has them.
constexpr u64 kOwnFlags = rflags::kStatus | bit(rflags::DF) | bit(rflags::ID);
constexpr u64 kPoppedFlags = bit(rflags::TF) | bit(rflags::NT) | bit(rflags::AC);
constexpr u64 kDr6SingleStep = bit(14);
constexpr u64 kMostIterations = 4096;

constexpr u32 kFetch = 1 << 4, kUserWriteFetch = 1 << 1 | 1 << 2 | kFetch, kPresent = 1, kReserved = 1 << 3;

template <class T>
T get(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void put(std::uint8_t* to, u64 value) {
  const T narrow = static_cast<T>(value);
  std::memcpy(to, &narrow, sizeof narrow);
}

unsigned top_of(u64 fsw) { return static_cast<unsigned>(fsw >> 11 & 7); }

// ST(i) is physical register TOP + i.
std::size_t st_of(unsigned physical, u64 fsw) { return fx::kSt + 16 * ((physical - top_of(fsw)) & 7); }

void encode_fx(const u64* v, std::uint8_t* image) {
  std::memset(image, 0, 512);
  put<u16>(image + fx::kFcw, v[Fcw]);
  put<u16>(image + fx::kFsw, v[Fsw]);
  put<std::uint8_t>(image + fx::kFtw, v[Ftw]);
  put<u32>(image + fx::kMxcsr, v[Mxcsr]);
  for (unsigned i = 0; i < 8; ++i) {
    put<u64>(image + st_of(i, v[Fsw]), v[Mm + i]);
    put<u16>(image + st_of(i, v[Fsw]) + 8, 0xffff);
  }
  for (unsigned i = 0; i < 32; ++i) put<u64>(image + fx::kXmm + 8 * i, v[Xmm + i]);
}

void read_fx(const std::uint8_t* image, Observation& o) {
  const auto keep = [&o](unsigned slot, u64 value) { set(o, slot - kFirstState, value); };
  const u64 fsw = get<u16>(image + fx::kFsw);
  keep(Fcw, get<u16>(image + fx::kFcw));
  keep(Fsw, fsw);
  keep(Ftw, image[fx::kFtw]);
  keep(Mxcsr, get<u32>(image + fx::kMxcsr));
  for (unsigned i = 0; i < 8; ++i) keep(Mm + i, get<u64>(image + st_of(i, fsw)));
  for (unsigned i = 0; i < 32; ++i) keep(Xmm + i, get<u64>(image + fx::kXmm + 8 * i));
}

u64 native_flags(const Case& c, const Instruction& i) {
  u64 flags = (c[Rflags] & kOwnFlags) | bit(rflags::IF) | 2;
  if ((c[Cr0] & bit(cr0::AM)) != 0) flags |= c[Rflags] & bit(rflags::AC);
  return i.stop == Stop::SingleStep ? flags | bit(rflags::TF) : flags;
}

bool pops_flags(const Instruction& i) {
  return i.is(ZYDIS_MNEMONIC_POPF) || i.is(ZYDIS_MNEMONIC_POPFD) || i.is(ZYDIS_MNEMONIC_POPFQ);
}

void read_state(const Case& c, const Instruction& i, const NativeResult& r, u64 rip, bool completed, Observation& o) {
  const u64 mask = i.wide ? ~u64{0} : 0xffffffff;
  for (unsigned n = 0; n < 16; ++n) {
    const bool exists = i.wide || n < 8;
    set(o, Rax - kFirstState + n, exists ? r.general[n] & mask : 0);
  }
  set(o, Rip - kFirstState, rip & mask);
  u64 own = completed && pops_flags(i) ? kOwnFlags | kPoppedFlags : kOwnFlags;
  if (i.is(ZYDIS_MNEMONIC_POPF)) own &= 0xffff;  // leaves the rest, AC too, as it was
  set(o, Rflags - kFirstState, ((c[Rflags] & ~own) | (r.rflags & own)) & ~bit(rflags::RF));
  read_fx(r.fx, o);
  set(o, kMemoryCount, r.memory_count);
  set(o, kMemoryDigest, r.memory_digest);
  for (unsigned n = 0; n < kMemoryShown; ++n) {
    set(o, kMemoryAddress + n, r.memory[n].address);
    set(o, kMemoryValue + n, r.memory[n].value);
  }
}

// ---- what ended it

enum class Ended : std::uint8_t { Completed, Fault, Software, Elsewhere };
struct Ending {
  Ended how = Ended::Elsewhere;
  u64 rip = 0;  // of the record
};

Ending ending_of(const Case& c, const Instruction& i, const NativeResult& r) {
  const u64 mask = i.wide ? ~u64{0} : 0xffffffff, rip = r.rip & mask;
  if (r.stop_overwritten != 0) return {};
  const bool is_software = i.is(ZYDIS_MNEMONIC_INT3)   ? r.trap == kBP
                           : i.is(ZYDIS_MNEMONIC_INTO) ? r.trap == kOF
                                                       : i.is(ZYDIS_MNEMONIC_INT1) && r.trap == kDB;
  if (is_software && rip == i.next) return {Ended::Software, c[Rip]};
  if (i.stop == Stop::SingleStep && r.trap == kDB) return {Ended::Completed, rip};
  if (i.stop == Stop::Breakpoint && r.trap == kBP)
    for (unsigned s = 0; s < i.stops; ++s)
      if (rip == ((i.stop_at[s] + 1) & mask)) return {Ended::Completed, i.stop_at[s]};
  if (r.trap == kDB || r.trap == kBP) return {};
  if (rip == c[Rip]) return {Ended::Fault, rip};
  // What comes next faults, and needs no INT3 to.
  if (i.stop == Stop::Breakpoint && (rip == i.next || (i.has_target && rip == i.target)))
    return {Ended::Completed, rip};
  return {};
}

// ---- exceptions

// Which accesses fault is the mappings' doing; whether the page is present, the case's page tables say.
Limit page_fault(const NativeResult& r, u32& error_code) {
  if (r.fault_address >> 47 != 0) return Limit::UpperHalf;
  const Page p = user_page(r.fault_address);
  const bool writes = (r.error_code & 2) != 0, fetches = (r.error_code & kFetch) != 0;
  if (p.user_may(writes, fetches))
    return !p.in_ram() ? Limit::NoMemory : p.used ? Limit::HostFault : Limit::AccessedBits;
  error_code = (r.error_code & kUserWriteFetch) | (p.kind != Page::kAbsent ? kPresent : 0) |
               (p.kind == Page::kReserved ? kReserved : 0);
  return Limit::None;
}

// An instruction the decoder does not know has to be undefined, or out of reach.
bool is_believable(const Instruction& i, const NativeResult& r) {
  return i.known || r.trap == kUD || r.trap == kGP || (r.trap == kPF && (r.error_code & kFetch) != 0);
}

Observation fault(const Case& c, const Instruction& i, const NativeResult& r) {
  if (!is_believable(i, r)) return incomparable(reason_of(Limit::UnknownInstruction));
  if (r.trap > kCP) return incomparable(reason_of(Limit::RanOn));
  if (r.trap == kXM && (c[Cr4] & bit(cr4::OSXMMEXCPT)) == 0) return incomparable(reason_of(Limit::SimdException));
  u32 error_code = r.error_code;
  if (r.trap == kPF)
    if (const Limit limit = page_fault(r, error_code); limit != Limit::None) return incomparable(reason_of(limit));
  Observation o = ran(make_outcome(OutcomeKind::Exception, r.trap));
  if (has_error_code(r.trap)) set(o, kErrorCode, error_code);
  if (r.trap == kPF) set(o, kPayload, r.fault_address);
  set(o, kSteps, 0);
  return o;
}

Observation software(const Instruction& i) {
  const Vector vector = i.is(ZYDIS_MNEMONIC_INT3) ? kBP : i.is(ZYDIS_MNEMONIC_INTO) ? kOF : kDB;
  Observation o = ran(make_outcome(OutcomeKind::Exception, vector));
  set(o, kSteps, 0);
  return o;
}

Observation completed(const Case& c, const Instruction& i) {
  if (!i.known) return incomparable(reason_of(Limit::UnknownInstruction));
  if ((c[Rflags] & bit(rflags::TF)) == 0) {
    Observation o = ran(make_outcome(OutcomeKind::Done));
    set(o, kSteps, 1);
    return o;
  }
  Observation o = ran(make_outcome(OutcomeKind::Exception, kDB));
  set(o, kPayload, kDr6SingleStep);
  return o;
}

u64 iterations(const Case& c, const Instruction& i, const NativeResult& r) {
  if (!i.is_repeated) return 0;
  const u64 mask = i.decoded.address_width == 64 ? ~u64{0} : (u64{1} << i.decoded.address_width) - 1;
  return (c[Rcx] - r.general[1]) & mask;
}

Observation outcome_of(const Case& c, const Instruction& i, const NativeResult& r, Ended how) {
  switch (how) {
    case Ended::Completed:
      return completed(c, i);
    case Ended::Fault:
      return fault(c, i, r);
    case Ended::Software:
      return software(i);
    case Ended::Elsewhere:
      break;
  }
  return incomparable(reason_of(Limit::RanOn));
}

}  // namespace

void encode(const Case& c, const Instruction& i, NativeCase& out) {
  const u64* v = c.v.data();
  Registers& start = out.start;
  for (unsigned n = 0; n < 16; ++n) start.general[n] = v[Rax + n];
  start.rip = v[Rip];
  start.cs = v[CsSelector];
  start.rflags = native_flags(c, i);
  start.rsp = v[Rsp];
  start.ss = v[SsSelector];
  encode_fx(v, start.fx);
  out.pages = i.pages;
  for (unsigned s = 0; s < kStops; ++s) {
    const bool planted = i.stop == Stop::Breakpoint && s < i.stops;
    out.stop[s] = planted ? static_cast<u32>(user_page(i.stop_at[s]).gpa) : kNoStop;
  }
  for (unsigned p = 0; p < kPatches; ++p) out.patch[p] = {v[PatchAddress + p], v[PatchValue + p]};
  out.code_address = static_cast<u32>(v[CodeAddress]);
  const auto& code = c.areas[kCodeArea];
  out.code_bytes = static_cast<u32>(code.size());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(code.data()), code.size(), out.code);
}

Observation read(const Case& c, const Instruction& i, const NativeResult& r) {
  const Ending ending = ending_of(c, i, r);
  Observation o = outcome_of(c, i, r, ending.how);
  if (o.status != Status::Ran) return o;
  if (iterations(c, i, r) > kMostIterations) return incomparable(reason_of(Limit::RepTooLong));
  if (r.tables_written != 0) return incomparable(reason_of(Limit::WrittenTables));
  const bool is_exception = kind_of(o.outcome) == OutcomeKind::Exception;
  if (is_exception && c[Deliver] != 0) return incomparable(reason_of(Limit::Delivery));
  read_state(c, i, r, ending.rip, ending.how == Ended::Completed, o);
  return o;
}

}  // namespace diffvisor::native
