// SPDX-License-Identifier: Apache-2.0
// Reading text cases. The input is hostile: every line, list and number is bounded, nothing is guessed, and the first
// thing that is not right ends the reading with its line.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "harness/base/bits.h"
#include "harness/base/file.h"
#include "harness/case/sparse.h"
#include "harness/case/text.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

// Takes the next word off the front of rest.
std::string_view next_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  rest = trimmed(rest);
  return word;
}

// What an error quotes of the input.
std::string quoted(std::string_view text) {
  return fmt::format("'{}{}'", text.substr(0, 60), text.size() > 60 ? "..." : "");
}

int hex_digit(char ch) {
  if (ch >= '0' && ch <= '9') return ch - '0';
  return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

std::optional<std::uint64_t> parse_digest(std::string_view text) {
  return text.size() == 16 ? parse_number(fmt::format("0x{}", text)) : std::nullopt;
}

// Lines without their end, blank ones left out.
class Lines {
 public:
  Lines(std::string_view text, std::string_view place) : text_(text), place_(place) {}

  // Empty at the end of the text.
  Result<std::string_view> next() {
    while (!text_.empty()) {
      ++number_;
      std::string_view line = text_.substr(0, text_.find('\n'));
      text_.remove_prefix(std::min(text_.size(), line.size() + 1));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > kLongestLine) return error("line is longer than 1 MiB");
      if (!std::ranges::all_of(line, is_printable)) return error("only printable ASCII is allowed");
      line = trimmed(line);
      if (!line.empty()) return line;
    }
    return std::string_view();
  }

  tl::unexpected<Error> error(std::string detail) const {
    return fail(ErrorCode::Format, fmt::format("{}:{}", place_, number_), std::move(detail));
  }

 private:
  std::string_view text_;
  std::string_view place_;
  std::size_t number_ = 0;
};

// The digests of one profile; a file usually has few profiles and many cases.
struct Known {
  const Schema* schema;
  std::uint16_t profile;
  std::uint64_t vocabulary;
  std::uint64_t golden;
};

class Decoder {
 public:
  Decoder(std::string_view text, std::span<const Schema* const> schemas, std::string_view place, Digests digests)
      : lines_(text, place), schemas_(schemas), digests_(digests) {}

  Result<std::vector<StoredCase>> run() {
    std::vector<StoredCase> all;
    while (true) {
      const auto first = lines_.next();
      if (!first) return tl::unexpected(first.error());
      if (first->empty()) return all;
      if (all.size() == kMostStoredCases) return lines_.error("more than 65536 cases in one file");
      if (auto r = one_case(*first); !r) return tl::unexpected(r.error());
      all.push_back(std::move(stored_));
    }
  }

 private:
  using Line = Result<void> (Decoder::*)(std::string_view rest);

  Result<void> one_case(std::string_view story) {
    stored_ = StoredCase();
    values_ = SparseValues();
    if (!story.starts_with('#')) return lines_.error("a case starts with its story: '# why this case is kept'");
    stored_.story = trimmed(story.substr(1));
    if (auto r = header(); !r) return r;
    while (true) {
      const auto line = lines_.next();
      if (!line) return tl::unexpected(line.error());
      if (line->empty()) return lines_.error("the file ends inside a case: '---' is missing");
      if (*line == "---") break;
      if (auto r = body_line(*line); !r) return r;
    }
    values_.apply(stored_.c);
    return {};
  }

  Result<void> header() {
    static constexpr std::pair<std::string_view, Line> kHeader[] = {{"case", &Decoder::version_line},
                                                                    {"domain", &Decoder::domain_line},
                                                                    {"profile", &Decoder::profile_line},
                                                                    {"schema", &Decoder::digest_line}};
    for (const auto& [keyword, read] : kHeader) {
      const auto line = lines_.next();
      if (!line) return tl::unexpected(line.error());
      std::string_view rest = *line;
      if (next_word(rest) != keyword) return lines_.error(fmt::format("expected '{} ...'", keyword));
      if (auto r = (this->*read)(rest); !r) return r;
    }
    return {};
  }

  Result<void> version_line(std::string_view rest) {
    if (parse_number(rest) == kTextVersion) return {};
    return lines_.error(fmt::format("text form {} is not known; this program reads {}", quoted(rest), kTextVersion));
  }

  Result<void> domain_line(std::string_view rest) {
    const auto it = std::ranges::find(schemas_, rest, [](const Schema* s) { return s->domain; });
    if (it == schemas_.end()) return lines_.error(fmt::format("domain {} is not known here", quoted(rest)));
    stored_.c.schema = *it;
    stored_.c.areas.resize((*it)->areas.size());
    return {};
  }

  Result<void> profile_line(std::string_view rest) {
    const auto profile = find_profile(schema(), rest);
    if (!profile) return lines_.error(fmt::format("{} has no profile {}", schema().domain, quoted(rest)));
    stored_.c.profile = *profile;
    return {};
  }

  Result<void> digest_line(std::string_view rest) {
    const auto vocabulary = parse_digest(next_word(rest));
    const auto keyword = next_word(rest);
    const auto golden = parse_digest(rest);
    if (!vocabulary || keyword != "golden" || !golden)
      return lines_.error("expected 'schema <16 digits> golden <16 digits>'");
    const Known& now = known();
    stored_.stale = *vocabulary != now.vocabulary || *golden != now.golden;
    if (!stored_.stale || digests_ == Digests::MayDiffer) return {};
    return lines_.error(fmt::format("written for another {}; run `diffvisor case migrate` on this file",
                                    *vocabulary != now.vocabulary ? "list of fields" : "golden case"));
  }

  const Known& known() {
    const Case& c = stored_.c;
    const auto same = [&](const Known& k) { return k.schema == c.schema && k.profile == c.profile; };
    const auto it = std::ranges::find_if(known_, same);
    if (it != known_.end()) return *it;
    known_.push_back({c.schema, c.profile, schema_digest(*c.schema), golden_digest(*c.schema, c.profile)});
    return known_.back();
  }

  Result<void> body_line(std::string_view line) {
    std::string_view rest = line;
    const std::string_view word = next_word(rest);
    if (word == "area") return area_line(rest);
    if (word == "op") return operation_line(rest);
    if (word == "expect") return expectation_line(rest);
    if (!rest.starts_with("= ")) return lines_.error(fmt::format("cannot read {}", quoted(line)));
    return field_line(word, trimmed(rest.substr(1)));
  }

  Result<void> field_line(std::string_view name, std::string_view value) {
    unsigned index = 0;
    const Field* f = find_slot(name, index);
    if (f == nullptr) return lines_.error(fmt::format("{} has no field {}", schema().domain, quoted(name)));
    const auto v = parse_value(*f, value);
    if (!v) return lines_.error(fmt::format("{} is no value for {}", quoted(value), name));
    if ((*v & ~ones(f->width)) != 0) return lines_.error(fmt::format("{} has {} bits", name, f->width));
    if (values_.has(f->slot + index)) return lines_.error(fmt::format("{} is given twice", name));
    values_.set(f->slot + index, *v);
    return {};
  }

  // "NAME" or, for arrays only, "NAME[index]".
  const Field* find_slot(std::string_view text, unsigned& index) const {
    const std::size_t bracket = text.find('[');
    const Field* f = find_field(schema(), text.substr(0, bracket));
    if (f == nullptr || (f->count == 1) != (bracket == text.npos)) return nullptr;
    if (f->count == 1) return f;
    if (!text.ends_with(']')) return nullptr;
    const auto i = parse_number(text.substr(bracket + 1, text.size() - bracket - 2));
    if (!i || *i >= f->count) return nullptr;
    index = static_cast<unsigned>(*i);
    return f;
  }

  Result<void> area_line(std::string_view rest) {
    const std::string_view name = next_word(rest);
    const auto it = std::ranges::find(schema().areas, name, &ByteArea::name);
    if (it == schema().areas.end())
      return lines_.error(fmt::format("{} has no area {}", schema().domain, quoted(name)));
    if (next_word(rest) != "=" || rest.empty()) return lines_.error("expected 'area <name> = <bytes>'");
    auto& bytes = stored_.c.areas[static_cast<std::size_t>(it - schema().areas.begin())];
    if (!bytes.empty()) return lines_.error(fmt::format("area {} is given twice", name));
    while (!rest.empty()) {
      const std::string_view two = next_word(rest);
      const int high = two.size() == 2 ? hex_digit(two[0]) : -1;
      const int low = two.size() == 2 ? hex_digit(two[1]) : -1;
      if (high < 0 || low < 0) return lines_.error(fmt::format("{} is no byte of two hex digits", quoted(two)));
      if (bytes.size() == it->largest) return lines_.error(fmt::format("area {} holds {} bytes", name, it->largest));
      bytes.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return {};
  }

  Result<void> operation_line(std::string_view rest) {
    const std::string_view name = next_word(rest);
    const auto kind = std::ranges::find(schema().operations, name, &OperationKind::name);
    if (kind == schema().operations.end())
      return lines_.error(fmt::format("{} has no operation {}", schema().domain, quoted(name)));
    if (stored_.c.operations.size() == schema().most_operations)
      return lines_.error(fmt::format("more than {} operations", schema().most_operations));
    Operation o;
    o.opcode = kind->opcode;
    for (unsigned i = 0; i < kind->args; ++i) {
      const auto v = parse_number(next_word(rest));
      if (!v) return lines_.error(fmt::format("{} takes {} numbers", name, kind->args));
      o.args[i] = *v;
    }
    if (!rest.empty()) return lines_.error(fmt::format("{} takes {} numbers", name, kind->args));
    stored_.c.operations.push_back(o);
    return {};
  }

  Result<void> expectation_line(std::string_view rest) {
    if (stored_.expect.size() == kMostExpectations) return lines_.error("more than 64 expectations");
    Expectation e;
    e.executor = next_word(rest);
    const auto version = version_of(rest);
    if (!is_word(e.executor) || !version || next_word(rest) != "=")
      return lines_.error("expected 'expect <executor> <version> = <outcome>'");
    e.version = *version;
    const std::size_t semicolon = rest.find(';');
    e.outcome = trimmed(rest.substr(0, semicolon));
    if (e.outcome.empty()) return lines_.error("the outcome is missing");
    if (semicolon != rest.npos)
      if (auto r = record_values(rest.substr(semicolon + 1), e); !r) return r;
    stored_.expect.push_back(std::move(e));
    return {};
  }

  // A word, or text in double quotes with \" and \\.
  static std::optional<std::string> version_of(std::string_view& rest) {
    if (!rest.starts_with('"')) {
      const std::string_view word = next_word(rest);
      return is_word(word) ? std::optional<std::string>(word) : std::nullopt;
    }
    std::string version;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') {
        rest = trimmed(rest.substr(i + 1));
        return std::string(trimmed(version));
      }
      if (rest[i] == '\\' && ++i == rest.size()) break;
      version += rest[i];
    }
    return std::nullopt;
  }

  Result<void> record_values(std::string_view text, Expectation& e) {
    while (true) {
      const std::size_t semicolon = text.find(';');
      std::string_view item = trimmed(text.substr(0, semicolon));
      RecordValue r;
      r.name = next_word(item);
      const bool equals = next_word(item) == "=";
      const auto v = parse_number(item);
      if (!is_word(r.name) || !equals || !v) return lines_.error("expected '; <name> = <number>' after the outcome");
      if (e.record.size() == kMostRecordValues) return lines_.error("more than 32 record values");
      r.value = *v;
      e.record.push_back(std::move(r));
      if (semicolon == text.npos) return {};
      text.remove_prefix(semicolon + 1);
    }
  }

  const Schema& schema() const { return *stored_.c.schema; }

  Lines lines_;
  std::span<const Schema* const> schemas_;
  Digests digests_;
  std::vector<Known> known_;
  StoredCase stored_;
  SparseValues values_;
};

}  // namespace

Result<std::vector<StoredCase>> decode_text(std::string_view text, std::span<const Schema* const> schemas,
                                            std::string_view place, Digests digests) {
  if (text.size() > kLargestInput) return fail(ErrorCode::Format, std::string(place), "larger than 64 MiB");
  return Decoder(text, schemas, place, digests).run();
}

}  // namespace diffvisor
