// SPDX-License-Identifier: Apache-2.0
#include "harness/triage/record.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "harness/base/digest.h"
#include "harness/bucket/bucket.h"

namespace diffvisor::triage {
namespace {

auto said_key(const Said& s) {
  std::string record;
  for (const RecordValue& v : s.record) record += fmt::format("{} {} ", v.name, v.value);
  return std::tuple(s.executor, s.version, s.outcome, s.trust, s.verdict, std::move(record));
}

// By executor and version, without duplicates.
std::vector<Said> in_order(std::vector<Said> said) {
  const auto before = [](const Said& a, const Said& b) { return said_key(a) < said_key(b); };
  const auto same = [](const Said& a, const Said& b) { return said_key(a) == said_key(b); };
  std::ranges::sort(said, before);
  said.erase(std::unique(said.begin(), said.end(), same), said.end());
  return said;
}

std::vector<Said> both(std::vector<Said> a, const std::vector<Said>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return in_order(std::move(a));
}

// "qbqa" is how bucket ids spell 10.
bool is_number_spelled(std::string_view text) {
  if (text.empty() || text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2)
    if (text[i] != 'q' || text[i + 1] < 'a' || text[i + 1] > 'j') return false;
  return true;
}

// "cmpxchg" of "cmpxchg8b", as bucket ids spell it.
std::string without_number(const std::string& word) {
  for (std::size_t at = word.find('q'); at != word.npos; at = word.find('q', at + 2))
    if (at > 0 && at + 1 < word.size() && word[at + 1] >= 'a' && word[at + 1] <= 'j') return word.substr(0, at);
  return word;
}

bool later_state(const Origin& a, const Origin& b) { return std::tie(a.count, a) > std::tie(b.count, b); }

void join(std::map<std::string, FamilyTrust>& into, const std::map<std::string, FamilyTrust>& from) {
  for (const auto& [who, t] : from) {
    FamilyTrust& x = into[who];
    x.rules = std::max(x.rules, t.rules);
    x.confirmed = std::max(x.confirmed, t.confirmed);
    x.wrong = std::max(x.wrong, t.wrong);
  }
}

}  // namespace

std::uint64_t Record::count() const {
  std::uint64_t n = 0;
  for (const auto& [id, o] : origins) n += o.count;
  return n;
}

const Origin& Record::first() const {
  static const Origin kNone;
  const Origin* best = nullptr;
  for (const auto& [id, o] : origins)
    if (best == nullptr || std::tie(o.seed, o.first_index, o) < std::tie(best->seed, best->first_index, *best))
      best = &o;
  return best == nullptr ? kNone : *best;
}

std::string Record::family() const {
  for (const RuleText& r : smallest.rules)
    if (!r.edit.empty()) return family_of(r.id);
  return {};
}

Blame Record::blame() const {
  BlameFacts f;
  f.said = &said;
  f.differs = smallest.executor;
  f.family = family();
  f.unclear = unclear;
  f.trust = trust;
  return triage::blame(f);
}

Record merged(const Record& a, const Record& b) {
  const auto key = [](const Record& r) { return std::tie(r.smallest.size, r.smallest.case_text); };
  Record out = std::tie(a.smallest, a.domain) <= std::tie(b.smallest, b.domain) ? a : b;
  out.said = key(a) == key(b) ? both(a.said, b.said) : in_order(out.said);
  out.unclear = a.unclear;
  out.unclear.insert(b.unclear.begin(), b.unclear.end());
  out.trust = a.trust;
  join(out.trust, b.trust);
  out.suspects = a.suspects;
  out.suspects.insert(b.suspects.begin(), b.suspects.end());
  out.origins = a.origins;
  for (const auto& [id, o] : b.origins)
    if (const auto [it, fresh] = out.origins.try_emplace(id, o); !fresh && later_state(o, it->second)) it->second = o;
  return out;
}

std::string same_cause(const Record& r) {
  std::set<std::string> names;
  for (const Said& s : r.said) names.insert(s.executor);
  // The bucket is "domain.executors.what...", with names spelled as bucket ids spell them.
  const std::string domain = bucket::spell(r.domain);
  std::string rest = r.bucket.substr(std::min(r.bucket.size(), domain.size() + 1));
  for (bool any = true; any;) {
    any = false;
    for (const std::string& n : names) {
      const std::string head = bucket::spell(n) + ".";
      if (rest.rfind(head, 0) != 0) continue;
      rest.erase(0, head.size());
      any = true;
    }
  }
  // What an instruction or a check shows in several fields; mnemonics that differ in a size are one instruction.
  if (r.smallest.difference == "behaves" && !rest.starts_with("differs."))
    rest = without_number(rest.substr(0, rest.find('.')));
  // Single bits of one field, refused alike, are mostly one check of several bits.
  if (r.smallest.difference == "rejects")
    if (const std::size_t last = rest.rfind('.'); last != rest.npos && is_number_spelled(rest.substr(last + 1)))
      rest.erase(last);
  return domain + "." + rest;
}

bool is_bucket(std::string_view text) {
  return !text.empty() && text.size() < 4096 && text.front() != '.' &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '.' || c == '_'; });
}

std::string file_stem(std::string_view bucket) {
  constexpr std::size_t kLongest = 200;
  if (bucket.size() <= kLongest) return std::string(bucket);
  return fmt::format("{}.etc.{}", bucket.substr(0, kLongest - 24), Digest().add(bucket).hex());
}

}  // namespace diffvisor::triage
