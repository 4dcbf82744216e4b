// SPDX-License-Identifier: Apache-2.0
// The forked process and the memory both sides share.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <semaphore>
#include <thread>

#include "oracles/case_child/case_child.h"

namespace diffvisor::case_child {

inline constexpr std::size_t kPieces = 4;  // with the child at a time

struct Shared {
  std::atomic<std::uint32_t> posted;    // pieces handed over
  std::atomic<std::uint32_t> answered;  // pieces done
  std::atomic<std::uint32_t> state;     // 0 starting, 1 ready, 2 refused
  std::atomic<std::uint32_t> cursor;    // case at work
  std::uint32_t count[kPieces];
  char reason[256];
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

class Child {
 public:
  // Null when there is no memory or no process to be had; errno says why.
  static std::unique_ptr<Child> fork(const Spec& spec);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  Shared& shared() { return *shared_; }
  std::byte* cases(std::uint32_t piece) { return area_ + piece % kPieces * piece_bytes_; }
  std::byte* results(std::uint32_t piece) { return cases(piece) + case_area_; }
  pid_t pid() const { return pid_; }

  // The wait status, once it has ended.
  std::optional<int> ended();
  void kill();
  std::chrono::nanoseconds cpu_time() const;

 private:
  Child() = default;
  bool share_memory(const Spec& spec);
  [[noreturn]] void become_child(const Spec& spec, pid_t parent);
  void serve_for_ever(const Spec& spec, Server& server);

  Shared* shared_ = nullptr;
  std::byte* area_ = nullptr;
  std::size_t bytes_ = 0, piece_bytes_ = 0, case_area_ = 0;
  pid_t pid_ = -1;
  std::optional<int> status_;
  // PDEATHSIG is sent when the thread that forked ends, not the process: this one lives as long as the object.
  std::thread keeper_;
  std::binary_semaphore release_{0};
};

// Sleeps until `word` is no longer `seen`, or that long.
void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t seen, std::chrono::nanoseconds limit);
void wake(std::atomic<std::uint32_t>& word);

}  // namespace diffvisor::case_child
