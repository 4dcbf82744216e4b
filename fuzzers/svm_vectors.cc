// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/svm_vectors.h"

#include <algorithm>

#include "fuzzers/vector_case.h"
#include "fuzzers/vector_needs.h"
#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace svm {
namespace {

constexpr std::string_view kEmptyNestedTables = "precondition:first_NPT_entry_not_present";

// Expectations

bool add_accepted(std::vector<OutcomePattern>& out, std::string_view text, std::optional<std::uint64_t> qual) {
  const auto whole = [&](Outcome o) { return out.push_back({o}), true; };
  if (qual) return false;
  if (text == "invalid") return whole(kInvalid);
  if (text == "#UD") return whole(make_outcome(OutcomeKind::InvalidOpcode));
  if (text == "#GP(0)") return whole(make_outcome(OutcomeKind::GeneralProtection));
  if (text == "ok") return accept_entry(out, entered(kVmmcallExit), kEntered), true;
  if (const auto exit = number_in(text, "exit(")) return accept_entry(out, entered(*exit), kEntered), true;
  if (const auto exit = number_in(text, "npf(")) return accept_entry(out, entered(*exit), kEntered), true;
  return false;
}

// Needs

struct StartWord {
  std::string_view word;
  ContextBit bit;
};
constexpr StartWord kStartWords[] = {{"svmeoff", kSvmeOff}, {"cpl3", kCpl3}, {"address32", kAddress32}};

Need start_need(std::string_view word) {
  for (const StartWord& s : kStartWords)
    if (same_name(s.word, word)) return {need_bit(Context, s.bit, true)};
  return {};
}

// A feature: NPT, or the name of a bit of a capability.
Need feature_need(std::string_view name, bool on) {
  if (same_name(name, "NPT")) return {need_bit(CapSvmFeatures, svm_feature::NP, on)};
  for (const Slot s : {Slot{CapSvmFeatures}, Slot{CapFeatures}, Slot{CapCr4Mask}, Slot{CapEferMask}})
    for (const BitName& b : field_of_slot(schema(), s).bits)
      if (same_name(b.name, name)) return {need_bit(s, b.lo, on)};
  return {};
}

// MAXPA>40, MAXPA<=40, MAXPA=40
Need width_need(std::string_view text) {
  using enum NeedCondition::Relation;
  for (const auto& [head, relation, more] :
       {std::tuple{"MAXPA>", AtLeast, 1u}, std::tuple{"MAXPA<=", AtMost, 0u}, std::tuple{"MAXPA=", Equal, 0u}}) {
    if (!text.starts_with(head)) continue;
    const auto n = parse_number(text.substr(std::string_view(head).size()));
    if (n && *n < 0xff) return {need_bits(CapMaxphyaddr, 7, 0, relation, *n + more)};
  }
  return {};
}

Need parse_need(std::string_view text) {
  text = trimmed(text);
  if (text == kEmptyNestedTables) return {need_bit(CapSvmFeatures, svm_feature::NP, true)};
  for (const std::string_view head : {"instruction:", "precondition:"})
    if (text.starts_with(head)) return start_need(text.substr(head.size()));
  if (Need need = width_need(text); !need.empty()) return need;
  if (Need need = unsupported_cr4_bit(text, CapCr4Mask); !need.empty()) return need;
  const bool on = !text.starts_with('!');
  if (!on) text.remove_prefix(1);
  if (text.starts_with("cpuid:")) text.remove_prefix(6);
  return feature_need(text, on);
}

bool is_coherent(const std::uint64_t* v) { return v[CapMaxphyaddr] >= 36 && v[CapMaxphyaddr] <= 52; }

// The case

constexpr VectorBuilder::World kWorld = {&schema,  "the VMCB",    agent::kScratch, Cr3,
                                         Cr3Pdpte, &settle_facts, &fact_is_placed};

class Builder final : public VectorBuilder {
 public:
  Builder(Case c, bool empty_nested_tables) : VectorBuilder(kWorld, std::move(c)), empty_(empty_nested_tables) {}

 private:
  void fill_pages() override {
    if (empty_) c_.v[Ncr3] = kEmptyTables;
  }
  std::optional<ValueOrReason> symbol(std::string_view name, std::optional<std::string_view> argument) override {
    // All code of the golden guest is VMMCALL in every mode; the first page is the one that rules know.
    if (name == "CODE32" && argument == "vmmcall") return agent::kGuestCode;
    if (name == "NPT" && argument == "identity") return kGoldenNcr3;
    return std::nullopt;
  }
  std::string_view field_name(std::string_view name) const override {
    return name == "NP_ENABLE" ? "NESTED_CTL" : name == "N_CR3" ? "NCR3" : name;
  }

  bool empty_;
};

tl::expected<Case, std::string> build_case(const Vector& v, Case golden) {
  const bool empty = std::ranges::find(v.needs, kEmptyNestedTables) != v.needs.end();
  return Builder(std::move(golden), empty).build(v);
}

void prepare(std::uint64_t* v) { v[Probe] = kVmmcall; }

constexpr VectorReading kReading = {&schema, Context, &parse_need, &is_coherent, &prepare, &add_accepted, &build_case};

}  // namespace
}  // namespace svm

const VectorDialect& svm_vectors() {
  static constexpr VectorDialect kDialect = dialect_of<svm::kReading>();
  return kDialect;
}

}  // namespace diffvisor
