// SPDX-License-Identifier: Apache-2.0
#include "harness/triage/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/file.h"
#include "harness/case/text.h"

namespace diffvisor::triage {
namespace {

namespace fs = std::filesystem;

// Held while a file is read, merged and replaced. The kernel drops it when the process ends, however it ends.
class Lock {
 public:
  explicit Lock(const fs::path& directory)
      : fd_(::open((directory / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0)
      if (errno != EINTR) break;
  }
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

Result<void> cannot_lock(const fs::path& directory) {
  return fail(ErrorCode::Io, directory.string(), fmt::format("cannot lock: {}", std::strerror(errno)));
}

// What a writer leaves that is killed between writing and renaming. Nobody else writes such files while we hold the
// lock; the state of a campaign is written without it.
bool is_leftover(const std::string& name) {
  return (name.find(".json.tmp.") != name.npos || name.find(".case.tmp.") != name.npos) &&
         name.rfind("campaign.state.", 0) != 0;
}

bool is_there(const fs::path& p) {
  std::error_code ec;
  return fs::exists(p, ec);
}

std::string replayable(const Record& r, std::span<const Schema* const> schemas) {
  auto stored = decode_text(r.smallest.case_text, schemas, r.bucket, Digests::MustMatch);
  if (!stored || stored->size() != 1) return r.smallest.case_text;
  StoredCase& s = stored->front();
  s.story = fmt::format("{} ({})", r.smallest.sentence, r.bucket);
  for (const Said& x : r.said)
    if (s.expect.size() < kMostExpectations) s.expect.push_back({x.executor, x.version, x.outcome, x.record});
  return encode_text(s);
}

}  // namespace

Result<void> Store::open() const {
  std::error_code ec;
  fs::create_directories(directory_, ec);
  if (ec) return fail(ErrorCode::Io, directory_.string(), "cannot create: " + ec.message());
  const Lock lock(directory_);
  if (!lock.held()) return cannot_lock(directory_);
  for (const auto& entry : fs::directory_iterator(directory_, ec))
    if (std::error_code ignored; is_leftover(entry.path().filename().string())) fs::remove(entry.path(), ignored);
  return {};
}

Result<void> Store::add(const Record& record, std::span<const Schema* const> schemas) const {
  const Lock lock(directory_);
  if (!lock.held()) return cannot_lock(directory_);
  const std::string stem = file_stem(record.bucket);
  const fs::path json = directory_ / (stem + ".json"), text = directory_ / (stem + ".case");
  Record now = record;
  if (is_there(json)) {
    const auto old = read_file(json);
    if (!old) return tl::unexpected(old.error());
    const auto there = parse_record(*old, json.string());
    if (!there) return tl::unexpected(there.error());
    if (there->bucket != record.bucket) return fail(ErrorCode::Format, json.string(), "is about another bucket");
    now = merged(*there, record);
  }
  if (auto done = write_file_atomically(json, record_json(now)); !done) return done;
  return write_file_atomically(text, replayable(now, schemas));
}

Result<std::vector<Record>> Store::load() const {
  std::vector<fs::path> files;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(directory_, ec))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  if (ec) return fail(ErrorCode::Io, directory_.string(), ec.message());
  std::ranges::sort(files);
  std::vector<Record> out;
  for (const fs::path& file : files) {
    const auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    const auto j = nlohmann::json::parse(*content, nullptr, false);
    if (j.is_discarded()) return fail(ErrorCode::Format, file.string(), "is damaged: not JSON");
    if (!j.is_object() || j.value("format", nlohmann::json()) != kRecordFormat) continue;
    auto record = parse_record(*content, file.string());
    if (!record) return tl::unexpected(record.error());
    out.push_back(std::move(*record));
  }
  std::ranges::sort(out, {}, &Record::bucket);
  return out;
}

Result<void> Store::replace_if(const std::string& name, const std::string& content,
                               bool (*is_later)(const std::string& old, const std::string& now)) const {
  const Lock lock(directory_);
  if (!lock.held()) return cannot_lock(directory_);
  const fs::path path = directory_ / name;
  if (is_there(path)) {
    const auto old = read_file(path);
    if (!old) return tl::unexpected(old.error());
    if (!is_later(*old, content)) return {};
  }
  return write_file_atomically(path, content);
}

}  // namespace diffvisor::triage
