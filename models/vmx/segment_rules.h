// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.3.1.2 and 29.3.1.3: checks on guest segment and descriptor-table registers. Failure: exit 33, qualification
// 0.
#pragma once

#include <array>

#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr std::string_view kSegments = "29.3.1.2", kTables = "29.3.1.3";

struct Segment {
  Slot selector, ar, limit, base;
};
inline constexpr Segment kCs = {GuestCsSelector, GuestCsAr, GuestCsLimit, GuestCsBase};
inline constexpr Segment kSs = {GuestSsSelector, GuestSsAr, GuestSsLimit, GuestSsBase};
inline constexpr Segment kDs = {GuestDsSelector, GuestDsAr, GuestDsLimit, GuestDsBase};
inline constexpr Segment kEs = {GuestEsSelector, GuestEsAr, GuestEsLimit, GuestEsBase};
inline constexpr Segment kFs = {GuestFsSelector, GuestFsAr, GuestFsLimit, GuestFsBase};
inline constexpr Segment kGs = {GuestGsSelector, GuestGsAr, GuestGsLimit, GuestGsBase};
inline constexpr Segment kLdtr = {GuestLdtrSelector, GuestLdtrAr, GuestLdtrLimit, GuestLdtrBase};
inline constexpr Segment kTr = {GuestTrSelector, GuestTrAr, GuestTrLimit, GuestTrBase};

constexpr Slice type(const Segment& s) { return bits(s.ar, 3, 0); }
constexpr Slice dpl(const Segment& s) { return bits(s.ar, 6, 5); }
constexpr Slice rpl(const Segment& s) { return bits(s.selector, 1, 0); }
constexpr Expr usable(const Segment& s) { return clear(s.ar, ar::UNUSABLE); }
constexpr Expr base_is_selector_times_16(const Segment& s) {
  return zero(s.base, 3, 0) && same(bits(s.base, 19, 4), bits(s.selector, 15, 0)) && zero(s.base, 63, 20);
}
constexpr Expr limit_needs_bytes(const Segment& s) { return !eq(bits(s.limit, 11, 0), 0xfff); }
constexpr Expr limit_needs_pages(const Segment& s) { return nonzero(bits(s.limit, 31, 20)); }
// The checks outside virtual-8086 mode; CS counts as usable whatever its bit 16 says.
constexpr Expr checked(const Segment& s) { return s.ar == GuestCsAr ? not_v86() : not_v86() && usable(s); }
// TR must be usable, so its checks always apply.
constexpr Expr checked_system(const Segment& s) { return s.ar == GuestTrAr ? always() : usable(s); }
constexpr Expr cs_is_data() { return eq(type(kCs), 3); }

constexpr Rule segment(std::string_view id, const Expr& when, const Expr& must) {
  return guest(id, kSegments, when, must);
}

// clang-format off
#define CODE_OR_DATA(name, s) \
  segment("vmx.seg." name ".v86_base",   v86(),                                    base_is_selector_times_16(s)), \
  segment("vmx.seg." name ".v86_limit",  v86(),                                    eq(all((s).limit), 0xffff)), \
  segment("vmx.seg." name ".v86_ar",     v86(),                                    eq(all((s).ar), 0xf3)), \
  segment("vmx.seg." name ".s",          checked(s),                               bit((s).ar, ar::S)), \
  segment("vmx.seg." name ".p",          checked(s),                               bit((s).ar, ar::P)), \
  segment("vmx.seg." name ".ar_rsvd_lo", checked(s),                               zero((s).ar, 11, 8)), \
  segment("vmx.seg." name ".ar_rsvd_hi", checked(s),                               zero((s).ar, 31, 17)), \
  segment("vmx.seg." name ".g_low",      checked(s) && limit_needs_bytes(s),       clear((s).ar, ar::G)), \
  segment("vmx.seg." name ".g_high",     checked(s) && limit_needs_pages(s),       bit((s).ar, ar::G))

#define DATA(name, s) \
  CODE_OR_DATA(name, s), \
  segment("vmx.seg." name ".type_acc",   checked(s),                               bit((s).ar, 0)), \
  segment("vmx.seg." name ".type_read",  checked(s) && bit((s).ar, 3),             bit((s).ar, 1)), \
  segment("vmx.seg." name ".dpl",        not_v86() && !unrestricted() && usable(s) && le(type(s), 11), le(rpl(s), dpl(s)))

#define SYSTEM(name, s) \
  segment("vmx.seg." name ".ti",         checked_system(s),                        clear((s).selector, 2)), \
  segment("vmx.seg." name ".base_canon", checked_system(s),                        linear((s).base)), \
  segment("vmx.seg." name ".s",          checked_system(s),                        clear((s).ar, ar::S)), \
  segment("vmx.seg." name ".p",          checked_system(s),                        bit((s).ar, ar::P)), \
  segment("vmx.seg." name ".ar_rsvd_lo", checked_system(s),                        zero((s).ar, 11, 8)), \
  segment("vmx.seg." name ".ar_rsvd_hi", checked_system(s),                        zero((s).ar, 31, 17)), \
  segment("vmx.seg." name ".g_low",      checked_system(s) && limit_needs_bytes(s), clear((s).ar, ar::G)), \
  segment("vmx.seg." name ".g_high",     checked_system(s) && limit_needs_pages(s), bit((s).ar, ar::G))

inline constexpr auto kCodeAndStackRules = std::to_array<Rule>({
  CODE_OR_DATA("cs", kCs),
  segment("vmx.seg.cs.base_hi",          not_v86(),                                zero(GuestCsBase, 63, 32)),
  segment("vmx.seg.cs.type",             not_v86(),                                in(type(kCs), {9, 11, 13, 15}) || (cs_is_data() && unrestricted())),
  segment("vmx.seg.cs.dpl_type3",        not_v86() && cs_is_data(),                eq(dpl(kCs), 0)),
  segment("vmx.seg.cs.dpl_nonconf",      not_v86() && in(type(kCs), {9, 11}),      same(dpl(kCs), dpl(kSs))),
  segment("vmx.seg.cs.dpl_conf",         not_v86() && in(type(kCs), {13, 15}),     le(dpl(kCs), dpl(kSs))),
  segment("vmx.seg.cs.db_l",             not_v86() && ia32e() && bit(GuestCsAr, ar::L), clear(GuestCsAr, ar::DB)),
  CODE_OR_DATA("ss", kSs),
  segment("vmx.seg.ss.base_hi",          usable(kSs),                              zero(GuestSsBase, 63, 32)),
  segment("vmx.seg.ss.type",             checked(kSs),                             in(type(kSs), {3, 7})),
  segment("vmx.seg.ss.rpl_cs",           not_v86() && !unrestricted(),             same(rpl(kSs), rpl(kCs))),
  segment("vmx.seg.ss.dpl_rpl",          not_v86() && !unrestricted(),             same(dpl(kSs), rpl(kSs))),
  segment("vmx.seg.ss.dpl_zero",         not_v86() && (cs_is_data() || clear(GuestCr0, cr0::PE)), eq(dpl(kSs), 0)),
  segment("vmx.seg.ss.fred",             bit(GuestCr4, cr4::FRED),                 in(dpl(kSs), {0, 3}) && (!eq(dpl(kSs), 0) || bit(GuestCsAr, ar::L)) &&
                                                                                   (!eq(dpl(kSs), 3) || (zero(GuestRflags, 13, 12) && clear(Interruptibility, 0)))),
});

inline constexpr auto kDataSegmentRules = std::to_array<Rule>({
  DATA("ds", kDs),
  segment("vmx.seg.ds.base_hi",          usable(kDs),                              zero(GuestDsBase, 63, 32)),
  DATA("es", kEs),
  segment("vmx.seg.es.base_hi",          usable(kEs),                              zero(GuestEsBase, 63, 32)),
  DATA("fs", kFs),
  segment("vmx.seg.fs.base_canon",       not_v86(),                                linear(GuestFsBase)),
  DATA("gs", kGs),
  segment("vmx.seg.gs.base_canon",       not_v86(),                                linear(GuestGsBase)),
});

inline constexpr auto kSystemSegmentRules = std::to_array<Rule>({
  SYSTEM("tr", kTr),
  segment("vmx.seg.tr.type32",           not_ia32e(),                              in(type(kTr), {3, 11})),
  segment("vmx.seg.tr.type64",           ia32e(),                                  eq(type(kTr), 11)),
  segment("vmx.seg.tr.usable",           always(),                                 usable(kTr)),
  SYSTEM("ldtr", kLdtr),
  segment("vmx.seg.ldtr.type",           usable(kLdtr),                            eq(type(kLdtr), 2)),
  guest("vmx.desc.gdtr.base",  kTables,  always(),                                 linear(GuestGdtrBase)),
  guest("vmx.desc.gdtr.limit", kTables,  always(),                                 zero(GuestGdtrLimit, 31, 16)),
  guest("vmx.desc.idtr.base",  kTables,  always(),                                 linear(GuestIdtrBase)),
  guest("vmx.desc.idtr.limit", kTables,  always(),                                 zero(GuestIdtrLimit, 31, 16)),
});
#undef CODE_OR_DATA
#undef DATA
#undef SYSTEM
// clang-format on

}  // namespace diffvisor::vmx::arch
