// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vmx_vectors.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "fuzzers/vector_value.h"
#include "fuzzers/vmx_needs.h"
#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/msrs.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/bits.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace vmx {
namespace {

using Reason = tl::unexpected<std::string>;
using Done = tl::expected<void, std::string>;

constexpr std::uint32_t kVmcallExit = 18;
constexpr std::uint64_t kWidestPhysical = 52;  // bits; no processor has more
constexpr Gpa kFirstPage = kScratch + kPage;   // kScratch is the golden virtual-APIC page
constexpr rules::Outcome kWhole = ~rules::Outcome{0};
constexpr rules::Outcome kKind = 0xff000000;  // see outcome.h: the number is left open

// Expectations ------------------------------------------------------------------------------------------------------

std::optional<std::uint32_t> number_in(std::string_view text, std::string_view head) {
  if (!text.starts_with(head) || !text.ends_with(')')) return std::nullopt;
  const auto n = parse_number(text.substr(head.size(), text.size() - head.size() - 1));
  return n && *n < kAnyExit ? std::optional(static_cast<std::uint32_t>(*n)) : std::nullopt;
}

OutcomePattern failed_entry(OutcomeKind kind, std::optional<std::uint64_t> qual) {
  if (!qual) return {make_outcome(kind), kKind};
  return {make_outcome(kind, static_cast<std::uint32_t>(*qual)), kWhole};
}

void accept_entry(std::vector<OutcomePattern>& out, std::uint32_t exit_reason) {
  out.push_back({entered(exit_reason), kWhole});
  out.push_back({kEntered, kWhole});  // an executor that does not run the guest
}

// False: no outcome of this domain is written so.
bool add_accepted(std::vector<OutcomePattern>& out, std::string_view text, std::optional<std::uint64_t> qual) {
  if (qual && *qual >= kAnyExit) return false;
  const auto kind = [&](OutcomeKind k) { out.push_back({make_outcome(k), kWhole}); };
  if (text == "ok") return accept_entry(out, kVmcallExit), true;
  if (text == "vmfailinvalid") return kind(OutcomeKind::FailInvalid), true;
  if (text == "#UD") return kind(OutcomeKind::InvalidOpcode), true;
  if (text == "#GP(0)") return kind(OutcomeKind::GeneralProtection), true;
  if (text == "entryfail(33)") return out.push_back(failed_entry(OutcomeKind::FailGuest, qual)), true;
  if (text == "entryfail(34)") return out.push_back(failed_entry(OutcomeKind::FailMsr, qual)), true;
  if (const auto error = number_in(text, "vmfail(")) return out.push_back({fail_valid(*error), kWhole}), true;
  if (const auto exit = number_in(text, "exit(")) return accept_entry(out, *exit), true;
  return false;
}

tl::expected<std::vector<OutcomePattern>, std::string> accepted_of(const Vector& v) {
  std::vector<OutcomePattern> out;
  if (!add_accepted(out, v.expect, v.qual)) return Reason(fmt::format("cannot read the expectation '{}'", v.expect));
  for (const std::string& other : v.alt)
    if (!add_accepted(out, other, std::nullopt)) return Reason(fmt::format("cannot read the alternative '{}'", other));
  return out;
}

// Profiles ----------------------------------------------------------------------------------------------------------

struct NamedNeed {
  std::string_view text;
  Need need;
};

tl::expected<std::vector<NamedNeed>, std::string> needs_of(const Vector& v) {
  std::vector<NamedNeed> out;
  for (const std::string& text : v.needs) {
    Need need = parse_need(text);
    if (need.empty()) return Reason(fmt::format("cannot build a profile: '{}' is not understood", text));
    out.push_back({text, std::move(need)});
  }
  return out;
}

const NamedNeed* first_unmet(const std::vector<NamedNeed>& needs, const std::uint64_t* v) {
  const auto it = std::ranges::find_if(needs, [&](const NamedNeed& n) { return !need_is_met(n.need, v); });
  return it == needs.end() ? nullptr : &*it;
}

// The named profile that lacks least; the first of equals.
std::uint16_t nearest_profile(const std::vector<NamedNeed>& needs) {
  std::uint16_t best = 0;
  std::size_t fewest = needs.size() + 1;
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    const auto v = profile_values(schema(), p);
    const auto unmet = static_cast<std::size_t>(
        std::ranges::count_if(needs, [&](const NamedNeed& n) { return !need_is_met(n.need, v.data()); }));
    if (unmet < fewest) fewest = unmet, best = p;
  }
  return best;
}

// What every processor keeps: no bit must be 1 that may not be.
bool is_coherent(const std::uint64_t* v) {
  for (const Slot s : {CapPinCtls, CapProcCtls, CapProc2Ctls, CapExitCtls, CapEntryCtls})
    if ((v[s] & 0xffffffff & ~(v[s] >> 32)) != 0) return false;
  return (v[CapCr0Fixed0] & ~v[CapCr0Fixed1]) == 0 && (v[CapCr4Fixed0] & ~v[CapCr4Fixed1]) == 0 &&
         v[CapMaxphyaddr] + v[CapTmeKeyidBits] <= kWidestPhysical;
}

Done fit_profile(const std::vector<NamedNeed>& needs, std::uint64_t* v) {
  for (const NamedNeed& n : needs)
    for (const NeedCondition& c : n.need)
      if (c.slot != Context) c.make_true(v);
  if (const NamedNeed* n = first_unmet(needs, v))
    return Reason(fmt::format("cannot build a profile: '{}' contradicts the other needs", n->text));
  if (!is_coherent(v)) return Reason("cannot build a profile: no processor meets the needs");
  return {};
}

// The case --------------------------------------------------------------------------------------------------------

struct ListEntry {
  std::uint32_t index = kFillerMsr;
  std::uint64_t value = 0;
};

class Builder {
 public:
  // `c` is the golden case of its capabilities and context.
  explicit Builder(Case c) : c_(std::move(c)), golden_(c_.v) {}

  Done set_field(const VectorItem& item) {
    const Field* f = find_field(schema(), item.name);
    if (f == nullptr || f->role != Role::State) return Reason(fmt::format("'{}' is no field of the VMCS", item.name));
    field_ = f->slot;
    const auto value = value_of(item.value, golden_[f->slot]);
    if (!value) return Reason(fmt::format("{}: {}", item.name, value.error()));
    if ((*value & ~ones(f->width)) != 0) return Reason(fmt::format("{} has {} bits", item.name, f->width));
    c_.v[f->slot] = *value;
    return {};
  }

  // Scratch pages are empty but for what symbols put there.
  void fill_pages() {
    for (const Place& p : places())
      if (p.address >= kScratch && p.address < kScratchEnd) c_.v[p.slot] = 0;
    for (unsigned i = 0; i < 4; ++i)
      if (pdpt_ != 0 && (c_.v[GuestCr3] & 0xffffffe0) == pdpt_) c_.v[Cr3Pdpte + i] = kGoodPdpte;
    for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
      if (c_.v[EntryMsrLoadAddr] != kEntryMsrList) continue;
      c_.v[EntryMsrIndex + i] = list_[i].index;
      c_.v[EntryMsrValue + i] = list_[i].value;
    }
  }

  Done set_memory(const VectorItem& item) {
    const auto address =
        evaluate(item.name, 0, [this](auto name, auto argument) { return place_named(name, argument); });
    if (!address) return Reason(fmt::format("{}: {}", item.name, address.error()));
    const auto value = value_of(item.value, value_at(*address));
    if (!value) return Reason(fmt::format("{}: {}", item.name, value.error()));
    if (!write(*address, *value)) return Reason(fmt::format("no rule reads the memory at {}", item.name));
    return {};
  }

  tl::expected<Case, std::string> finish() {
    for (const auto& [slot, value] : written_) c_.v[slot] = value;
    settle_facts(c_.v.data());
    for (const auto& [slot, value] : written_)
      if (c_.v[slot] != value || !fact_is_placed(c_.v.data(), slot))
        return Reason("cannot give the memory at that address this content");
    return std::move(c_);
  }

 private:
  // A fact with the bytes it names.
  struct Place {
    Slot slot;
    Gpa address;
    unsigned bytes;
  };
  static constexpr std::uint64_t kGoodPdpte = (kGuestCr3 + 2 * kPage) | 1;  // the golden page directory, present

  std::vector<Place> places() const {
    std::vector<Place> out = {{Vtpr, c_.v[VirtualApicAddr] + 0x80, 1}, {LinkDword0, c_.v[VmcsLinkPointer], 4}};
    for (unsigned i = 0; i < 4; ++i)
      out.push_back({static_cast<Slot>(Cr3Pdpte + i), (c_.v[GuestCr3] & 0xffffffe0) + 8 * i, 8});
    for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
      const Gpa entry = c_.v[EntryMsrLoadAddr] + 16 * i;
      out.push_back({static_cast<Slot>(EntryMsrIndex + i), entry, 4});
      out.push_back({static_cast<Slot>(EntryMsrReserved + i), entry + 4, 4});
      out.push_back({static_cast<Slot>(EntryMsrValue + i), entry + 8, 8});
    }
    return out;
  }

  std::uint64_t value_at(Gpa address) const {
    for (const Place& p : places())
      if (p.address == address) return c_.v[p.slot];
    return 0;
  }

  // What goes beyond a fact's bytes belongs to the next one; behind VTPR no rule reads anything.
  bool write(Gpa address, std::uint64_t value) {
    bool found = false;
    std::uint64_t rest = 0;
    unsigned bytes = 0;
    for (const Place& p : places()) {
      if (p.address != address) continue;
      found = true;
      std::erase_if(written_, [&](const Written& w) { return w.slot == p.slot; });
      written_.push_back({p.slot, value & ones(8 * p.bytes)});
      if (p.slot != Vtpr) rest = shift_right(value, 8 * p.bytes), bytes = p.bytes;
    }
    return found && (rest == 0 || write(address + bytes, rest));
  }

  ValueOrReason value_of(std::string_view text, std::uint64_t left) {
    return evaluate(text, left, [this](auto name, auto argument) { return named(name, argument); });
  }

  // In `mem` a field's name is the address it holds by now.
  ValueOrReason place_named(std::string_view name, std::optional<std::string_view> argument) {
    const Field* f = argument ? nullptr : find_field(schema(), name);
    return f != nullptr && f->role == Role::State ? ValueOrReason(c_.v[f->slot]) : named(name, argument);
  }

  ValueOrReason named(std::string_view name, std::optional<std::string_view> argument) {
    const std::string_view inside = argument ? trimmed(*argument) : std::string_view();
    if (name == "PAGE" && !inside.empty()) return page(inside);
    if (name == "PDPT" && !argument) return pdpt_page();
    if (name == "PDPTE_OK" && inside.size() == 1 && inside[0] >= '0' && inside[0] <= '3') return kGoodPdpte;
    if (name == "EPT" && inside == "identity") return kGoldenEptp;
    if (name == "CODE32" && inside == "vmcall") return kGuestCode32;
    if (name == "LIST" && argument) return list(inside);
    if (argument) return Reason(fmt::format("nothing is known as {}({})", name, inside));
    if (const Field* f = find_field(schema(), name); f != nullptr && f->count == 1) return golden_[f->slot];
    return Reason(fmt::format("nothing is known as {}", name));
  }

  ValueOrReason page(std::string_view name) {
    const auto it = std::ranges::find(pages_, name);
    const auto index = static_cast<std::size_t>(it - pages_.begin());
    if (kFirstPage + kPage * (index + 1) > kScratchEnd) return Reason("too many pages");
    if (it == pages_.end()) pages_.emplace_back(name);
    return kFirstPage + kPage * index;
  }

  ValueOrReason pdpt_page() {
    const auto placed = page("the page of PDPT");
    if (placed) pdpt_ = *placed;
    return placed;
  }

  // The lists lie where the golden case has them, and are two pages long. Beyond the entries that a case spells out
  // they hold a harmless MSR, so "all" is as good as true when its MSR is harmless or the first entry decides.
  ValueOrReason list(std::string_view what) {
    if (field_ == ExitMsrLoadAddr || field_ == ExitMsrStoreAddr) {
      if (what == "all IA32_TSC") return field_ == ExitMsrLoadAddr ? kExitMsrLoadList : kExitMsrStoreList;
      return Reason("only VM-entry lists can hold chosen MSRs");
    }
    if (field_ != EntryMsrLoadAddr) return Reason("a list belongs to an MSR-list address");
    const bool all = what.starts_with("all ");
    std::size_t count = 0;
    for (std::string_view rest = all ? what.substr(4) : what; !rest.empty(); ++count) {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      if (count == list_.size()) return Reason("a list has at most four chosen entries");
      if (!list_entry(trimmed(item), list_[count])) return Reason(fmt::format("'{}' is no list entry", item));
    }
    if (count == 0 || (all && count != 1)) return Reason("the list's entries are missing");
    if (all) list_.fill(list_[0]);
    return kEntryMsrList;
  }

  // "IA32_TSC", "0x10", "IA32_FS_BASE=0x1000"
  static bool list_entry(std::string_view text, ListEntry& out) {
    const std::size_t equals = text.find('=');
    const std::string_view name = trimmed(text.substr(0, equals));
    const auto value =
        equals == text.npos ? std::optional<std::uint64_t>(0) : parse_number(trimmed(text.substr(equals + 1)));
    if (!value) return false;
    out.value = *value;
    if (const auto number = parse_number(name))
      return out.index = static_cast<std::uint32_t>(*number), *number >> 32 == 0;
    const std::string_view bare = name.starts_with("IA32_") ? name.substr(5) : name;
    const auto it = std::ranges::find_if(msrs(), [&](const Msr& m) { return m.name == bare && m.first == m.last; });
    if (it == msrs().end()) return false;
    out.index = it->first;
    return true;
  }

  struct Written {
    Slot slot;
    std::uint64_t value;
  };

  Case c_;
  std::array<std::uint64_t, kMaxSlots> golden_;
  Slot field_ = 0;  // whose value is being read
  std::vector<std::string> pages_;
  Gpa pdpt_ = 0;
  std::array<ListEntry, kEntryMsrFacts> list_;
  std::vector<Written> written_;
};

tl::expected<Case, std::string> build_case(const Vector& v, Case golden) {
  Builder builder(std::move(golden));
  for (const VectorItem& item : v.set)
    if (auto done = builder.set_field(item); !done) return Reason(done.error());
  builder.fill_pages();
  for (const VectorItem& item : v.mem)
    if (auto done = builder.set_memory(item); !done) return Reason(done.error());
  return builder.finish();
}

// The golden case on which the vector is built. VMCALL as the probe: it shows that guest code ran, and with it the
// golden controls are those that the vectors' authors assume.
Case start_of(std::uint16_t profile, const std::vector<NamedNeed>& needs) {
  Case c = golden_case(schema(), profile);
  c.v[Probe] = kVmcall;
  for (const NamedNeed& n : needs)
    for (const NeedCondition& condition : n.need)
      if (condition.slot == Context) condition.make_true(c.v.data());
  return c;
}

tl::expected<VectorCase, VectorProblem> build(const Vector& v, const VectorProfile& on) {
  const auto accepted = accepted_of(v);
  if (!accepted) return tl::unexpected(VectorProblem{false, accepted.error()});
  const auto needs = needs_of(v);
  if (!needs) return tl::unexpected(VectorProblem{false, needs.error()});
  Case start = start_of(on.profile ? *on.profile : nearest_profile(*needs), *needs);
  if (on.fixed) {
    if (const NamedNeed* n = first_unmet(*needs, start.v.data()))
      return tl::unexpected(VectorProblem{true, fmt::format("the profile does not meet {}", n->text)});
  } else if (const auto fits = fit_profile(*needs, start.v.data()); !fits) {
    return tl::unexpected(VectorProblem{false, fits.error()});
  }
  reset_to_golden(start);
  auto c = build_case(v, std::move(start));
  if (!c) return tl::unexpected(VectorProblem{false, c.error()});
  return VectorCase{std::move(*c), *accepted};
}

}  // namespace
}  // namespace vmx

const VectorDialect& vmx_vectors() {
  static constexpr VectorDialect kDialect = {&vmx::build};
  return kDialect;
}

}  // namespace diffvisor
