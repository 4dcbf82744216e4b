// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/known.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "harness/base/file.h"
#include "harness/rules/expr_text.h"

namespace diffvisor::compare {
namespace {

constexpr std::string_view kKeys[] = {"id",        "executor", "versions", "rows",   "action", "guard",
                                      "must",      "when",     "outcome",  "phase",  "reason", "reference",
                                      "review_by", "proof",    "edit",     "fields", "variant"};
constexpr std::string_view kEditKeys[] = {"rows", "action", "guard", "must", "when", "outcome", "phase"};

constexpr std::string_view kPhaseRange = "needs 'phase' in 0..254";

class EntryReader {
 public:
  EntryReader(const toml::table& table, const Domain& domain, std::string place)
      : table_(table), domain_(domain), place_(std::move(place)) {}

  Result<Known> read() {
    Known k;
    k.id = text("id");
    if (k.id.empty()) problem("an entry without id");
    place_ += " " + k.id;
    k.executor = text("executor");
    k.versions = text("versions");
    k.reason = text("reason");
    k.reference = text("reference");
    k.review_by = text("review_by");
    k.proof = text("proof");
    k.place = place_;
    if (k.executor.empty() || k.reason.empty() || k.reference.empty() || k.review_by.empty())
      problem("executor, reason, reference and review_by are required");
    for (const auto& [key, value] : table_)
      if (std::ranges::find(kKeys, key.str()) == std::end(kKeys)) problem(fmt::format("unknown key '{}'", key.str()));
    if (domain_.behaviour != nullptr) {
      read_behaviour(k);
    } else if (const toml::array* edits = table_["edit"].as_array()) {
      read_several(*edits, k);
    } else {
      read_edits(k);
    }
    if (!problem_.empty()) return fail(ErrorCode::Format, place_, problem_);
    return k;
  }

 private:
  std::string text(std::string_view key) const { return (*source_)[key].value_or(std::string{}); }
  void problem(std::string_view what) {
    if (problem_.empty()) problem_ = what;
  }

  // One cause with several edits: [[known.edit]] tables, applied in order.
  void read_several(const toml::array& edits, Known& k) {
    if (edits.empty()) return problem("'edit' is empty");
    for (const toml::node& node : edits) {
      const toml::table* edit = node.as_table();
      if (edit == nullptr) return problem("[[known.edit]] must hold tables");
      for (const auto& [key, value] : *edit)
        if (std::ranges::find(kEditKeys, key.str()) == std::end(kEditKeys))
          problem(fmt::format("unknown key '{}' in an edit", key.str()));
      source_ = edit;
      read_edits(k);
    }
    source_ = &table_;
  }

  void read_behaviour(Known& k) {
    const std::string action = text("action");
    if (action == "dies") {
      k.dies = condition("when");
      if (!k.dies) problem("action dies needs 'when'");
      return;
    }
    BehaviourDelta& d = k.behaviour.emplace();
    d.when = condition("when");
    if (action == "cannot_judge") {
      if (!d.when) problem("action cannot_judge needs 'when'");
    } else if (action == "variant") {
      d.action = BehaviourDelta::Action::Variant;
      d.variant = text("variant");
      if (!domain_.behaviour->has_variant(d.variant)) problem(fmt::format("no variant is called '{}'", d.variant));
    } else if (action == "ignores") {
      d.action = BehaviourDelta::Action::Ignores;
      read_fields(d);
    } else {
      problem(fmt::format("action '{}' is none of ignores, variant, cannot_judge, dies", action));
    }
  }

  // fields = ["rip", "rflags:0x10"]
  void read_fields(BehaviourDelta& d) {
    const toml::array* fields = table_["fields"].as_array();
    if (fields == nullptr || fields->empty() || !d.when) return problem("action ignores needs 'when' and 'fields'");
    for (const toml::node& node : *fields) {
      const std::string field = node.value_or(std::string{});
      const std::size_t colon = field.find(':');
      const auto all = domain_.observation->fields;
      const auto it = std::ranges::find(all, std::string_view(field).substr(0, colon), &RecordField::name);
      Loose l{static_cast<std::uint8_t>(it - all.begin()), ~std::uint64_t{0}};
      if (colon != std::string::npos) l.bits = std::strtoull(field.c_str() + colon + 1, nullptr, 0);
      if (it == all.end() || l.bits == 0) return problem(fmt::format("'{}' is no field of the record", field));
      d.ignores.push_back(l);
    }
  }

  void read_edits(Known& k) {
    if (text("action") == "dies") {
      k.dies = condition("when");
      if (!k.dies) problem("action dies needs 'when'");
      if (source_->contains("phase") && !phase()) problem(kPhaseRange);
      k.dies_from = phase().value_or(0);
      return;
    }
    const toml::array* rows = (*source_)["rows"].as_array();
    if (rows == nullptr || rows->empty()) return problem("rows are required");
    for (const toml::node& row : *rows) {
      const std::string id = row.value_or(std::string{});
      bool found = false;
      for (std::size_t i = 0; i < domain_.rules->rows.size(); ++i) {
        if (domain_.rules->rows[i].id != id) continue;
        found = true;
        if (auto edit = edit_of(i)) k.edits.push_back(*edit);
      }
      if (!found) problem(fmt::format("no rule is called '{}'", id));
    }
  }

  // In rows about entry i of a list, '@' stands for that entry's array element.
  std::string for_entry(std::string_view key) const {
    std::string out;
    for (const char c : text(key)) out += c == '@' ? std::to_string(entry_ == 0 ? 0 : entry_ - 1) : std::string(1, c);
    return out;
  }

  std::optional<rules::Expr> condition(std::string_view key) {
    if (!source_->contains(key)) return std::nullopt;
    const Schema& names = domain_.behaviour != nullptr ? *domain_.behaviour->conditions : *domain_.schema;
    auto e = rules::parse_expr(for_entry(key), names, domain_.rules->functions, fmt::format("{} {}", place_, key));
    if (!e) return problem(e.error().detail), std::nullopt;
    return *e;
  }

  std::optional<std::uint8_t> phase() const {
    const auto number = (*source_)["phase"].value<std::int64_t>();
    if (!number || *number < 0 || *number > 254) return std::nullopt;
    return static_cast<std::uint8_t>(*number);
  }

  std::optional<rules::RowEdit> edit_of(std::size_t row) {
    const rules::Rule& rule = domain_.rules->rows[row];
    entry_ = rule.entry;
    rules::RowEdit edit;
    edit.row = row;
    const std::string action = text("action");
    if (action == "drop") {
      edit.drop = true;
    } else if (action == "guard") {
      const auto guard = condition("guard");
      if (!guard) return problem("action guard needs 'guard'"), std::nullopt;
      if (guard->size + rule.when.size + 1u > rules::kMaxNodes) return problem("the guard is too long"), std::nullopt;
      edit.when = rule.when && *guard;
      edit.narrows = true;
    } else if (action == "also") {
      const auto also = condition("must");
      if (!also) return problem("action also needs 'must'"), std::nullopt;
      if (also->size + rule.must.size + 1u > rules::kMaxNodes)
        return problem("the condition is too long"), std::nullopt;
      edit.must = rule.must && *also;
    } else if (action == "replace") {
      edit.when = condition("when");
      edit.must = condition("must");
      if (!edit.when && !edit.must) problem("action replace needs 'when' or 'must'");
    } else if (action == "outcome") {
      edit.outcome = outcome_of(text("outcome"));
    } else if (action == "phase") {
      edit.phase = phase();
      edit.phase_when = condition("guard");
      if (!edit.phase) problem(kPhaseRange);
    } else {
      problem(fmt::format("action '{}' is none of drop, guard, also, replace, outcome, phase, dies", action));
    }
    return edit;
  }

  // Outcomes are written as the table prints them, so one that no row has cannot be meant.
  std::optional<rules::Outcome> outcome_of(std::string_view wanted) {
    for (const rules::Rule& r : domain_.rules->rows)
      if (domain_.observation->outcome_text(r.outcome) == wanted) return r.outcome;
    return problem(fmt::format("no rule has the outcome '{}'", wanted)), std::nullopt;
  }

  const toml::table& table_;
  const toml::table* source_ = &table_;  // what edits are read from: the entry, or one of its [[known.edit]]
  const Domain& domain_;
  std::string place_;
  std::string problem_;
  unsigned entry_ = 0;  // of the row being edited
};

Result<void> check_all(const std::vector<Known>& all) {
  std::set<std::string> ids;
  std::map<std::string, std::size_t> entries;
  for (const Known& k : all) {
    if (!ids.insert(k.id).second) return fail(ErrorCode::Format, k.place, "two entries have this id");
    if (++entries[k.executor] > kMostEntries)
      return fail(ErrorCode::Format, k.place, fmt::format("more than {} entries of {}", kMostEntries, k.executor));
  }
  return {};
}

}  // namespace

Result<void> parse_known(std::string_view text, const std::string& place, const Domain& domain,
                         std::vector<Known>& out) {
  toml::table document;
  try {
    document = toml::parse(text, place);
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::Format, fmt::format("{}:{}", place, e.source().begin.line), std::string(e.description()));
  }
  // Every entry of a file is about the file's domain.
  const auto about = document["domain"].value<std::string>();
  if (!about) return fail(ErrorCode::Format, place, "says no domain");
  if (*about != domain.name) return {};
  const toml::array* entries = document["known"].as_array();
  if (entries == nullptr) return fail(ErrorCode::Format, place, "no [[known]] entries");
  for (const toml::node& node : *entries) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return fail(ErrorCode::Format, place, "[[known]] must hold tables");
    auto known = EntryReader(*table, domain, fmt::format("{}:{}", place, table->source().begin.line)).read();
    if (!known) return tl::unexpected(known.error());
    out.push_back(std::move(*known));
  }
  return check_all(out);
}

Result<std::vector<Known>> load_known(const std::filesystem::path& path, const Domain& domain) {
  if (domain.rules->rows.empty() && domain.behaviour == nullptr) return std::vector<Known>{};
  std::vector<std::filesystem::path> files;
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, ec))
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    std::ranges::sort(files);
  } else {
    files.push_back(path);
  }
  if (ec) return fail(ErrorCode::Io, path.string(), ec.message());
  std::vector<Known> out;
  for (const auto& file : files) {
    const auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    if (auto done = parse_known(*content, file.string(), domain, out); !done) return tl::unexpected(done.error());
  }
  return out;
}

std::vector<Known> known_for(const std::vector<Known>& all, std::string_view executor, std::string_view version) {
  std::vector<Known> out;
  for (const Known& k : all)
    if (k.executor == executor && version.substr(0, k.versions.size()) == k.versions) out.push_back(k);
  return out;
}

}  // namespace diffvisor::compare
