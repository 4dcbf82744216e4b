// SPDX-License-Identifier: Apache-2.0
// Batches of cases through a forked copy of this process, which may crash or hang on any of them: for executors that
// are a library call or the host's own CPU. Memory is shared; each case gets its result, or the way in which it, and it
// alone, ends the child.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace diffvisor::case_child {

// Some cases for the child. `cursor` is the number of the case it is at; who never moves it looks hung.
struct Work {
  const std::byte* cases;
  std::byte* results;
  std::size_t count;
  std::atomic<std::uint32_t>* cursor;
};

// Lives in the child. It is made there, after fork: what start() allocates is nobody else's.
class Server {
 public:
  virtual ~Server() = default;
  // Null: ready. Else why this machine cannot do it: text that stays valid. The child has no files open then but
  // /dev/null, and dies with its parent.
  virtual const char* start() = 0;
  // The same cases give the same results, whatever ran before.
  virtual void serve(const Work& work) = 0;
};

struct Spec {
  std::string name;  // for messages
  std::size_t case_bytes = 0, result_bytes = 0;
  std::size_t most_cases = 256;  // the child takes at once; larger batches go in pieces
  // Called in the child. The thread that calls it has a stack of the usual size and is the only one.
  std::function<std::unique_ptr<Server>()> make_server;
  // A case hangs when the child uses that much processor time on it.
  std::chrono::milliseconds hang_cpu{1000};
  std::chrono::seconds hang_wall{60};
};

struct Batch {
  std::vector<std::byte> input;  // count * case_bytes
  std::size_t count = 0;
  std::vector<std::byte> results;        // count * result_bytes, written by collect()
  std::vector<std::string_view> deaths;  // of each case: "", "crash", "hang", "exit"
};

struct Counts {
  std::uint64_t starts = 0;
  std::uint64_t pieces_repeated = 0;      // case by case, after a death
  std::uint64_t deaths_confirmed = 0;     // a case that ended three children
  std::uint64_t deaths_not_repeated = 0;  // a child that ended with no case to blame
};

class Child;

// Not thread-safe.
class CaseChild {
 public:
  static Result<std::unique_ptr<CaseChild>> start(Spec spec);
  ~CaseChild();

  // `batch` stays valid until collected; it may be empty.
  void submit(Batch& batch);
  // Finishes the oldest batch. An error means that no child can be had any more.
  Result<void> collect();

  const Counts& counts() const { return counts_; }
  int pid() const;  // of the child, for tests

 private:
  struct Piece {
    Batch* batch;
    std::size_t first, count;
    bool posted = false;
  };
  enum class End { Answered, Died, Killed, Hung };

  explicit CaseChild(Spec spec);
  Result<void> restart();
  void post_waiting();
  void post(const std::byte* cases, std::size_t count);
  End wait_for_answer();
  bool is_hung();
  void take_results(const Piece& piece);
  Result<void> repeat_case_by_case(const Piece& piece);
  Result<void> settle_case(Batch& batch, std::size_t i);

  Spec spec_;
  std::unique_ptr<Child> child_;
  std::deque<Piece> pieces_;
  std::deque<Batch*> batches_;
  std::uint64_t taken_ = 0;  // answers of this child that were taken
  struct Progress {
    std::uint32_t cursor = 0;
    std::chrono::steady_clock::time_point since;
    std::chrono::nanoseconds cpu{};
  } progress_;
  Counts counts_;
};

}  // namespace diffvisor::case_child
