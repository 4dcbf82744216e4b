// SPDX-License-Identifier: Apache-2.0
#include "reports/comparison.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace diffvisor::reports {
namespace {

using Json = nlohmann::ordered_json;
using triage::Origin;
using triage::Record;

constexpr Change kChanges[] = {Change::New,   Change::Blame,  Change::Flaky,
                               Change::Fixed, Change::NotRun, Change::Unchanged};

bool ran(const Run& run, std::uint64_t index) {
  constexpr std::uint64_t kBatch = campaign::kBatch;
  return index >= run.first && index < run.next && (run.shards <= 1 || index / kBatch % run.shards == run.shard - 1);
}

// Case i is a function of seed, profile and tables; with other tables it is another case by the same number.
bool ran_first_case(const FindingsReport& in, const Record& r) {
  return std::ranges::any_of(r.origins, [&](const auto& named) {
    const Origin& o = named.second;
    return std::ranges::any_of(in.runs, [&](const Run& run) {
      return run.domain == r.domain && run.profile == o.profile && run.seed == o.seed && ran(run, o.first_index);
    });
  });
}

// The other side has the very campaign that found this, up to its first case, and did not find it.
bool contradicts(const FindingsReport& other, const Record& r) {
  return std::ranges::any_of(r.origins, [&](const auto& named) {
    return std::ranges::any_of(
        other.runs, [&](const Run& run) { return run.id == named.first && ran(run, named.second.first_index); });
  });
}

BucketChange of_one_side(const Record& r, bool is_new, const FindingsReport& other) {
  BucketChange c;
  (is_new ? c.after : c.before) = &r;
  if (contradicts(other, r)) {
    c.change = Change::Flaky;
    c.note = fmt::format("the same campaign did not find it {}", is_new ? "before" : "again");
  } else if (r.smallest.order_dependent) {
    c.change = Change::Flaky;
    c.note = "depends on the order of cases";
  } else if (is_new) {
    c.change = Change::New;
    c.note = ran_first_case(other, r) ? "" : "its first case was not run before";
  } else {
    c.change = ran_first_case(other, r) ? Change::Fixed : Change::NotRun;
  }
  return c;
}

BucketChange of_both(const Record& before, const Record& after) {
  BucketChange c;
  c.before = &before;
  c.after = &after;
  const triage::Blame a = before.blame(), b = after.blame();
  if (before.smallest.order_dependent || after.smallest.order_dependent) {
    c.change = Change::Flaky;
    c.note = "depends on the order of cases";
  } else if (a.suspect != b.suspect || a.who != b.who) {
    c.change = Change::Blame;
    c.note = fmt::format("was {}: {}", suspect_text(a), a.reason);
  }
  return c;
}

std::size_t rank(Change c) { return static_cast<std::size_t>(std::ranges::find(kChanges, c) - kChanges); }

}  // namespace

std::string_view change_name(Change c) {
  switch (c) {
    case Change::New:
      return "new";
    case Change::Fixed:
      return "fixed";
    case Change::NotRun:
      return "not_run";
    case Change::Blame:
      return "changed_blame";
    case Change::Flaky:
      return "flaky";
    case Change::Unchanged:
      return "unchanged";
  }
  return {};
}

std::vector<BucketChange> compare(const FindingsReport& before, const FindingsReport& after) {
  std::vector<BucketChange> out;
  for (const Record& r : before.records) {
    const auto it = std::ranges::find(after.records, r.bucket, &Record::bucket);
    out.push_back(it == after.records.end() ? of_one_side(r, false, after) : of_both(r, *it));
  }
  for (const Record& r : after.records)
    if (std::ranges::find(before.records, r.bucket, &Record::bucket) == before.records.end())
      out.push_back(of_one_side(r, true, before));
  std::ranges::sort(out, [](const BucketChange& a, const BucketChange& b) {
    return std::tuple(rank(a.change), std::string_view(a.record().bucket)) <
           std::tuple(rank(b.change), std::string_view(b.record().bucket));
  });
  return out;
}

std::string comparison_text(const std::vector<BucketChange>& changes) {
  std::string out, counts;
  for (const BucketChange& c : changes) {
    if (c.change == Change::Unchanged) continue;
    const triage::Blame b = c.record().blame();
    out += fmt::format("{:<14} {}\n{:<14} {}\n{:<14} {}\n{:<14} suspect {}: {}\n", change_name(c.change),
                       c.record().bucket, "", c.record().smallest.sentence, "", c.record().smallest.golden, "",
                       suspect_text(b), b.reason);
    if (const std::string first = compare::divergence_line(c.record().smallest.first); !first.empty())
      out += fmt::format("{:<14} {}\n", "", first);
    if (!c.note.empty()) out += fmt::format("{:<14} {}\n", "", c.note);
  }
  for (const Change k : kChanges)
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", std::ranges::count(changes, k, &BucketChange::change),
                          change_name(k));
  return out + counts + "\n";
}

Json comparison_json(const std::vector<BucketChange>& changes) {
  Json j = {{"format", "diffvisor.comparison.1"}, {"changes", Json::array()}};
  for (const BucketChange& c : changes)
    j["changes"].push_back({{"change", change_name(c.change)},
                            {"bucket", c.record().bucket},
                            {"suspect", suspect_text(c.record().blame())},
                            {"sentence", c.record().smallest.sentence},
                            {"cases_before", c.before == nullptr ? 0 : c.before->count()},
                            {"cases_after", c.after == nullptr ? 0 : c.after->count()},
                            {"note", c.note}});
  return j;
}

}  // namespace diffvisor::reports
