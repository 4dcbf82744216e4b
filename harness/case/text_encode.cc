// SPDX-License-Identifier: Apache-2.0
// Writing the canonical text form of a case.
#include <fmt/format.h>

#include <algorithm>

#include "harness/case/text.h"
#include "harness/case/text_form.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

void put(std::string& out, std::string_view line) {
  out += line;
  out += '\n';
}

// One line of printable ASCII without blanks at either end.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char ch) { return !is_printable(ch); }, ' ');
  return std::string(trimmed(line));
}

void put_fields(std::string& out, const Case& c, bool context) {
  const auto base = baseline_values(c);
  for (const Field& f : c.schema->fields) {
    if ((f.role == Role::Context) != context) continue;
    for (unsigned i = 0; i < f.count; ++i) {
      const std::uint64_t v = c.v[f.slot + i];
      if (v == base[f.slot + i]) continue;
      put(out, fmt::format("{} = {}", slot_name(f, i), context ? bit_names_text(f, v) : hex_text(v)));
    }
  }
}

void put_area(std::string& out, const ByteArea& area, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  out += fmt::format("area {} =", area.name);
  for (const std::byte b : bytes) out += fmt::format(" {:02x}", std::to_integer<unsigned>(b));
  out += '\n';
}

// Counts read best in decimal, addresses and patterns in hexadecimal.
std::string argument_text(std::uint64_t v) { return v < 1024 ? fmt::format("{}", v) : hex_text(v); }

void put_operation(std::string& out, const Schema& schema, const Operation& o) {
  const OperationKind& kind = *find_operation(schema, o.opcode);
  out += fmt::format("op {}", kind.name);
  for (std::size_t i = 0; i < kind.args; ++i) out.append(1, ' ').append(argument_text(o.args[i]));
  out += '\n';
}

std::string version_text(std::string_view text) {
  const std::string version = one_line(text);
  if (is_word(version)) return version;
  std::string quoted = "\"";
  for (const char ch : version) {
    if (ch == '"' || ch == '\\') quoted += '\\';
    quoted += ch;
  }
  return quoted + '"';
}

void put_expectation(std::string& out, const Expectation& e) {
  std::string outcome = one_line(e.outcome);
  std::ranges::replace(outcome, ';', ',');
  out += fmt::format("expect {} {} = {}", e.executor, version_text(e.version), outcome);
  for (const RecordValue& r : e.record) out += fmt::format("; {} = {}", r.name, hex_text(r.value));
  out += '\n';
}

}  // namespace

std::string encode_text(const StoredCase& stored) {
  const Case& c = stored.c;
  const std::string story = one_line(stored.story);
  std::string out;
  put(out, story.empty() ? "#" : fmt::format("# {}", story));
  put(out, fmt::format("case {}", kTextVersion));
  put(out, fmt::format("domain {}", c.schema->domain));
  put(out, fmt::format("profile {}", c.schema->profiles[c.profile].name));
  put(out, fmt::format("schema {:016x} golden {:016x}", schema_digest(*c.schema), golden_digest(*c.schema, c.profile)));
  put_fields(out, c, true);
  put_fields(out, c, false);
  for (std::size_t i = 0; i < c.areas.size(); ++i) put_area(out, c.schema->areas[i], c.areas[i]);
  for (const Operation& o : c.operations) put_operation(out, *c.schema, o);
  for (const Expectation& e : stored.expect) put_expectation(out, e);
  put(out, "---");
  return out;
}

std::string encode_text(std::span<const StoredCase> stored) {
  std::string out;
  for (const StoredCase& s : stored) out += encode_text(s);
  return out;
}

}  // namespace diffvisor
