// SPDX-License-Identifier: Apache-2.0
// Prints a line for each finding and how many ended minimal, in the same bucket and optimal; or what is in a binary
// case, so that what another minimiser made of a finding can be compared. scripts/measure_minimiser uses both.
#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "fuzzers/minimise_score/score.h"
#include "harness/base/bytes.h"
#include "harness/base/file.h"
#include "harness/case/binary.h"
#include "harness/case/diff.h"

namespace diffvisor::minimise_score {
namespace {

struct Flags {
  Options options;
  std::string keep;  // directory
  std::string file, domain, quirk, bucket;
};

// Fields, bits, bytes of the binary form.
std::string size_text(const Case& c) {
  const Apart a = apart(c);
  return fmt::format("{} {} {}", a.capabilities + a.fields, a.bits, encode_binary(c).size());
}

void print(std::uint64_t i, const Scored& s) {
  fmt::print("{:>4} {:<9} {:<36} {:>12} -> {:<9} in {:>4} runs; {} tried{}{}{}{}\n", i, s.domain, s.quirk,
             size_text(s.found), size_text(s.result), s.runs, s.searched.tried, s.searched.whole ? "" : ", not all",
             s.is_optimal() ? "" : ", NOT OPTIMAL", s.is_minimal() ? "" : ", NOT MINIMAL",
             s.same_bucket ? "" : ", OTHER BUCKET");
  if (s.is_good()) return;
  fmt::print("       {}\n       ours    {}\n", s.bucket, golden_difference_text(s.result));
  if (s.one_step) fmt::print("       step    {}\n", golden_difference_text(*s.one_step));
  if (s.searched.smaller) fmt::print("       smaller {}\n", golden_difference_text(*s.searched.smaller));
}

// The finding as an engine gets it, and a line about it for the script.
Result<std::string> keep(const std::string& directory, std::uint64_t i, const Scored& s) {
  const std::vector<std::byte> bytes = encode_binary(s.found);
  const std::string file = fmt::format("{}/{}.bin", directory, i);
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (auto wrote = write_file_atomically(file, content); !wrote) return tl::unexpected(wrote.error());
  return fmt::format("{} {} {} {} {} {} {}\n", file, s.domain, s.quirk, size_text(s.found), size_text(s.result), s.runs,
                     s.bucket);
}

Result<bool> score_all(const Flags& flags) {
  Sample sample(flags.options.seed, kDomains);
  Tally all, each[std::size(kDomains)];
  std::string list;
  for (std::uint64_t i = 0; i < flags.options.findings; ++i) {
    auto pick = sample.pick(i);
    if (!pick) return tl::unexpected(pick.error());
    const auto scored = score(std::move(*pick), flags.options);
    if (!scored) return tl::unexpected(scored.error());
    print(i, *scored);
    std::fflush(stdout);
    all.add(*scored);
    each[i % std::size(kDomains)].add(*scored);
    if (flags.keep.empty()) continue;
    const auto line = keep(flags.keep, i, *scored);
    if (!line) return tl::unexpected(line.error());
    list += *line;
  }
  for (std::size_t d = 0; d < std::size(kDomains); ++d) fmt::print("{:<9} {}\n", kDomains[d], each[d].text());
  fmt::print("{:<9} {}\n", "all", all.text());
  if (!flags.keep.empty())
    if (auto wrote = write_file_atomically(flags.keep + "/list", list); !wrote) return tl::unexpected(wrote.error());
  return all.is_good();
}

Result<bool> describe(const Flags& flags) {
  const DomainEntry* entry = find_domain(flags.domain);
  if (entry == nullptr) return fail(ErrorCode::Usage, flags.domain, "no such domain");
  const auto quirk = quirk_named(*entry, flags.quirk);
  if (!quirk) return tl::unexpected(quirk.error());
  const auto planted = Planted::make(*entry, *quirk);
  if (!planted) return tl::unexpected(planted.error());
  const auto bytes = read_file(flags.file);
  if (!bytes) return tl::unexpected(bytes.error());
  Case c = decode_binary(as_byte_span(*bytes), *entry->domain->schema);
  (*planted)->normalise(c);
  const bool same = (*planted)->bucket(c) == flags.bucket;
  fmt::print("{} {} {}\n", size_text(c), bytes->size(), same ? "same" : "other");
  return same;
}

int end(const Result<bool>& good) {
  if (good) return *good ? 0 : 1;
  fmt::print(stderr, "minimise_score: {}\n", good.error().text());
  return 2;
}

}  // namespace
}  // namespace diffvisor::minimise_score

int main(int argc, char** argv) {
  using namespace diffvisor::minimise_score;
  Flags flags;
  CLI::App app("How good the minimiser is");
  app.add_option("--findings", flags.options.findings, "how many");
  app.add_option("--seed", flags.options.seed, "which");
  app.add_option("--most", flags.options.most, "cases that brute force tries for one finding");
  app.add_option("--keep", flags.keep, "directory for the findings and a list of them");
  app.add_option("--domain", flags.domain, "of the file");
  app.add_option("--quirk", flags.quirk, "that the file is about");
  app.add_option("--bucket", flags.bucket, "that it is compared with");
  app.add_option("file", flags.file,
                 "prints fields, bits, bytes when encoded anew, bytes, whether the bucket is the same");
  CLI11_PARSE(app, argc, argv);
  return end(flags.file.empty() ? score_all(flags) : describe(flags));
}
