// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/program_setup.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/case/value_text.h"
#include "oracles/unicorn/linear_map.h"
#include "oracles/unicorn/program_boot.h"
#include "oracles/unicorn/program_registers.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kFill = 0xf4f4f4f4f4f4f4f4;  // HLT
constexpr unsigned kLoaded[] = {kCs, kSs, kDs, kEs, kFs, kGs};

// Where segment registers come from. Own: a GDT with a descriptor for each, as what the case's tables and selectors
// are has no part in the difference.
enum class Segments { AsOpened, Own, OfCase };

bool unusable(const Case& c, unsigned s) { return (c.v[attr_of(s)] >> attr::UNUSABLE & 1) != 0; }

// ---- memory

Image background() {
  Image i;
  write_background(i.bytes.data());
  return i;
}

constexpr u64 own_index(unsigned segment) { return 8 * (u64{segment} + 1); }

// Without paging there are no page tables, and as exceptions are not delivered, no gates.
void copy_background(Image& i, Route route, Segments segments) {
  const Image all = background();
  if (route != Route::Registers) return i.copy(all, 0, kRamEnd);
  i.copy(all, kIvt, kGdt);
  i.copy(all, kCode, kStack);
  if (segments != Segments::OfCase) return;
  i.copy(all, kGdt, kIdt64);
  i.copy(all, kLdt, kPml5);
  for (const u64 tss : {kTss64, kTss32}) i.copy(all, tss, tss + kIoBitmap);
}

Image memory_of(const Case& c, Route route, Segments segments) {
  Image i;
  copy_background(i, route, segments);
  for (unsigned k = 0; k < kPatches; ++k)
    if (const u64 address = c.v[PatchAddress + k]; address != 0 && address <= kRamEnd - 8)
      i.put(address, c.v[PatchValue + k]);
  if (segments == Segments::Own && route == Route::Registers)
    for (const unsigned s : kLoaded) i.put(kGdt + own_index(s), descriptor_of(c, s));
  const auto& code = c.areas[kCodeArea];
  const u64 room = std::min<u64>(code.size(), kRamEnd - c.v[CodeAddress]);
  for (u64 k = 0; k < room; ++k) i.bytes[c.v[CodeAddress] + k] = std::to_integer<std::uint8_t>(code[k]);
  return i;
}

// How many qwords from `a` on go on as the first two do, and are not as in `made`.
std::uint32_t run_length(const Image& image, const Image& made, u64 a) {
  const auto differs = [&](u64 at) { return at < kRamEnd && image.qword(at) != made.qword(at); };
  if (!differs(a + 8)) return 1;
  const u64 step = image.qword(a + 8) - image.qword(a);
  u64 end = a + 16;
  while (differs(end) && image.qword(end) - image.qword(end - 8) == step) end += 8;
  return end - a > 16 ? static_cast<std::uint32_t>((end - a) / 8) : 1;
}

// What differs from nothing but noise, as rows: first the code region, which is one long run, then what lies on it.
std::vector<memory_row> memory_rows(const Image& image) {
  Image made;
  made.copy(background(), kData, kStack);
  std::vector<memory_row> rows = {{kCode, kFill, 0, (kData - kCode) / 8}};
  for (u64 a = kCode; a < kData; a += 8) made.put(a, kFill);
  for (u64 a = 0; a < kRamEnd; a += 8) {
    if (image.qword(a) == made.qword(a)) continue;
    const std::uint32_t count = run_length(image, made, a);
    rows.push_back({a, image.qword(a), count > 1 ? image.qword(a + 8) - image.qword(a) : 0, count});
    a += 8 * (count - 1);
  }
  return rows;
}

// The CPU loads its state by the tables of the background, whatever the case makes of them.
Image memory_before_boot(const Image& image) {
  Image i = image;
  i.copy(background(), kGdt, kCode);
  return i;
}

void add_late_rows(const Image& early, const Image& image, std::vector<memory_row>& rows) {
  for (u64 a = kGdt; a < kCode; a += 8)
    if (early.qword(a) != image.qword(a)) rows.push_back({a, image.qword(a), 0, 1});
}

// ---- linear addresses

u64 shown_bytes(const std::vector<view_row>& views, u64 page) {
  for (const view_row& v : views)
    if (page >= v.linear && page - v.linear < v.bytes) return v.bytes;
  return 0;
}

// Where the background's tables show RAM beyond the one-to-one part, joined as far as they go on.
std::vector<view_row> shown_views(bool is_long) {
  std::vector<view_row> out;
  for (const u64 base : view_bases()) {
    if (!is_long && base > 0xffffffff) continue;
    for (u64 offset = 0; offset < kViewBytes; offset += kPage) {
      const auto ram = ram_behind(base + offset);
      if (!ram || base + offset < kRamEnd) continue;
      view_row* last = out.empty() ? nullptr : &out.back();
      if (last != nullptr && last->linear + last->bytes == base + offset && last->ram + last->bytes == *ram)
        last->bytes += kPage;
      else
        out.push_back({base + offset, *ram, kPage});
    }
  }
  return out;
}

void add_walked(std::vector<view_row>& views, const std::vector<u64>& walked) {
  for (const u64 address : walked)
    if (const u64 page = address & ~(kPage - 1); page >= kRamEnd && shown_bytes(views, page) == 0)
      views.push_back({page, NOWHERE, kPage});
}

// A page of the code region that the case has no business with.
u64 boot_page(const Case& c) {
  const auto used = [&](u64 page) {
    const auto in = [&](u64 a) { return a + 2 * kPage > page && a < page + kPage; };
    bool any = in(c.v[CodeAddress]) || in(c.v[Rip]);
    for (unsigned k = 0; k < kPatches; ++k) any |= in(c.v[PatchAddress + k]);
    return any;
  };
  u64 page = kData - 2 * kPage;
  while (page > kCode && used(page)) page -= kPage;
  return page;
}

// ---- registers

void add_register(std::vector<register_row>& to, const Api& api, u64 low, u64 high = 0) {
  to.push_back({api.id, api.number, low, high});
}

void add_table(std::vector<register_row>& to, int id, u64 selector, u64 base, u64 limit) {
  to.push_back({id, static_cast<std::uint32_t>(selector), base, limit});
}

void add_tables(const Case& c, Segments segments, std::vector<register_row>& to) {
  if (segments == Segments::Own) add_table(to, UC_X86_REG_GDTR, 0, kGdt, kGdtLimit);
  if (segments != Segments::OfCase || c.v[ModeOf] == kReal16) return;
  add_table(to, UC_X86_REG_GDTR, 0, c.v[GdtrBase], c.v[GdtrLimit]);
  add_table(to, UC_X86_REG_IDTR, 0, c.v[IdtrBase], c.v[IdtrLimit]);
  add_table(to, UC_X86_REG_LDTR, c.v[LdtrSelector], c.v[LdtrBase], c.v[LdtrLimit]);
  add_table(to, UC_X86_REG_TR, c.v[TrSelector], c.v[TrBase], c.v[TrLimit]);
}

Selectors selectors_of(const Case& c, Segments segments) {
  const bool own = segments != Segments::OfCase || c.v[ModeOf] == kVirtual8086;
  Selectors out{{}, own ? kGdt : c.v[GdtrBase], own ? kLdt : c.v[LdtrBase]};
  for (const unsigned s : kLoaded)
    out.of[s] = segments != Segments::Own ? c.v[selector_of(s)]
                : unusable(c, s)          ? 0
                                          : own_index(s) | cpl_of(c.v.data());
  return out;
}

void add_segments(const Case& c, const Selectors& selectors, bool load, Setup& s) {
  for (const unsigned seg : kLoaded)
    if (load) add_register(s.registers, *api_of(selector_of(seg), true), selectors.of[seg]);
  if (!is_long(c.v[ModeOf])) return;
  for (const unsigned slot : {FsBase, GsBase})
    if (c.v[slot] != 0) add_register(s.registers, *api_of(slot, true), c.v[slot]);
}

void add_general(const Case& c, bool booted, Setup& s) {
  for (unsigned slot = Rax; slot <= R15; ++slot) {
    const bool used = booted && (slot == Rax || slot == Rsp);
    if (const auto api = api_of(slot, s.wide); api && (used || c.v[slot] != 0))
      add_register(s.registers, *api, c.v[slot]);
  }
  if (c.v[ModeOf] != kVirtual8086) add_register(s.registers, *api_of(Rflags, s.wide), c.v[Rflags]);
}

// SDM 1 8.1.7: FXSAVE keeps a bit, the tag word two: 3 is empty.
u64 whole_tags(u64 ftw) {
  u64 out = 0;
  for (unsigned i = 0; i < 8; ++i)
    if ((ftw >> i & 1) == 0) out |= u64{3} << 2 * i;
  return out;
}

// Those that the library, once opened, does not have as the golden case has them; the rest where it is not golden.
void add_others(const Case& c, bool booted, Setup& s) {
  const auto golden = golden_values(c);
  if (!booted) add_register(s.registers, *api_of(Cr4, s.wide), c.v[Cr4]);
  add_register(s.registers, *api_of(Fcw, s.wide), c.v[Fcw]);
  s.registers.push_back({UC_X86_REG_FPTAG, 0, whole_tags(c.v[Ftw]), 0});
  add_register(s.registers, *api_of(Mxcsr, s.wide), c.v[Mxcsr]);
  for (unsigned slot = Cr0; slot < kFirstState + kStateWords; ++slot) {
    const auto api = api_of(slot, s.wide);
    const bool control = slot == Cr0 || slot == Cr3 || slot == Cr4 || slot == Efer;
    const bool done = slot == Cr4 || slot == Fcw || slot == Mxcsr || (slot >= EsSelector && slot <= IdtrLimit);
    const bool is_late = slot == Cr3 && c.v[Cr3] != boot_cr3(c);
    if (!api || done || (booted && control ? !is_late : c.v[slot] == golden[slot])) continue;
    const bool pair = slot >= Xmm && slot <= XmmLast, upper = pair && (slot - Xmm) % 2 == 1;
    if (upper && c.v[slot - 1] != golden[slot - 1]) continue;  // written with the lower half
    const unsigned first = upper ? slot - 1 : slot;
    const u64 value = slot == Cr0 ? c.v[slot] & ~(u64{1} << cr0::PG) : c.v[first];
    add_register(s.registers, *api, value, pair ? c.v[first + 1] : 0);
    s.registers.back().number = api->number;
  }
}

// ---- what cannot be loaded

bool is_real_segment(const Case& c, unsigned s, u64 attributes) {
  return c.v[base_of(s)] == c.v[selector_of(s)] << 4 && c.v[limit_of(s)] == 0xffff && c.v[attr_of(s)] == attributes;
}

// Whether a descriptor where the selector leads can give the segment register what it holds.
bool is_as_booted(const Case& c, const Selectors& selectors, unsigned s) {
  if (c.v[ModeOf] == kVirtual8086) return is_real_segment(c, s, 0xf3);
  const bool pages = (c.v[attr_of(s)] >> attr::G & 1) != 0, is_null = selectors.is_null(s);
  if (unusable(c, s) || is_null) return unusable(c, s) && is_null;
  return selectors.place(s) <= kRamEnd - 8 && (!pages || (c.v[limit_of(s)] & 0xfff) == 0xfff);
}

bool segment_is_loaded(const Case& c, Route route, Segments segments, unsigned slot) {
  const unsigned part = (slot - EsSelector) % 4;
  if (slot >= LdtrSelector) return false;
  if (c.v[ModeOf] == kReal16) return part == 0 || (part == 1 && c.v[slot] == c.v[slot - 1] << 4);
  if (route != Route::Registers) return true;
  return segments == Segments::Own || (c.v[ModeOf] == kLong64 && (slot == FsBase || slot == GsBase));
}

// The first field that nothing loads; empty if there is none.
std::string unloadable(const Case& c, Route route, Segments segments, bool wide) {
  const bool booted = route != Route::Registers;
  if (c.v[ModeOf] == kVirtual8086 && !booted) return "virtual-8086 mode";
  if (c.v[ModeOf] == kCompatibility32 && !booted) return "compatibility mode";
  if (c.v[RepOne] != 0) return "REP is stopped after one iteration";
  for (const unsigned s : kLoaded)
    if (booted && c.v[ModeOf] != kReal16 && !is_as_booted(c, selectors_of(c, segments), s))
      return fmt::format("{} = {:#x}, which no descriptor gives", name_of_slot(attr_of(s)), c.v[attr_of(s)]);
  const auto golden = golden_values(c);
  for (unsigned slot = kFirstState; slot < kFirstState + kStateWords; ++slot) {
    if (c.v[slot] == golden[slot]) continue;
    const bool segment = slot >= EsSelector && slot <= TrAttr, table = slot >= GdtrBase && slot <= IdtrLimit;
    const bool loaded = segment ? segment_is_loaded(c, route, segments, slot) : table || api_of(slot, wide).has_value();
    if (!loaded) return fmt::format("{} = {:#x}, which nothing loads", name_of_slot(slot), c.v[slot]);
  }
  return {};
}

// ---- all of it

Segments segments_of(const Case& c, Route route, bool tables) {
  const u64 mode = c.v[ModeOf];
  if (mode == kReal16 || mode == kVirtual8086) return tables ? Segments::OfCase : Segments::AsOpened;
  if (tables) return Segments::OfCase;
  if (route != Route::Registers) return Segments::Own;
  if (is_long(mode)) return Segments::AsOpened;
  const auto golden = golden_values(c);
  bool is_golden = mode == kProtected32;
  for (unsigned slot = EsSelector; slot <= GsAttr; ++slot) is_golden &= c.v[slot] == golden[slot];
  return is_golden ? Segments::AsOpened : Segments::Own;
}

uc_mode mode_of(const Case& c) {
  if (c.v[ModeOf] == kReal16) return UC_MODE_16;
  return is_long(c.v[ModeOf]) ? UC_MODE_64 : UC_MODE_32;
}

// What must be there before the CPU runs code that loads the rest.
void prepare_boot(const Case& c, const Selectors& selectors, Setup& s) {
  s.boot_address = boot_page(c);
  if (c.v[ModeOf] == kReal16) add_register(s.early, *api_of(CsSelector, true), s.boot_address >> 4);
  if (c.v[Efer] != 0) s.early.push_back({UC_X86_REG_MSR, 0xc0000080, c.v[Efer], 0});
  add_boot(c, selectors, s);
}

}  // namespace

u64 Image::qword(u64 address) const {
  u64 value;
  std::memcpy(&value, bytes.data() + address, 8);
  return value;
}

// SDM 3A 3.4.5.
u64 descriptor_of(const Case& c, unsigned s) {
  const u64 base = c.v[base_of(s)], a = c.v[attr_of(s)];
  const u64 limit = (a >> attr::G & 1) != 0 ? c.v[limit_of(s)] >> 12 : c.v[limit_of(s)];
  return (limit & 0xffff) | (base & 0xffffff) << 16 | (a & 0xff) << 40 | (limit >> 16 & 0xf) << 48 |
         (a >> attr::AVL & 0xf) << 52 | (base >> 24 & 0xff) << 56;
}

void Image::put(u64 address, u64 value) { std::memcpy(bytes.data() + address, &value, 8); }

void Image::copy(const Image& from, u64 begin, u64 end) {
  const auto at = [](u64 a) { return static_cast<std::ptrdiff_t>(a); };
  std::copy(from.bytes.begin() + at(begin), from.bytes.begin() + at(end), bytes.begin() + at(begin));
}

std::string name_of_slot(unsigned slot) {
  const Field& f = field_of_slot(schema(), static_cast<Slot>(slot));
  return slot_name(f, slot - f.slot);
}

tl::unexpected<Error> impossible(std::string why) {
  return fail(ErrorCode::Usage, "unicorn", "no program shows it: " + why);
}

Result<Setup> setup_of(const Case& c, Route route, bool tables, const std::vector<u64>& walked) {
  const bool booted = route != Route::Registers, real = c.v[ModeOf] == kReal16;
  const Segments segments = segments_of(c, route, tables);
  Setup s;
  s.mode = mode_of(c);
  s.wide = s.mode == UC_MODE_64;
  s.start = real ? c.v[CsBase] + c.v[Rip] : c.v[Rip];
  s.image = memory_of(c, route, segments);
  if (const std::string why = unloadable(c, route, segments, s.wide); !why.empty()) return impossible(why);
  const Image early = booted ? memory_before_boot(s.image) : s.image;
  s.memory = memory_rows(early);
  s.early_memory = s.memory.size();
  add_late_rows(early, s.image, s.memory);
  if (route == Route::BootViews) s.views = shown_views(is_long(c.v[ModeOf]));
  if (booted) add_walked(s.views, walked);
  const Selectors selectors = selectors_of(c, segments);
  const bool by_tables = booted && c.v[ModeOf] != kVirtual8086;
  if (booted && !by_tables) add_tables(c, Segments::Own, s.early);
  add_tables(c, segments, by_tables ? s.early : s.registers);
  if (booted) prepare_boot(c, selectors, s);
  add_segments(c, selectors, real || (!booted && segments != Segments::AsOpened), s);
  add_general(c, booted, s);
  add_others(c, booted, s);
  return s;
}

}  // namespace diffvisor::unicorn
