// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vmx_vectors.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "fuzzers/vector_case.h"
#include "fuzzers/vector_needs.h"
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

constexpr std::uint32_t kVmcallExit = 18;
constexpr std::uint64_t kWidestPhysical = 52;  // bits; no processor has more
constexpr Gpa kFirstPage = kScratch + kPage;   // kScratch is the golden virtual-APIC page
constexpr rules::Outcome kKind = 0xff000000;   // see outcome.h: the number is left open

OutcomePattern failed_entry(OutcomeKind kind, std::optional<std::uint64_t> qual) {
  if (!qual) return {make_outcome(kind), kKind};
  return {make_outcome(kind, static_cast<std::uint32_t>(*qual))};
}

// False: no outcome of this domain is written so.
bool add_accepted(std::vector<OutcomePattern>& out, std::string_view text, std::optional<std::uint64_t> qual) {
  if (qual && *qual >= kAnyExit) return false;
  const auto kind = [&](OutcomeKind k) { out.push_back({make_outcome(k)}); };
  if (text == "ok") return accept_entry(out, entered(kVmcallExit), kEntered), true;
  if (text == "vmfailinvalid") return kind(OutcomeKind::FailInvalid), true;
  if (text == "#UD") return kind(OutcomeKind::InvalidOpcode), true;
  if (text == "#GP(0)") return kind(OutcomeKind::GeneralProtection), true;
  if (text == "entryfail(33)") return out.push_back(failed_entry(OutcomeKind::FailGuest, qual)), true;
  if (text == "entryfail(34)") return out.push_back(failed_entry(OutcomeKind::FailMsr, qual)), true;
  if (const auto error = number_in(text, "vmfail(")) return out.push_back({fail_valid(*error)}), true;
  if (const auto exit = number_in(text, "exit(")) return accept_entry(out, entered(*exit), kEntered), true;
  return false;
}

// What every processor keeps: no bit must be 1 that may not be.
bool is_coherent(const std::uint64_t* v) {
  for (const Slot s : {CapPinCtls, CapProcCtls, CapProc2Ctls, CapExitCtls, CapEntryCtls})
    if ((v[s] & 0xffffffff & ~(v[s] >> 32)) != 0) return false;
  return (v[CapCr0Fixed0] & ~v[CapCr0Fixed1]) == 0 && (v[CapCr4Fixed0] & ~v[CapCr4Fixed1]) == 0 &&
         v[CapMaxphyaddr] + v[CapTmeKeyidBits] <= kWidestPhysical;
}

struct ListEntry {
  std::uint32_t index = kFillerMsr;
  std::uint64_t value = 0;
};

constexpr VectorBuilder::World kWorld = {&schema,  "the VMCS",    kFirstPage,     GuestCr3,
                                         Cr3Pdpte, &settle_facts, &fact_is_placed};

class Builder final : public VectorBuilder {
 public:
  explicit Builder(Case c) : VectorBuilder(kWorld, std::move(c)) {}

 private:
  std::vector<FactPlace> other_places() const override {
    std::vector<FactPlace> out = {{Vtpr, c_.v[VirtualApicAddr] + 0x80, 1, true},
                                  {LinkDword0, c_.v[VmcsLinkPointer], 4}};
    for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
      const Gpa entry = c_.v[EntryMsrLoadAddr] + 16 * i;
      out.push_back({static_cast<Slot>(EntryMsrIndex + i), entry, 4});
      out.push_back({static_cast<Slot>(EntryMsrReserved + i), entry + 4, 4});
      out.push_back({static_cast<Slot>(EntryMsrValue + i), entry + 8, 8});
    }
    return out;
  }

  void fill_pages() override {
    for (unsigned i = 0; i < kEntryMsrFacts; ++i) {
      if (c_.v[EntryMsrLoadAddr] != kEntryMsrList) continue;
      c_.v[EntryMsrIndex + i] = list_[i].index;
      c_.v[EntryMsrValue + i] = list_[i].value;
    }
  }

  std::optional<ValueOrReason> symbol(std::string_view name, std::optional<std::string_view> argument) override {
    if (!argument) return std::nullopt;
    if (name == "EPT" && argument == "identity") return kGoldenEptp;
    if (name == "CODE32" && argument == "vmcall") return kGuestCode32;
    if (name == "LIST") return list(*argument);
    return std::nullopt;
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

  std::array<ListEntry, kEntryMsrFacts> list_;
};

tl::expected<Case, std::string> build_case(const Vector& v, Case golden) { return Builder(std::move(golden)).build(v); }

// VMCALL shows that guest code ran, and with it the golden controls are those that the vectors' authors assume.
void prepare(std::uint64_t* v) { v[Probe] = kVmcall; }

constexpr VectorReading kReading = {&schema, Context, &parse_need, &is_coherent, &prepare, &add_accepted, &build_case};

}  // namespace
}  // namespace vmx

const VectorDialect& vmx_vectors() {
  static constexpr VectorDialect kDialect = dialect_of<vmx::kReading>();
  return kDialect;
}

}  // namespace diffvisor
