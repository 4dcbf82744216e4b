// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vectors.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/case/text.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

using Json = nlohmann::ordered_json;

bool is_clean(std::string_view text) {
  return text.size() <= kLongestVectorText && std::ranges::all_of(text, is_printable);
}

// Reads one object; the first thing that is not right ends it.
class VectorReader {
 public:
  VectorReader(const Json& object, std::string place) : object_(object) { v_.place = std::move(place); }

  Result<Vector> read() {
    if (!object_.is_object()) return error("a vector is a JSON object");
    text("id", v_.id, true);
    text("domain", v_.domain, true);
    text("expect", v_.expect, true);
    text("stage", v_.stage, false);
    text("code", v_.code, false);
    items("set", v_.set);
    items("after", v_.after);
    items("open", v_.open);
    items("mem", v_.mem);
    texts("needs", v_.needs);
    texts("alt", v_.alt);
    qualification();
    if (!problem_.empty()) return error(problem_);
    return std::move(v_);
  }

 private:
  tl::unexpected<Error> error(std::string detail) const { return fail(ErrorCode::Format, v_.place, std::move(detail)); }

  void complain(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = fmt::format("\"{}\" {}", key, what);
  }

  bool take(const Json& j, std::string_view key, std::string& out) {
    if (!j.is_string() || !is_clean(j.get_ref<const std::string&>()))
      return complain(key, fmt::format("must be printable text of at most {} characters", kLongestVectorText)), false;
    out = j.get<std::string>();
    return true;
  }

  void text(const char* key, std::string& out, bool required) {
    const auto it = object_.find(key);
    if (it != object_.end()) take(*it, key, out);
    if (required && out.empty()) complain(key, "is missing");
  }

  void texts(const char* key, std::vector<std::string>& out) {
    const auto it = object_.find(key);
    if (it == object_.end()) return;
    if (!it->is_array() || it->size() > kMostVectorItems) return complain(key, "must be a short list");
    for (const Json& j : *it)
      if (!take(j, key, out.emplace_back())) return;
  }

  void items(const char* key, std::vector<VectorItem>& out) {
    const auto it = object_.find(key);
    if (it == object_.end()) return;
    if (!it->is_object() || it->size() > kMostVectorItems) return complain(key, "must be a small object");
    for (const auto& [name, value] : it->items()) {
      if (!is_clean(name)) return complain(key, "has a name that is not printable or too long");
      VectorItem& item = out.emplace_back(VectorItem{name, {}});
      if (!take(value, key, item.value)) return;
    }
  }

  void qualification() {
    const auto it = object_.find("qual");
    if (it == object_.end()) return;
    if (it->is_number_unsigned())
      v_.qual = it->get<std::uint64_t>();
    else if (it->is_string())
      v_.qual = parse_number(it->get_ref<const std::string&>());
    if (!v_.qual) complain("qual", "must be a number");
  }

  const Json& object_;
  Vector v_;
  std::string problem_;
};

Result<Vector> read_line(std::string_view line, std::string place) {
  if (line.size() > kLongestLine) return fail(ErrorCode::Format, std::move(place), "line is longer than 1 MiB");
  try {
    return VectorReader(Json::parse(line), place).read();
  } catch (const Json::parse_error& e) {
    return fail(ErrorCode::Format, std::move(place), fmt::format("no JSON, from column {} on", e.byte));
  }
}

}  // namespace

Result<std::vector<Vector>> read_vectors(std::string_view text, std::string_view place) {
  std::vector<Vector> all;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto v = read_line(line, fmt::format("{}:{}", place, number));
    if (!v) return tl::unexpected(v.error());
    if (all.size() == kMostVectors) return fail(ErrorCode::Format, v->place, "too many vectors in one file");
    all.push_back(std::move(*v));
  }
  return all;
}

std::string expected_text(const Vector& v) {
  std::string text = v.expect;
  if (v.qual) text += fmt::format(" with qualification {}", *v.qual);
  for (const std::string& other : v.alt) text += " or " + other;
  return text;
}

}  // namespace diffvisor
