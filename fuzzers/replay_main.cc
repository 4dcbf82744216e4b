// SPDX-License-Identifier: Apache-2.0
// A main for fuzz targets that needs no fuzzing engine: runs stored inputs, or writes them as an engine reads them.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzzers/fuzz_inputs.h"
#include "fuzzers/fuzz_target.h"
#include "harness/base/file.h"

// A target may look at the command line first; the engines call it too.
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace fs = std::filesystem;

namespace diffvisor {
namespace {

constexpr const char* kUsage =
    "usage: %s [--write-to DIR] FILE|DIRECTORY...\n"
    "Runs every input found, or with --write-to writes each as one file of DIR.\n";

struct Request {
  fs::path write_to;  // empty: run the inputs
  std::vector<fs::path> paths;
};

// Flags of libFuzzer begin with one dash; they are ignored so that its reproduction commands work here too.
Request parse(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--write-to") == 0 && i + 1 < argc) {
      request.write_to = argv[++i];
    } else if (argv[i][0] != '-') {
      request.paths.emplace_back(argv[i]);
    }
  }
  return request;
}

// Sorted, because the order in which a directory lists its files is nobody's.
Result<std::vector<fs::path>> files_below(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error))
      if (at->is_regular_file() && at->path().extension() != ".md") files.push_back(at->path());
    if (error) return fail(ErrorCode::Io, path.string(), error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> consume(const Request& request, const std::string& input, std::size_t index) {
  if (!request.write_to.empty())
    return write_file_atomically(request.write_to / ("seed_" + std::to_string(index)), input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  return {};
}

// Returns how many inputs there were.
Result<std::size_t> replay(const Request& request) {
  const auto files = files_below(request.paths);
  if (!files) return tl::unexpected<Error>(files.error());
  std::size_t count = 0;
  for (const fs::path& file : *files) {
    auto content = read_file(file);
    if (!content) return tl::unexpected<Error>(content.error());
    const auto inputs = fuzz_inputs(file.string(), std::move(*content));
    if (!inputs) return tl::unexpected<Error>(inputs.error());
    for (const std::string& input : *inputs)
      if (const auto done = consume(request, input, count++); !done) return tl::unexpected<Error>(done.error());
  }
  if (count == 0) return fail(ErrorCode::Usage, request.paths.front().string(), "no inputs found");
  return count;
}

int run(int argc, char** argv) {
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  const Request request = parse(argc, argv);
  if (request.paths.empty()) {
    std::fprintf(stderr, kUsage, argv[0]);
    return 2;
  }
  const auto count = replay(request);
  if (!count) {
    std::fprintf(stderr, "%s: %s\n", argv[0], count.error().text().c_str());
    return 2;
  }
  std::printf("%s %zu inputs\n", request.write_to.empty() ? "replayed" : "wrote", *count);
  return 0;
}

}  // namespace
}  // namespace diffvisor

int main(int argc, char** argv) { return diffvisor::run(argc, argv); }
