// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/cli/session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "fuzzers/cli/archive.h"
#include "harness/base/file.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> corpus_above(fs::path from) {
  std::error_code ec;
  for (from = fs::absolute(from, ec); !from.empty(); from = from.parent_path()) {
    if (fs::is_directory(from / "corpus" / "known", ec)) return from / "corpus";
    if (from == from.parent_path()) break;
  }
  return std::nullopt;
}

Result<std::vector<fs::path>> case_files(const fs::path& path) {
  std::error_code ec;
  if (!fs::exists(path, ec)) return fail(ErrorCode::Io, path.string(), "no such file or directory");
  if (!fs::is_directory(path, ec)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".case" || is_archive(it->path())) files.push_back(it->path());
  if (ec) return fail(ErrorCode::Io, path.string(), ec.message());
  std::ranges::sort(files);
  return files;
}

// The line on which each case starts: after the end of the one before.
std::vector<std::size_t> first_lines(std::string_view text) {
  std::vector<std::size_t> out = {1};
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at).starts_with("---")) out.push_back(line + 1);
    at = end + 1;
  }
  return out;
}

Result<void> decode_into(std::vector<Loaded>& out, const Member& m, Digests digests) {
  auto cases = decode_text(m.content, all_schemas(), m.name, digests);
  if (!cases) return tl::unexpected(cases.error());
  const auto lines = first_lines(m.content);
  for (std::size_t i = 0; i < cases->size(); ++i)
    out.push_back({m.name, i + 1, std::move((*cases)[i]), i < lines.size() ? lines[i] : 1});
  return {};
}

Result<std::vector<compare::Known>> known_of(const Domain& domain, const Flags& flags) {
  const auto root = corpus_root(flags.corpus);
  if (!root) return tl::unexpected(root.error());
  return compare::load_known(*root / "known", domain);
}

Result<void> start_executors(Session& s, const Flags& flags) {
  std::vector<std::string> wanted = flags.executors;
  if (wanted.empty()) wanted.assign(s.entry->by_default.begin(), s.entry->by_default.end());
  for (const std::string& name : wanted) {
    if (std::ranges::find(s.entry->executors, name) == s.entry->executors.end())
      return fail(ErrorCode::Usage, name, fmt::format("{} has no such executor", s.entry->domain->name));
    ExecutorRequest request;
    request.name = name;
    request.profile = s.entry->domain->schema->profiles[s.profile].name;
    request.jobs = flags.jobs;
    for (const Quirk& q : s.quirks)
      if (q.executor == name) request.quirk = &q;
    auto executor = s.entry->make_executor(request);
    if (executor) {
      s.executors.push_back(std::move(*executor));
    } else if (flags.allow_missing) {
      fmt::print(stderr, "diffvisor: without {}: {}\n", name, executor.error().text());
    } else {
      return tl::unexpected(executor.error());
    }
  }
  if (s.executors.empty()) return fail(ErrorCode::Environment, "executors", "none could be started");
  return {};
}

// A long run must not end in a file that cannot be written.
Result<void> can_be_written(const std::string& where) {
  if (where.empty() || where == "-") return {};
  std::error_code ec;
  if (fs::is_directory(where, ec)) return fail(ErrorCode::Io, where, "is a directory");
  const fs::path parent = fs::absolute(where, ec).parent_path();
  if (!fs::is_directory(parent, ec)) return fail(ErrorCode::Io, where, "its directory does not exist");
  if (::access(parent.c_str(), W_OK) != 0 && !fs::exists(where, ec))
    return fail(ErrorCode::Io, where, std::strerror(errno));
  return {};
}

}  // namespace

int complain(const Error& error) {
  std::string line = error.text();
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';  // names and files may hold anything
  fmt::print(stderr, "diffvisor: {}\n", line);
  return kCannot;
}

Result<fs::path> corpus_root(const std::string& flag) {
  std::error_code ec;
  if (!flag.empty()) {
    if (!fs::is_directory(flag, ec)) return fail(ErrorCode::Usage, flag, "is not a directory");
    return fs::path(flag);
  }
  for (const fs::path& from : {fs::read_symlink("/proc/self/exe", ec).parent_path(), fs::current_path(ec)})
    if (auto found = corpus_above(from)) return *found;
  return fail(ErrorCode::Environment, "corpus", "not found above the program or the working directory; use --corpus");
}

Result<const DomainEntry*> domain_named(std::string_view name) {
  if (const DomainEntry* d = find_domain(name)) return d;
  std::string names;
  for (const DomainEntry& d : domains()) names += fmt::format(" {}", d.domain->name);
  return fail(ErrorCode::Usage, std::string(name), "no such domain; there are:" + names);
}

Result<std::uint16_t> profile_named(const Domain& domain, const std::string& name) {
  if (name.empty()) return std::uint16_t{0};
  if (const auto found = find_profile(*domain.schema, name)) return *found;
  std::string names;
  for (const ProfileSpec& p : domain.schema->profiles) names += fmt::format(" {}", p.name);
  return fail(ErrorCode::Usage, name, "no such profile; there are:" + names);
}

Result<std::vector<Loaded>> load_cases(const std::vector<std::string>& paths, Digests digests) {
  std::vector<Loaded> out;
  for (const std::string& path : paths) {
    const auto files = case_files(path);
    if (!files) return tl::unexpected(files.error());
    for (const fs::path& file : *files) {
      std::vector<Member> texts;
      if (is_archive(file)) {
        auto members = cases_in_archive(file);
        if (!members) return tl::unexpected(members.error());
        for (Member& m : *members) texts.push_back({(file / m.name).string(), std::move(m.content)});
      } else {
        auto text = read_file(file);
        if (!text) return tl::unexpected(text.error());
        texts.push_back({file.string(), std::move(*text)});
      }
      for (const Member& m : texts)
        if (auto done = decode_into(out, m, digests); !done) return tl::unexpected(done.error());
    }
  }
  return out;
}

std::vector<Executor*> Session::raw() const {
  std::vector<Executor*> out;
  for (const auto& e : executors) out.push_back(e.get());
  return out;
}

std::vector<ExecutorInfo> Session::infos() const {
  std::vector<ExecutorInfo> out;
  for (const auto& e : executors) out.push_back(e->info());
  return out;
}

Result<std::optional<Observation>> reference_says(const Session& s, const Case& c) {
  if (!s.entry->domain->rules->rows.empty()) return std::nullopt;
  for (const auto& e : s.executors) {
    if (e->info().name != s.entry->domain->reference) continue;
    auto seen = run_one(*e, c);
    if (!seen) return tl::unexpected(seen.error());
    return std::move(*seen);
  }
  return std::nullopt;
}

Result<compare::Verdict> judge_seen(const Session& s, const Case& c, const compare::Reading& r, std::size_t executor,
                                    const Observation& seen) {
  const auto reference = reference_says(s, c);
  if (!reference) return tl::unexpected(reference.error());
  return s.judge->judge(c, r, executor, seen, *reference ? &**reference : nullptr);
}

namespace {

// Defects of one executor become one, so that several can be switched on at once.
Result<std::vector<Quirk>> quirks_of(const DomainEntry& entry, std::string_view list) {
  std::vector<Quirk> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    auto quirk = quirk_named(entry, list.substr(0, comma));
    if (!quirk) return tl::unexpected(quirk.error());
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto it = std::ranges::find(out, quirk->executor, &Quirk::executor);
    if (it == out.end()) {
      out.push_back(std::move(*quirk));
    } else {
      it->more.push_back(quirk->id);
      it->edits.insert(it->edits.end(), quirk->edits.begin(), quirk->edits.end());
    }
  }
  return out;
}

}  // namespace

Result<compare::FirstDivergence> first_divergence(const Session& s, std::size_t executor, const Case& c) {
  const Domain& d = *s.entry->domain;
  for (const auto& e : s.executors)
    if (e->info().name == d.reference && e != s.executors[executor])
      return compare::first_divergence(d, *e, *s.executors[executor], c);
  return compare::FirstDivergence{};
}

Result<Session> open_session(std::string_view domain, const Flags& flags) {
  if (auto writable = can_be_written(flags.json); !writable) return tl::unexpected(writable.error());
  Session s;
  const auto entry = domain_named(domain);
  if (!entry) return tl::unexpected(entry.error());
  s.entry = *entry;
  const auto profile = profile_named(*s.entry->domain, flags.profile);
  if (!profile) return tl::unexpected(profile.error());
  s.profile = *profile;
  auto quirks = quirks_of(*s.entry, flags.quirk);
  if (!quirks) return tl::unexpected(quirks.error());
  s.quirks = std::move(*quirks);
  auto known = known_of(*s.entry->domain, flags);
  if (!known) return tl::unexpected(known.error());
  std::vector<rules::RowEdit> of_reference;
  std::vector<std::string> variants;
  for (const Quirk& q : s.quirks) {
    if (q.executor != s.entry->domain->reference) continue;
    of_reference = q.edits;
    variants = q.more;
    variants.push_back(q.id);
  }
  s.judge = std::make_unique<compare::Judge>(*s.entry->domain, std::move(*known), of_reference, std::move(variants));
  if (auto started = start_executors(s, flags); !started) return tl::unexpected(started.error());
  for (const auto& e : s.executors) s.judge->add_executor(e->info());
  return s;
}

Result<void> write_output(const std::string& where, const std::string& content) {
  if (where != "-") return write_file_atomically(where, content);
  if (std::fwrite(content.data(), 1, content.size(), stdout) != content.size() || std::fflush(stdout) != 0)
    return fail(ErrorCode::Io, "standard output", "cannot write");
  return {};
}

}  // namespace diffvisor::cli
