// SPDX-License-Identifier: Apache-2.0
// diffvisor case: the text and the binary form into each other, new cases, and the migration of old ones.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "harness/base/bytes.h"
#include "harness/base/file.h"
#include "harness/case/binary.h"
#include "harness/case/diff.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

int finish(const Result<void>& done) { return done ? kClean : complain(done.error()); }

std::string where(const std::string& output) { return output.empty() ? "-" : output; }

void normalise(Case& c) {
  const DomainEntry* entry = find_domain(c.schema->domain);
  if (entry != nullptr && entry->domain->normalise != nullptr) entry->domain->normalise(c.v.data());
}

Result<void> encode(const std::string& input, const std::string& output) {
  const auto loaded = load_cases({input});
  if (!loaded) return tl::unexpected(loaded.error());
  if (loaded->size() != 1)
    return fail(ErrorCode::Usage, input, fmt::format("has {} cases; the binary form holds one", loaded->size()));
  const std::vector<std::byte> bytes = encode_binary((*loaded)[0].stored.c);
  return write_output(where(output), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<void> decode(const std::string& input, const std::string& domain, const std::string& output) {
  const auto entry = domain_named(domain);
  if (!entry) return tl::unexpected(entry.error());
  const auto bytes = read_file(input);
  if (!bytes) return tl::unexpected(bytes.error());
  StoredCase stored;
  stored.c = decode_binary(as_byte_span(*bytes), *(*entry)->domain->schema);
  normalise(stored.c);
  stored.story = fmt::format("decoded from {}", fs::path(input).filename().string());
  return write_output(where(output), encode_text(stored));
}

// The assignments as lines of a text case, so that a command line and a file are read by one reader.
Result<std::string> with_assignments(std::string text, const std::vector<std::string>& assignments) {
  constexpr std::string_view kEnd = "---\n";
  text.resize(text.size() - kEnd.size());
  for (const std::string& a : assignments) {
    const std::size_t equals = a.find('=');
    if (equals == a.npos || a.find('\n') != a.npos) return fail(ErrorCode::Usage, a, "expected FIELD=VALUE");
    text += fmt::format("{} = {}\n", a.substr(0, equals), a.substr(equals + 1));
  }
  return text.append(kEnd);
}

Result<void> create(const std::string& domain, const std::vector<std::string>& assignments, const std::string& output,
                    const Flags& flags) {
  const auto entry = domain_named(domain);
  if (!entry) return tl::unexpected(entry.error());
  const auto profile = profile_named(*(*entry)->domain, flags.profile);
  if (!profile) return tl::unexpected(profile.error());
  StoredCase golden;
  golden.c = golden_case(*(*entry)->domain->schema, *profile);
  const auto text = with_assignments(encode_text(golden), assignments);
  if (!text) return tl::unexpected(text.error());
  auto read = decode_text(*text, all_schemas(), "the new case");
  if (!read) return tl::unexpected(read.error());
  StoredCase& made = (*read)[0];
  normalise(made.c);
  made.story = golden_difference_text(made.c);
  return write_output(where(output), encode_text(made));
}

// Migration -------------------------------------------------------------------------------------------------------

// What runs in this process answers again; the rest was recorded and stays.
bool is_model(const DomainEntry& entry, std::string_view executor) {
  return std::ranges::find(entry.in_process, executor) != entry.in_process.end();
}

// Empty: as expected, pinned record values included.
std::string changed_verdict(const Domain& domain, const Expectation& e, const Observation& seen) {
  const std::string now = observation_text(domain, seen);
  if (now != e.outcome) return fmt::format("{} now says {}, the case expects {}", e.executor, now, e.outcome);
  for (const RecordValue& r : e.record) {
    const auto& fields = domain.observation->fields;
    const auto it = std::ranges::find(fields, r.name, &RecordField::name);
    const auto i = static_cast<std::size_t>(it - fields.begin());
    if (it == fields.end() || !seen.defined.test(i)) return fmt::format("{} no longer reports {}", e.executor, r.name);
    if (seen.record[i] != r.value)
      return fmt::format("{} now reports {} = {:#x}, the case expects {:#x}", e.executor, r.name, seen.record[i],
                         r.value);
  }
  return {};
}

class Migration {
 public:
  // Brings one file up to date, or says why it stays as it is.
  Result<void> file(const fs::path& path, std::vector<StoredCase>& cases) {
    std::vector<bool> old;
    for (const StoredCase& c : cases) {
      const auto is = is_old(c);
      if (!is) return tl::unexpected(is.error());
      old.push_back(*is);
    }
    if (std::ranges::find(old, true) == old.end()) return static_cast<void>(++current_), Result<void>{};
    std::size_t changed = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!old[i]) continue;
      const auto problem = refresh(cases[i]);
      if (!problem) return tl::unexpected(problem.error());
      if (problem->empty()) continue;
      fmt::print("{}:{}: {}\n", path.string(), i + 1, *problem);
      ++changed;
    }
    if (changed > 0) return static_cast<void>(++left_), Result<void>{};
    if (auto wrote = write_file_atomically(path, encode_text(cases)); !wrote) return wrote;
    fmt::print("{}: migrated\n", path.string());
    return static_cast<void>(++migrated_), Result<void>{};
  }

  int report() const {
    fmt::print("{} files migrated, {} already current, {} left because a verdict changed\n", migrated_, current_,
               left_);
    if (recorded_ > 0) fmt::print("{} recorded answers were kept unchecked; diffvisor replay checks them\n", recorded_);
    return left_ > 0 ? kDivergence : kClean;
  }

 private:
  // Written by a program that reads cases otherwise, or expecting what another version of a model said.
  Result<bool> is_old(const StoredCase& stored) {
    const DomainEntry& entry = *find_domain(stored.c.schema->domain);
    for (const Expectation& e : stored.expect) {
      if (!is_model(entry, e.executor)) continue;
      const auto model = model_named(entry, e.executor);
      if (!model) return tl::unexpected(model.error());
      if ((*model)->info().version != e.version) return true;
    }
    return stored.stale;
  }

  // Empty: every model still says what the case expects.
  Result<std::string> refresh(StoredCase& stored) {
    normalise(stored.c);
    stored.stale = false;
    const DomainEntry& entry = *find_domain(stored.c.schema->domain);
    std::string problem;
    for (Expectation& e : stored.expect) {
      if (!is_model(entry, e.executor)) {
        ++recorded_;
        continue;
      }
      const auto model = model_named(entry, e.executor);
      if (!model) return tl::unexpected(model.error());
      const auto seen = run_one(**model, stored.c);
      if (!seen) return tl::unexpected(seen.error());
      if (problem.empty()) problem = changed_verdict(*entry.domain, e, *seen);
      e.version = (*model)->info().version;
    }
    return problem;
  }

  Result<Executor*> model_named(const DomainEntry& entry, const std::string& name) {
    auto& slot = models_[name];
    if (slot == nullptr) {
      ExecutorRequest request;
      request.name = name;
      auto made = entry.make_executor(request);
      if (!made) return tl::unexpected(made.error());
      slot = std::move(*made);
    }
    return slot.get();
  }

  std::map<std::string, std::unique_ptr<Executor>> models_;
  std::size_t migrated_ = 0, current_ = 0, left_ = 0, recorded_ = 0;
};

}  // namespace

int case_encode(const std::string& input, const std::string& output) { return finish(encode(input, output)); }

int case_decode(const std::string& input, const std::string& domain, const std::string& output) {
  return finish(decode(input, domain, output));
}

int case_new(const std::string& domain, const std::vector<std::string>& assignments, const std::string& output,
             const Flags& flags) {
  return finish(create(domain, assignments, output, flags));
}

int case_migrate(const std::vector<std::string>& paths, const Flags&) {
  const auto loaded = load_cases(paths, Digests::MayDiffer);
  if (!loaded) return complain(loaded.error());
  std::map<fs::path, std::vector<StoredCase>> files;
  for (const Loaded& l : *loaded) files[l.file].push_back(l.stored);
  Migration migration;
  for (auto& [path, cases] : files)
    if (auto done = migration.file(path, cases); !done) return complain(done.error());
  return migration.report();
}

}  // namespace diffvisor::cli
