// SPDX-License-Identifier: Apache-2.0
// A difference of Unicorn as a program for its maintainers. Most of what sets a case apart from a CPU just opened has
// no part in the difference: what can be as Unicorn has it without changing what either side says is made so first.
#include <array>

#include <fmt/format.h>

#include "fuzzers/cli/export_forms.h"
#include "fuzzers/x86_insn/disassemble.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/case/diff.h"
#include "oracles/unicorn/program.h"

namespace diffvisor::cli {
namespace {

using namespace insn;

struct Views {
  Observation manual, said;
};

class Simplifier {
 public:
  Simplifier(const Session& session, Case c, Views views) : session_(session), c_(std::move(c)), views_(views) {}

  const Case& simplified() const { return c_; }
  const Views& views() const { return views_; }
  bool tables_matter() const { return tables_matter_; }

  Result<void> run() {
    if (c_[ModeOf] == kCompatibility32)
      if (auto done = keep_if_same(in_protected_mode()); !done) return done;
    for (const auto& [first, last] : kGroups)
      if (auto done = keep_if_same(with_golden(first, last)); !done) return done;
    const auto same = is_same(without_tables());
    if (!same) return tl::unexpected(same.error());
    tables_matter_ = !*same;
    return {};
  }

 private:
  // Slots that are made golden together.
  static constexpr std::array<std::pair<unsigned, unsigned>, 12> kGroups = {{{EsSelector, TrAttr},
                                                                             {GdtrBase, IdtrLimit},
                                                                             {Cr0, Efer},
                                                                             {Cr2, Cr2},
                                                                             {Cr3, Cr3},
                                                                             {Cr4, Cr4},
                                                                             {Cr8, Cr8},
                                                                             {Xcr0, Pkru},
                                                                             {Dr0, Dr7},
                                                                             {Star, TscAux},
                                                                             {Ftw, Ftw},
                                                                             {Shadow, Shadow}}};

  Case with_golden(unsigned first, unsigned last) const {
    const auto golden = golden_values(c_);
    Case out = c_;
    for (unsigned s = first; s <= last; ++s) out[static_cast<Slot>(s)] = golden[s];
    return out;
  }

  // Compatibility mode is protected mode with other tables behind it, and Unicorn is opened in the latter.
  Case in_protected_mode() const {
    Case out = c_;
    out[ModeOf] = kProtected32;
    const auto golden = golden_values(out);
    for (unsigned s = Cr0; s <= SysenterEip; ++s) out[static_cast<Slot>(s)] = golden[s];
    return out;
  }

  // Other selectors, and no descriptor to be had.
  Case without_tables() const {
    Case out = c_;
    for (const unsigned s : {kEs, kCs, kSs, kDs, kFs, kGs}) out[selector_of(s)] ^= 0x7ff8;
    out[LdtrSelector] ^= 0x7ff8;
    out[TrSelector] ^= 0x7ff8;
    out[GdtrLimit] = out[IdtrLimit] = out[LdtrLimit] = 0;
    return out;
  }

  Result<void> keep_if_same(Case candidate) {
    if (candidate == c_) return {};
    Views seen;
    const auto same = is_same(candidate, &seen);
    if (!same) return tl::unexpected(same.error());
    if (*same) c_ = std::move(candidate), views_ = seen;
    return {};
  }

  Result<bool> is_same(Case candidate, Views* seen = nullptr) {
    const Case before = candidate;
    session_.entry->domain->normalise(candidate.v.data());
    if (!(candidate == before)) return false;
    const auto now = observe(session_, candidate);
    if (!now) return tl::unexpected(now.error());
    if (seen != nullptr) *seen = *now;
    return agrees(now->manual, views_.manual, now->said, views_.said);
  }

  // The same outcomes, and the same values wherever the two sides differed, or do now.
  static bool agrees(const Observation& manual, const Observation& manual_before, const Observation& said,
                     const Observation& said_before) {
    if (manual.status != Status::Ran || said.status != Status::Ran) return false;
    if (manual.outcome != manual_before.outcome || said.outcome != said_before.outcome) return false;
    for (unsigned i = 0; i < kCause; ++i) {
      if (i == kMemoryDigest) continue;
      const bool differ = differs(manual_before, said_before, i), differ_now = differs(manual, said, i);
      if (differ != differ_now) return false;
      if (differ && (manual.record[i] != manual_before.record[i] || said.record[i] != said_before.record[i]))
        return false;
    }
    return true;
  }

  static bool differs(const Observation& a, const Observation& b, unsigned slot) {
    return a.defined.test(slot) && b.defined.test(slot) && a.record[slot] != b.record[slot];
  }

 public:
  static Result<Views> observe(const Session& s, const Case& c) {
    Views out;
    for (const auto& e : s.executors) {
      const auto o = run_one(*e, c);
      if (!o) return tl::unexpected(o.error());
      (e->info().name == s.entry->domain->reference ? out.manual : out.said) = *o;
    }
    return out;
  }

 private:
  const Session& session_;
  Case c_;
  Views views_;
  bool tables_matter_ = true;
};

std::string head_of(const Session& s, const Exported& x, const Simplifier& done) {
  const auto text = [&](const Observation& o) { return observation_text(*s.entry->domain, o); };
  return fmt::format(
      "{}\n\n{}\n{} {} says: {}\n{} says: {}\n\ncc -o program program.c -lunicorn && ./program\n"
      "exit code 1: it still differs, 0: it is as the manual says, 2: something else\n\n"
      "Made by diffvisor: {}\n{}\n",
      x.story, x86_insn::disassemble(done.simplified()), s.executors[1]->info().name, s.executors[1]->info().version,
      text(done.views().said), "The manual", text(done.views().manual), x.c.schema->domain,
      golden_difference_text(done.simplified()));
}

}  // namespace

Result<std::string> unicorn_program(const Exported& x, const Flags& flags) {
  if (x.c.schema->domain != "x86_insn")
    return fail(ErrorCode::Usage, x.name, "only instructions can be a program for Unicorn");
  Flags f = flags;
  f.executors = {"x86.arch", "unicorn"};
  f.profile = std::string(x.c.schema->profiles[x.c.profile].name);
  auto session = open_session("x86_insn", f);
  if (!session) return tl::unexpected(session.error());
  const auto views = Simplifier::observe(*session, x.c);
  if (!views) return tl::unexpected(views.error());
  if (views->manual.status == Status::Ran && views->said.status == Status::Ran &&
      !compare::Judge::first_difference(views->manual, views->said))
    return fail(ErrorCode::Usage, x.name, "Unicorn says what the manual says");
  Simplifier simplifier(*session, x.c, *views);
  if (auto done = simplifier.run(); !done) return tl::unexpected(done.error());
  return unicorn::program_of({&simplifier.simplified(), &simplifier.views().manual, &simplifier.views().said,
                              simplifier.tables_matter(), head_of(*session, x, simplifier)});
}

}  // namespace diffvisor::cli
