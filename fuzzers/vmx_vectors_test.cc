// SPDX-License-Identifier: Apache-2.0
// Vectors of vmx_entry: needs, symbols, memory, expectations, and our own file replayed through vmx.arch.
#include "fuzzers/vmx_vectors.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "fuzzers/vmx_needs.h"
#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/file.h"
#include "models/vmx/arch.h"

namespace diffvisor::vmx {
namespace {

constexpr std::uint64_t b(unsigned n) { return std::uint64_t{1} << n; }

std::uint16_t profile(std::string_view name) { return *find_profile(schema(), name); }

// "met", "unmet", or "?" if the need is not understood.
std::string on_profile(std::string_view name, std::string_view need) {
  const Need n = parse_need(need);
  if (n.empty()) return "?";
  return need_is_met(n, profile_values(schema(), profile(name)).data()) ? "met" : "unmet";
}

TEST(VmxNeeds, AreCheckedAgainstAProfile) {
  struct Row {
    const char* need;
    const char* tigerlake;
    const char* full;
  };
  constexpr Row kRows[] = {
      {"PIN.NMI", "met", "met"},
      {"PIN.POSTED", "unmet", "met"},
      {"!PIN.POSTED", "met", "unmet"},
      {"PROC2.EPT", "met", "met"},
      {"PROC2.26", "unmet", "met"},
      {"PROC3.HLAT", "unmet", "met"},
      {"EXIT2.SVFRED", "unmet", "met"},
      {"ENTRY.LDCET", "met", "met"},
      {"MAXPA=40", "met", "unmet"},
      {"MAXPA>39", "met", "unmet"},  // full has TME keys: its widths are not one number
      {"MAXPA>40", "unmet", "unmet"},
      {"MAXPA>=40", "met", "unmet"},
      {"MAXPA<=40", "met", "unmet"},
      {"MAXPA<40", "unmet", "unmet"},
      {"VMX_BASIC[48]=0", "met", "met"},
      {"VMX_BASIC[56]=1", "met", "unmet"},
      {"VMX_BASIC[53:50]=6", "met", "met"},
      {"VMX_MISC.cr3_targets=4", "met", "met"},
      {"VMX_MISC[27:25]=0", "met", "met"},
      {"TRUE_PIN.must1=0x16", "met", "met"},
      {"TRUE_PROC.must1=0x4006172", "met", "met"},
      {"TRUE_PROC.must1=0x401e172", "unmet", "unmet"},
      {"CR4_FIXED1[22]=0", "unmet", "unmet"},
      {"CR4_FIXED1[28]=0", "met", "unmet"},
      {"CR4_bit28_unsupported", "met", "unmet"},
      {"EPT_CAP.AD", "met", "met"},
      {"EPT_CAP.PWL5", "unmet", "met"},
      {"!EPT_CAP.walk_5", "met", "unmet"},
      {"PMU.GP>7", "met", "met"},
      {"PMU.GP>8", "unmet", "unmet"},
      {"PMU.GP=8", "met", "met"},
      {"PMU.GP<=7", "unmet", "unmet"},
      {"PMU.FIXED>0", "met", "met"},
      {"!LAM", "met", "unmet"},
      {"cpuid:LAM", "unmet", "met"},
      {"cpuid:CET", "met", "met"},
      {"cpuid:!FRED", "met", "unmet"},
      {"cpuid:SMEP", "met", "met"},
      {"cpuid:NX", "met", "met"},
      {"cpuid:LA57", "unmet", "met"},
      {"instruction:vmresume", "met", "met"},
  };
  for (const Row& r : kRows) {
    EXPECT_EQ(on_profile("tigerlake", r.need), r.tigerlake) << r.need;
    EXPECT_EQ(on_profile("full", r.need), r.full) << r.need;
  }
}

TEST(VmxNeeds, AreNotGuessed) {
  for (const char* text : {"",
                           "!",
                           "PIN.",
                           "PIN.WHAT",
                           "PIN.32",
                           "NPT",
                           "MAXPA",
                           "MAXPA>",
                           "MAXPA>x",
                           "MAXPA>255",
                           "!MAXPA>40",
                           "VMX_BASIC[64]=0",
                           "VMX_BASIC[3:5]=0",
                           "VMX_BASIC[48]=2",
                           "VMX_MISC.what=1",
                           "CR4_bit64_unsupported",
                           "CR4_bit_unsupported",
                           "PMU.GP>32",
                           "PMU.GP>=0",
                           "EPT_CAP.what",
                           "cpuid:",
                           "cpuid:what",
                           "instruction:",
                           "instruction:vmrun",
                           "precondition:launched,what",
                           "GUEST_CR0=1",
                           "CONTEXT=1"})
    EXPECT_TRUE(parse_need(text).empty()) << text;
}

// A need that a profile does not meet is met after make_true, and nothing outside its bits has changed.
TEST(VmxNeeds, AreMadeTrue) {
  for (const char* text :
       {"PIN.POSTED", "!PROC2.DESC", "!PIN.16", "PROC3.HLAT", "MAXPA>51", "MAXPA<=32", "MAXPA=36", "VMX_BASIC[48]=1",
        "TRUE_PROC.must1=0x401e172", "CR4_FIXED1[22]=0", "EPT_CAP.SSS", "PMU.FIXED>8", "PMU.GP<=2", "cpuid:LA57",
        "cpuid:LAM", "!cpuid:CET", "VMX_MISC.cr3_targets=0"}) {
    auto v = profile_values(schema(), profile("skylake_x"));
    const auto before = v;
    const Need need = parse_need(text);
    ASSERT_FALSE(need.empty()) << text;
    for (const NeedCondition& c : need) c.make_true(v.data());
    EXPECT_TRUE(need_is_met(need, v.data())) << text;
    for (const NeedCondition& c : need) v[c.slot] = before[c.slot];
    EXPECT_EQ(v, before) << text;
  }
}

Vector vector(std::vector<VectorItem> set, std::vector<VectorItem> mem = {}, std::vector<std::string> needs = {},
              std::string expect = "ok") {
  Vector v;
  v.id = "test";
  v.domain = "vmx_entry";
  v.set = std::move(set);
  v.mem = std::move(mem);
  v.needs = std::move(needs);
  v.expect = std::move(expect);
  return v;
}

Case build(const Vector& v) {
  const auto built = vmx_vectors().build(v, {});
  EXPECT_TRUE(built.has_value()) << built.error().reason;
  return built ? built->c : golden_case(schema());
}

std::string reason(const Vector& v, const VectorProfile& on = {}) {
  const auto built = vmx_vectors().build(v, on);
  return built ? "built" : (built.error().unmet ? "unmet: " : "") + built.error().reason;
}

TEST(VmxVectors, StartFromTheGoldenCaseWithItsProbe) {
  Case golden = golden_case(schema());
  golden.v[Probe] = kVmcall;
  reset_to_golden(golden);
  EXPECT_EQ(build(vector({})), golden);
  EXPECT_EQ(golden.v[Pin], 0x3fu);  // what operators of other people's vectors act on
}

TEST(VmxVectors, SetFields) {
  const Case c = build(vector({{"PIN", "&~0x28"},
                               {"GUEST_CR4", "&~0x20030 |0x20"},
                               {"EPTP", "EPT(identity)|0x40"},
                               {"GUEST_RIP", "CODE32(vmcall)"},
                               {"GUEST_PDPTE1", "PDPTE_OK(1)|0x10"},
                               {"CR3_TARGET_COUNT", "VMX_MISC[24:16]+1"},
                               {"GUEST_RSP", "GUEST_RIP"}}));
  EXPECT_EQ(c.v[Pin], 0x17u);
  EXPECT_EQ(c.v[GuestCr4], golden_case(schema()).v[GuestCr4]);
  EXPECT_EQ(c.v[Eptp], kGoldenEptp | 0x40);
  EXPECT_EQ(c.v[GuestRip], kGuestCode32);
  EXPECT_EQ(c.v[GuestPdpte1], (kGuestCr3 + 2 * kPage) | 0x11);
  EXPECT_EQ(c.v[Cr3TargetCount], 5u);
  EXPECT_EQ(c.v[GuestRsp], kGuestCode);  // names stand for golden values
}

TEST(VmxVectors, PlacePages) {
  const Case c = build(vector({{"VIRTUAL_APIC_ADDR", "PAGE(a)"},
                               {"APIC_ACCESS_ADDR", "PAGE(b)"},
                               {"PML_ADDRESS", "PAGE(a)"},
                               {"VMCS_LINK_POINTER", "PAGE(c)"},
                               {"GUEST_CR3", "PDPT|0x8"}},
                              {{"VIRTUAL_APIC_ADDR+0x80", "0xffffff5f"},
                               {"PAGE(c)+0x0", "VMX_BASIC[30:0]|0x80000000"},
                               {"PDPT+0x10", "&~0x1"}}));
  EXPECT_EQ(c.v[VirtualApicAddr], c.v[PmlAddress]);
  EXPECT_NE(c.v[VirtualApicAddr], c.v[ApicAccessAddr]);
  for (const Slot s : {VirtualApicAddr, ApicAccessAddr, VmcsLinkPointer}) {
    EXPECT_GE(c.v[s], kScratch);
    EXPECT_LT(c.v[s], kScratchEnd);
  }
  EXPECT_EQ(c.v[Vtpr], 0x5fu);
  EXPECT_EQ(c.v[LinkDword0], 0x80000004u);
  const std::uint64_t good = (kGuestCr3 + 2 * kPage) | 1;
  EXPECT_EQ(c.v[Cr3Pdpte], good);
  EXPECT_EQ(c.v[Cr3Pdpte + 2], good - 1);
  EXPECT_EQ(c.v[Cr3Pdpte + 3], good);
}

TEST(VmxVectors, PagesAreEmpty) {
  const Case c = build(vector({{"GUEST_CR3", "PAGE(tables)"}, {"ENTRY_MSR_LOAD_ADDR", "PAGE(list)"}}));
  EXPECT_EQ(c.v[Cr3Pdpte], 0u);
  EXPECT_EQ(c.v[EntryMsrIndex], 0u);
}

TEST(VmxVectors, PlaceLists) {
  const Case c = build(vector({{"ENTRY_MSR_LOAD_ADDR", "LIST(IA32_TSC=0x5, 0xc0000100=0x6)"}},
                              {{"ENTRY_MSR_LOAD_ADDR+0x20", "0x3000000c0"}, {"ENTRY_MSR_LOAD_ADDR+0x28", "0x7"}}));
  EXPECT_EQ(c.v[EntryMsrLoadAddr], kEntryMsrList);
  EXPECT_EQ(c.v[EntryMsrIndex], 0x10u);
  EXPECT_EQ(c.v[EntryMsrValue], 5u);
  EXPECT_EQ(c.v[EntryMsrIndex + 1], 0xc0000100u);
  EXPECT_EQ(c.v[EntryMsrValue + 1], 6u);
  EXPECT_EQ(c.v[EntryMsrIndex + 2], 0xc0u);
  EXPECT_EQ(c.v[EntryMsrReserved + 2], 3u);
  EXPECT_EQ(c.v[EntryMsrValue + 2], 7u);
  EXPECT_EQ(c.v[EntryMsrIndex + 3], kFillerMsr);
  const Case all = build(vector({{"ENTRY_MSR_LOAD_ADDR", "LIST(all IA32_TSC)"}}));
  for (unsigned i = 0; i < kEntryMsrFacts; ++i) EXPECT_EQ(all.v[EntryMsrIndex + i], 0x10u);
}

TEST(VmxVectors, SayWhatCannotBeBuilt) {
  EXPECT_EQ(reason(vector({{"NO_SUCH", "0x0"}})), "'NO_SUCH' is no field of the VMCS");
  EXPECT_EQ(reason(vector({{"VMX_BASIC", "0x0"}})), "'VMX_BASIC' is no field of the VMCS");
  EXPECT_EQ(reason(vector({{"VTPR", "0x0"}})), "'VTPR' is no field of the VMCS");
  EXPECT_EQ(reason(vector({{"PIN", "0x100000000"}})), "PIN has 32 bits");
  EXPECT_EQ(reason(vector({{"PIN", "PAGE"}})), "PIN: nothing is known as PAGE");
  EXPECT_EQ(reason(vector({{"GUEST_RIP", "CODE32(cpuid)"}})), "GUEST_RIP: nothing is known as CODE32(cpuid)");
  EXPECT_EQ(reason(vector({{"GUEST_CR3", "PDPTE_OK(4)"}})), "GUEST_CR3: nothing is known as PDPTE_OK(4)");
  EXPECT_EQ(reason(vector({{"GUEST_CR3", "LIST(all IA32_TSC)"}})), "GUEST_CR3: a list belongs to an MSR-list address");
  EXPECT_EQ(reason(vector({}, {{"GUEST_RSP+0x0", "0x1"}})), "no rule reads the memory at GUEST_RSP+0x0");
  EXPECT_EQ(reason(vector({{"VIRTUAL_APIC_ADDR", "0x100000"}}, {{"VIRTUAL_APIC_ADDR+0x80", "0x1"}})),
            "cannot give the memory at that address this content");
  EXPECT_EQ(reason(vector({}, {}, {"NPT"})), "cannot build a profile: 'NPT' is not understood");
  EXPECT_EQ(reason(vector({}, {}, {"MAXPA>40", "MAXPA<=40"})),
            "cannot build a profile: 'MAXPA>40' contradicts the other needs");
  EXPECT_EQ(reason(vector({}, {}, {"CR4_FIXED1[13]=0"})), "cannot build a profile: no processor meets the needs");
  EXPECT_EQ(reason(vector({}, {}, {"MAXPA>52"})), "cannot build a profile: no processor meets the needs");
  for (const char* expect :
       {"", "fine", "vmfail", "vmfail()", "vmfail(x)", "vmfail(7", "entryfail(35)", "invalid", "npf(0x400)"})
    EXPECT_EQ(reason(vector({}, {}, {}, expect)), std::string("cannot read the expectation '") + expect + "'");
}

TEST(VmxVectors, BuildAProfileOrCheckOne) {
  const Vector v = vector({}, {}, {"PIN.POSTED", "!PROC2.DESC", "MAXPA=36"});
  const Case free = build(v);
  EXPECT_NE(free.v[CapPinCtls] >> (32 + pin::POSTED) & 1, 0u);
  EXPECT_EQ(free.v[CapProc2Ctls] >> (32 + proc2::DESC) & 1, 0u);
  EXPECT_EQ(free.v[CapMaxphyaddr], 36u);
  const auto asked = vmx_vectors().build(v, {profile("skylake_x"), false});
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->c.profile, profile("skylake_x"));
  EXPECT_EQ(reason(v, {profile("tigerlake"), true}), "unmet: the profile does not meet PIN.POSTED");
  const auto fixed = vmx_vectors().build(vector({}, {}, {"MAXPA<=40"}), {profile("icelake_u"), true});
  ASSERT_TRUE(fixed.has_value());
  const auto named = profile_values(schema(), profile("icelake_u"));
  EXPECT_TRUE(std::equal(named.begin(), named.begin() + Context, fixed->c.v.begin()));  // untouched
}

TEST(VmxVectors, StartAsToldTo) {
  EXPECT_EQ(build(vector({}, {}, {"instruction:vmresume", "precondition:launched,mov_ss"})).v[Context],
            b(kResume) | b(kLaunched) | b(kMovSs));
}

bool accepts(std::string expect, std::optional<std::uint64_t> qual, Outcome seen, std::vector<std::string> alt = {}) {
  Vector v = vector({}, {}, {}, std::move(expect));
  v.qual = qual;
  v.alt = std::move(alt);
  const auto built = vmx_vectors().build(v, {});
  EXPECT_TRUE(built.has_value()) << built.error().reason;
  return built && std::ranges::any_of(built->accepted, [&](const OutcomePattern& p) { return p.accepts(seen); });
}

TEST(VmxVectors, ExpectOutcomes) {
  EXPECT_TRUE(accepts("ok", {}, entered(18)));
  EXPECT_TRUE(accepts("ok", {}, kEntered));
  EXPECT_FALSE(accepts("ok", {}, entered(0)));
  EXPECT_FALSE(accepts("ok", {}, fail_guest(0)));
  EXPECT_TRUE(accepts("vmfail(7)", {}, fail_valid(7)));
  EXPECT_FALSE(accepts("vmfail(7)", {}, fail_valid(8)));
  EXPECT_TRUE(accepts("vmfail(7)", {}, fail_valid(8), {"vmfail(8)"}));
  EXPECT_TRUE(accepts("vmfailinvalid", {}, make_outcome(OutcomeKind::FailInvalid)));
  EXPECT_FALSE(accepts("vmfailinvalid", {}, fail_valid(0)));
  EXPECT_TRUE(accepts("entryfail(33)", {}, fail_guest(0)));
  EXPECT_TRUE(accepts("entryfail(33)", {}, fail_guest(4)));
  EXPECT_FALSE(accepts("entryfail(33)", {}, fail_msr(1)));
  EXPECT_TRUE(accepts("entryfail(33)", 2, fail_guest(2)));
  EXPECT_FALSE(accepts("entryfail(33)", 2, fail_guest(0)));
  EXPECT_TRUE(accepts("entryfail(33)", 2, fail_guest(0), {"entryfail(33)"}));
  EXPECT_TRUE(accepts("entryfail(34)", {}, fail_msr(3)));
  EXPECT_FALSE(accepts("entryfail(34)", 1, fail_msr(3)));
  EXPECT_TRUE(accepts("#GP(0)", {}, make_outcome(OutcomeKind::GeneralProtection)));
}

// The committed file, whichever profile it starts from. Limits leave few vectors to the command, which asks the rules.
TEST(VmxVectors, OurOwnFileHolds) {
  const std::string path = DIFFVISOR_SOURCE_DIR "/corpus/vectors/vmx_entry.jsonl";
  const auto text = read_file(path);
  ASSERT_TRUE(text.has_value()) << text.error().text();
  const auto all = read_vectors(*text, "vmx_entry.jsonl");
  ASSERT_TRUE(all.has_value()) << all.error().text();
  std::size_t limits = 0;
  for (const Vector& v : *all) {
    const auto built = vmx_vectors().build(v, {});
    ASSERT_TRUE(built.has_value()) << v.place << ": " << built.error().reason;
    const Observation o = observe_arch(built->c.v.data());
    const bool accepted =
        std::ranges::any_of(built->accepted, [&](const OutcomePattern& p) { return p.accepts(o.outcome); });
    limits += o.status != Status::Ran;
    EXPECT_TRUE(accepted || o.status != Status::Ran)
        << v.id << " expects " << expected_text(v) << ", vmx.arch says " << outcome_text(o.outcome);
  }
  EXPECT_GE(all->size(), 25u);
  EXPECT_LE(limits, 1u);
}

}  // namespace
}  // namespace diffvisor::vmx
