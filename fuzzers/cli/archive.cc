// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/cli/archive.h"

#include <algorithm>
#include <array>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "harness/base/file.h"

namespace diffvisor::cli {
namespace {

constexpr std::size_t kMostBytes = 4 * kLargestInput;  // of all members together
constexpr std::size_t kMostMembers = 1u << 16;

struct Close {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Handle = std::unique_ptr<archive, Close>;

tl::unexpected<Error> problem(const std::filesystem::path& path, archive* a) {
  const char* text = archive_error_string(a);
  return fail(ErrorCode::Format, path.string(), text != nullptr ? text : "cannot be read");
}

Result<std::string> content_of(const std::filesystem::path& path, archive* a, std::size_t limit) {
  std::string out;
  std::array<char, 1 << 16> piece;
  for (;;) {
    const la_ssize_t n = archive_read_data(a, piece.data(), piece.size());
    if (n < 0) return problem(path, a);
    if (n == 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(n));
    if (out.size() > limit)
      return fail(ErrorCode::Format, path.string(), fmt::format("unpacks to more than {} bytes", kMostBytes));
  }
}

}  // namespace

bool is_archive(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return std::ranges::any_of(std::array{".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.zst"},
                             [&](const char* end) { return name.ends_with(end); });
}

Result<std::vector<Member>> cases_in_archive(const std::filesystem::path& path) {
  const Handle a(archive_read_new());
  archive_read_support_filter_all(a.get());
  archive_read_support_format_zip(a.get());
  archive_read_support_format_tar(a.get());
  if (archive_read_open_filename(a.get(), path.c_str(), 1 << 16) != ARCHIVE_OK) return problem(path, a.get());
  std::vector<Member> out;
  std::size_t left = kMostBytes;
  for (std::size_t members = 0;; ++members) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return problem(path, a.get());
    if (members >= kMostMembers) return fail(ErrorCode::Format, path.string(), "holds too many files");
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || !std::string_view(name).ends_with(".case") || archive_entry_filetype(entry) != AE_IFREG)
      continue;
    auto content = content_of(path, a.get(), left);
    if (!content) return tl::unexpected(content.error());
    left -= content->size();
    out.push_back({name, std::move(*content)});
  }
  std::ranges::stable_sort(out, {}, &Member::name);
  return out;
}

}  // namespace diffvisor::cli
