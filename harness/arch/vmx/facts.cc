// SPDX-License-Identifier: Apache-2.0
// Memory facts: which bytes each one names, whether a case may set them, and what they read as when it may not.
#include <array>
#include <cstring>

#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"

namespace diffvisor::vmx {
namespace {

enum class Place : std::uint8_t {
  Nowhere,   // RAM that is not the case's: the fact keeps its value and means nothing
  Page,      // bytes the case sets
  AllOnes,   // above RAM
  Revision,  // the current VMCS: its first dword is the revision identifier
};

struct Region {
  Gpa address;
  Place place;
};

constexpr std::size_t kVtprBytes = 1, kLinkBytes = 4, kPdpteBytes = 32, kEntryBytes = 16;
constexpr std::size_t kListBytes = kEntryBytes * kEntryMsrFacts;

using agent::above_ram;
using agent::in_scratch;
using agent::inside;

constexpr Region region(Gpa a, std::size_t size, bool settable) {
  return {a, settable ? Place::Page : above_ram(a, size) ? Place::AllOnes : Place::Nowhere};
}

Region vtpr_region(const std::uint64_t* v) {
  const Gpa a = v[VirtualApicAddr] + 0x80;
  return region(a, kVtprBytes, in_scratch(a, kVtprBytes));
}

// The second VMCS is a page like others, unless it is the current one and its indicator must stay.
Region link_region(const std::uint64_t* v) {
  const Gpa a = v[VmcsLinkPointer];
  if (a == kVmcs) return {a, Place::Revision};
  const bool spare = a == kShadowVmcs && (v[Context] >> kShadowCurrent & 1) == 0;
  return region(a, kLinkBytes, spare || in_scratch(a, kLinkBytes));
}

Region pdpte_region(const std::uint64_t* v) {
  const Gpa a = v[GuestCr3] & 0xffffffe0;
  return region(a, kPdpteBytes, in_scratch(a, kPdpteBytes) || inside(a, kPdpteBytes, kGuestCr3, kGuestCr3 + kPage));
}

// The scratch pages and the list itself are neighbours; the exit lists behind them stay harmless.
Region list_region(const std::uint64_t* v) {
  const Gpa a = v[EntryMsrLoadAddr];
  static_assert(kScratchEnd == kEntryMsrList);
  if ((a & (kEntryBytes - 1)) != 0) return {a, Place::Nowhere};
  return region(a, kListBytes, inside(a, kListBytes, kScratch, kExitMsrLoadList));
}

constexpr unsigned overlap(Gpa a, std::size_t a_size, Gpa b, std::size_t b_size) {
  return b - a < a_size || a - b < b_size;
}

// The case's pages as bytes, only for the rare case where two facts share some.
struct Image {
  Region where;
  std::size_t size;
  std::array<unsigned char, kListBytes> bytes{};

  void put(std::size_t at, std::uint64_t value, std::size_t n) { std::memcpy(&bytes[at], &value, n); }
  std::uint64_t get(std::size_t at, std::size_t n) const {
    std::uint64_t value = 0;
    std::memcpy(&value, &bytes[at], n);
    return value;
  }
  // Where both lie, the later write is what memory holds.
  void overwrite_with(const Image& later) {
    if (where.place != Place::Page || later.where.place != Place::Page) return;
    for (std::size_t i = 0; i < size; ++i) {
      const Gpa at = where.address + i - later.where.address;
      if (at < later.size) bytes[i] = later.bytes[at];
    }
  }
};

// Each of the four facts with the bytes it occupies: f(image, slot, offset, bytes).
template <class F>
void each_fact(std::array<Image, 4>& images, F f) {
  f(images[0], Slot{Vtpr}, std::size_t{0}, kVtprBytes);
  f(images[1], Slot{LinkDword0}, std::size_t{0}, kLinkBytes);
  for (unsigned i = 0; i < 4; ++i) f(images[2], static_cast<Slot>(Cr3Pdpte + i), std::size_t{8 * i}, std::size_t{8});
  for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
    const std::size_t at = kEntryBytes * i;
    f(images[3], static_cast<Slot>(EntryMsrIndex + i), at, std::size_t{4});
    f(images[3], static_cast<Slot>(EntryMsrReserved + i), at + 4, std::size_t{4});
    f(images[3], static_cast<Slot>(EntryMsrValue + i), at + 8, std::size_t{8});
  }
}

[[gnu::noinline]] void settle_overlap(std::uint64_t* v, Region vtpr, Region link, Region pdpte, Region list) {
  std::array<Image, 4> images = {{{vtpr, kVtprBytes}, {link, kLinkBytes}, {pdpte, kPdpteBytes}, {list, kListBytes}}};
  each_fact(images, [&](Image& m, Slot s, std::size_t at, std::size_t n) { m.put(at, v[s], n); });
  for (std::size_t later = 3; later > 0; --later)
    for (std::size_t earlier = 0; earlier < later; ++earlier) images[earlier].overwrite_with(images[later]);
  each_fact(images, [&](Image& m, Slot s, std::size_t at, std::size_t n) {
    if (m.where.place == Place::Page) v[s] = m.get(at, n);
  });
}

void read_all_ones(std::uint64_t* v, Slot first, unsigned count, unsigned width) {
  for (unsigned i = 0; i < count; ++i) v[first + i] = kReadsAboveRam >> (64 - width);
}

Region region_of(const std::uint64_t* v, Slot fact) {
  if (fact == Vtpr) return vtpr_region(v);
  if (fact == LinkDword0) return link_region(v);
  return fact < Cr3Pdpte + 4 ? pdpte_region(v) : list_region(v);
}

// Collects the writes whose bytes a clean page does not already hold.
struct Writes {
  FactWrite* out;
  std::size_t count = 0;

  void add(Gpa address, std::uint64_t value, unsigned bytes, std::uint64_t clean) {
    if (value != clean) out[count++] = {address, value, bytes};
  }
};

void list_writes(const std::uint64_t* v, Gpa list, Writes& w) {
  for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
    const Gpa at = list + kEntryBytes * i;
    w.add(at, v[EntryMsrIndex + i], 4, at >= kEntryMsrList ? kFillerMsr : 0);
    w.add(at + 4, v[EntryMsrReserved + i], 4, 0);
    w.add(at + 8, v[EntryMsrValue + i], 8, 0);
  }
}

}  // namespace

void settle_facts(std::uint64_t* v) {
  const Region vtpr = vtpr_region(v), link = link_region(v), pdpte = pdpte_region(v), list = list_region(v);
  if (vtpr.place == Place::AllOnes) read_all_ones(v, Vtpr, 1, 8);
  if (link.place == Place::AllOnes) read_all_ones(v, LinkDword0, 1, 32);
  if (link.place == Place::Revision) v[LinkDword0] = v[CapVmxBasic] & 0x7fffffff;
  if (pdpte.place == Place::AllOnes) read_all_ones(v, Cr3Pdpte, 4, 64);
  if (list.place == Place::AllOnes) {
    read_all_ones(v, EntryMsrIndex, kEntryMsrFacts, 32);
    read_all_ones(v, EntryMsrReserved, kEntryMsrFacts, 32);
    read_all_ones(v, EntryMsrValue, kEntryMsrFacts, 64);
  }
  // `|`, not `||`: six comparisons without a jump. Regions that are no pages may seem to overlap; that costs time only.
  const unsigned shared = overlap(vtpr.address, kVtprBytes, link.address, kLinkBytes) |
                          overlap(vtpr.address, kVtprBytes, pdpte.address, kPdpteBytes) |
                          overlap(vtpr.address, kVtprBytes, list.address, kListBytes) |
                          overlap(link.address, kLinkBytes, pdpte.address, kPdpteBytes) |
                          overlap(link.address, kLinkBytes, list.address, kListBytes) |
                          overlap(pdpte.address, kPdpteBytes, list.address, kListBytes);
  if (shared != 0) settle_overlap(v, vtpr, link, pdpte, list);
}

bool fact_is_placed(const std::uint64_t* v, Slot fact) { return region_of(v, fact).place != Place::Nowhere; }

std::size_t fact_writes(const std::uint64_t* v, FactWrite* out) {
  Writes w{out};
  const Region vtpr = vtpr_region(v), link = link_region(v), pdpte = pdpte_region(v), list = list_region(v);
  if (vtpr.place == Place::Page) w.add(vtpr.address, v[Vtpr], 1, 0);
  if (link.place == Place::Page) {
    // The second VMCS has no clean content: contexts use it in both forms.
    const std::uint64_t clean = link.address == kShadowVmcs ? ~std::uint64_t{0} : 0;
    w.add(link.address, v[LinkDword0], 4, clean);
  }
  if (pdpte.place == Place::Page) {
    for (unsigned i = 0; i < 4; ++i) {
      const Gpa at = pdpte.address + 8 * i;
      w.add(at, v[Cr3Pdpte + i], 8, at == kGuestCr3 ? kGoldenPml4Entry : 0);
    }
  }
  if (list.place == Place::Page) list_writes(v, list.address, w);
  return w.count;
}

}  // namespace diffvisor::vmx
