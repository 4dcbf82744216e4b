// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "fuzzers/agent_domain.h"
#include "fuzzers/insn_vectors.h"
#include "fuzzers/x86_insn/account.h"
#include "fuzzers/x86_insn/disassemble.h"
#include "fuzzers/x86_insn/facts.h"
#include "fuzzers/x86_insn/generator.h"
#include "fuzzers/x86_insn/mutate_insn.h"
#include "fuzzers/x86_insn/stand_ins.h"
#include "fuzzers/x86_insn/steps.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/arch_model.h"
#include "models/x86/decoder/form.h"
#include "oracles/agent/insn_step_codec.h"
#include "oracles/native/native.h"
#include "oracles/unicorn/unicorn.h"
#include "oracles/unicorn/usual_loop.h"

namespace diffvisor {
namespace {

constexpr std::string_view kStrata[] = {"real16", "virtual8086", "protected16", "protected32", "compat32", "long64"};
static_assert(std::size(kStrata) == insn::kModes);

constexpr RecordField kExtras[] = {
    {"error_code", 32},
    {"payload", 64},
    {"port", 32},
    {"port_value", 64},
    {"steps", 8},
    {"memory_count", 32},
    {"memory_digest", 64},
    {"memory_address.0", 64},
    {"memory_address.1", 64},
    {"memory_address.2", 64},
    {"memory_address.3", 64},
    {"memory_value.0", 64},
    {"memory_value.1", 64},
    {"memory_value.2", 64},
    {"memory_value.3", 64},
    {"cause", 8},
    {"decoded", 64},
    {"last_step", 64},
};
static_assert(insn::kStateWords + std::size(kExtras) == insn::kRecordSlots);

// State words under the names of their fields, then the extras.
std::span<const RecordField> record_fields() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Field& f : insn::schema().fields) {
      if (f.slot < insn::kFirstState || f.slot >= insn::CodeAddress) continue;
      for (unsigned i = 0; i < f.count; ++i) {
        std::string& n = out.emplace_back(f.name);
        std::ranges::transform(n, n.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (f.count > 1) n += "." + std::to_string(i);
      }
    }
    return out;
  }();
  static const std::vector<RecordField> fields = [] {
    std::vector<RecordField> out;
    for (std::size_t i = 0; i < names.size(); ++i)
      out.push_back({names[i], field_of_slot(insn::schema(), static_cast<Slot>(insn::kFirstState + i)).width});
    out.insert(out.end(), std::begin(kExtras), std::end(kExtras));
    return out;
  }();
  return fields;
}

bool outcome_matches(rules::Outcome expected, rules::Outcome seen) { return expected == seen; }
bool same_family(rules::Outcome, rules::Outcome) { return false; }

const ObservationSchema& observation() {
  static const ObservationSchema o = {record_fields(),  &insn::outcome_text,  &insn::outcome_word,
                                      &outcome_matches, &insn::parse_outcome, &same_family};
  return o;
}

bool has_variant(std::string_view name) { return x86::find_quirk(name).has_value(); }

Observation run_variant(const Case& c, std::span<const std::string> variants) {
  x86::Quirks quirks;
  for (const std::string& v : variants) quirks.set(*x86::find_quirk(v));
  // A model is 256 KiB of RAM to set up.
  static x86::X86Model model;
  model.set_quirks(quirks);
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  return o;
}

const Behaviour& behaviour() {
  static const Behaviour b = {
      .conditions = &x86_insn::condition_schema(),
      .derive = &x86_insn::derive,
      .has_variant = &has_variant,
      .run_variant = &run_variant,
      .account = &x86_insn::account,
      .target = insn::Rip - insn::kFirstState,
      .beginnings = &x86_insn::beginnings,
      .stand_ins = &x86_insn::stand_ins,
      .alike = &x86_insn::alike,
      .unchecked = &x86_insn::unchecked,
      .without_a_step = &x86_insn::without_a_step,
      .difference = &x86_insn::difference,
      .is_exception = &x86_insn::is_exception,
      .describe = &x86_insn::disassemble,
      .strata = kStrata,
      .stratum = [](const Case& c) { return static_cast<unsigned>(c[insn::ModeOf]); },
      .forms = x86::form_count(),
      .form_name = [](std::uint32_t index) { return x86::form_name(x86::form_at(index)); },
  };
  return b;
}

constexpr std::string_view kExecutors[] = {"x86.arch", "x86.kvm", "unicorn", "bochs", "native"};
constexpr std::span<const std::string_view> kModels(kExecutors, 2);
constexpr std::string_view kByDefault[] = {"x86.arch", "unicorn", "bochs"};

const Domain& domain() {
  static const Domain d = [] {
    Domain x;
    x.name = "x86_insn";
    x.summary = "one x86 instruction, or a few, from any state in six modes";
    x.schema = &insn::schema();
    x.observation = &observation();
    x.behaviour = &behaviour();
    x.generate = &x86_insn::generate;
    x.normalise = &insn::settle;
    x.reference = "x86.arch";
    x.model_version = x86::X86Model().info().version;
    return x;
  }();
  return d;
}

x86::Quirks quirks_of(const ExecutorRequest& r) {
  x86::Quirks quirks;
  if (r.quirk == nullptr || r.quirk->executor != r.name) return quirks;
  for (std::size_t i = 0; i < x86::kQuirks; ++i)
    if (const auto q = static_cast<x86::Quirk>(i); r.quirk->includes(x86::quirk_row(q).id)) quirks.set(q);
  return quirks;
}

Result<std::unique_ptr<Executor>> make_executor(const ExecutorRequest& r) {
  const x86::Quirks quirks = quirks_of(r);
  if (r.name == "x86.arch") return std::make_unique<x86::X86Model>(x86::Personality{}, quirks);
  if (r.name == "x86.kvm") return std::make_unique<x86::X86Model>(x86::Personality{.kvm = true}, quirks);
  if (r.name == "unicorn") return unicorn::make_unicorn({.jobs = r.jobs});
  if (r.name == "native") return native::make_native({.jobs = r.jobs});
  return make_oracle(r, agent::insn_step_codec());
}

// Defects; what describes another program (tags O and K) is not one.
std::vector<Quirk> quirks() {
  std::vector<Quirk> out;
  for (std::size_t i = 0; i < x86::kQuirks; ++i) {
    const x86::QuirkRow& row = x86::quirk_row(static_cast<x86::Quirk>(i));
    if (row.tag == "O" || row.tag == "K") continue;
    Quirk& q = out.emplace_back();
    q.id = row.id;
    q.story = row.story;
    q.executor = "x86.arch";
    q.unseen = x86::unseen_because(static_cast<x86::Quirk>(i));
  }
  return out;
}

template <unicorn::UsualLoop kKind>
constexpr Baseline unicorn_loop(std::string_view what) {
  return {"unicorn", what, [] { return unicorn::usual_loop_seconds(kKind); }};
}
constexpr Baseline kBaselines[] = {unicorn_loop<unicorn::UsualLoop::Zeros>("usual loop over the API, zeros behind"),
                                   unicorn_loop<unicorn::UsualLoop::OtherCode>("usual loop, random bytes behind"),
                                   unicorn_loop<unicorn::UsualLoop::Halts>("usual loop, HLT behind"),
                                   unicorn_loop<unicorn::UsualLoop::Until>("usual loop, up to a known address")};

}  // namespace

const DomainEntry& x86_insn_entry() {
  static const DomainEntry entry{
      &domain(),       kExecutors, kByDefault, kModels, &make_executor, &quirks, &x86_insn::mutate_insn,
      &insn_vectors(), kBaselines};
  return entry;
}

}  // namespace diffvisor
