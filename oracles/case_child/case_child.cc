// SPDX-License-Identifier: Apache-2.0
#include "oracles/case_child/case_child.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "harness/base/check.h"
#include "oracles/case_child/child.h"

namespace diffvisor::case_child {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kRunsToConfirm = 3;
// Children that may be killed by others while one case is settled.
constexpr int kUnexplainedEnds = 10;
constexpr milliseconds kLook{20};
constexpr std::chrono::seconds kStartLimit{20};

}  // namespace

CaseChild::CaseChild(Spec spec) : spec_(std::move(spec)) {}

CaseChild::~CaseChild() = default;

int CaseChild::pid() const { return child_->pid(); }

Result<std::unique_ptr<CaseChild>> CaseChild::start(Spec spec) {
  CHECK(spec.case_bytes > 0 && spec.result_bytes > 0 && spec.most_cases > 0);
  std::unique_ptr<CaseChild> c(new CaseChild(std::move(spec)));
  if (auto done = c->restart(); !done) return tl::unexpected<Error>(done.error());
  return c;
}

Result<void> CaseChild::restart() {
  for (Piece& piece : pieces_) piece.posted = false;
  taken_ = 0;
  child_.reset();
  ++counts_.starts;
  child_ = Child::fork(spec_);
  if (!child_)
    return fail(ErrorCode::Environment, spec_.name, std::string("cannot start a process: ") + std::strerror(errno));
  const auto begin = steady_clock::now();
  while (child_->shared().state == 0) {
    if (child_->ended()) return fail(ErrorCode::Environment, spec_.name, "the process ends before it is ready");
    if (steady_clock::now() - begin > kStartLimit)
      return fail(ErrorCode::Environment, spec_.name, "the process does not get ready");
    wait_while(child_->shared().state, 0, kLook);
  }
  if (child_->shared().state == 2) return fail(ErrorCode::Environment, spec_.name, child_->shared().reason);
  return {};
}

void CaseChild::submit(Batch& batch) {
  CHECK(batch.input.size() == batch.count * spec_.case_bytes);
  batch.results.resize(batch.count * spec_.result_bytes);
  batch.deaths.assign(batch.count, {});
  for (std::size_t first = 0; first < batch.count; first += spec_.most_cases)
    pieces_.push_back({&batch, first, std::min(spec_.most_cases, batch.count - first)});
  batches_.push_back(&batch);
  post_waiting();
}

void CaseChild::post_waiting() {
  const std::size_t n = std::min(pieces_.size(), kPieces);
  for (std::size_t i = 0; i < n; ++i) {
    Piece& piece = pieces_[i];
    if (std::exchange(piece.posted, true)) continue;
    post(piece.batch->input.data() + piece.first * spec_.case_bytes, piece.count);
  }
}

void CaseChild::post(const std::byte* cases, std::size_t count) {
  Shared& shared = child_->shared();
  const std::uint32_t number = shared.posted;
  std::memcpy(child_->cases(number), cases, count * spec_.case_bytes);
  shared.count[number % kPieces] = static_cast<std::uint32_t>(count);
  shared.posted = number + 1;
  wake(shared.posted);
}

Result<void> CaseChild::collect() {
  CHECK(!batches_.empty());
  Batch* const batch = batches_.front();
  batches_.pop_front();
  while (!pieces_.empty() && pieces_.front().batch == batch) {
    const Piece piece = pieces_.front();
    if (wait_for_answer() == End::Answered) {
      take_results(piece);
      pieces_.pop_front();
    } else {
      pieces_.pop_front();
      if (auto done = repeat_case_by_case(piece); !done) return done;
    }
    post_waiting();
  }
  return {};
}

void CaseChild::take_results(const Piece& piece) {
  std::memcpy(piece.batch->results.data() + piece.first * spec_.result_bytes,
              child_->results(static_cast<std::uint32_t>(taken_++)), piece.count * spec_.result_bytes);
}

CaseChild::End CaseChild::wait_for_answer() {
  Shared& shared = child_->shared();
  progress_ = {shared.cursor, steady_clock::now(), child_->cpu_time()};
  for (;;) {
    const std::uint32_t answered = shared.answered;
    if (answered > taken_) return End::Answered;
    wait_while(shared.answered, answered, kLook);
    if (shared.answered > taken_) return End::Answered;
    if (const auto status = child_->ended())
      return WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL ? End::Killed : End::Died;
    if (is_hung()) return End::Hung;
  }
}

bool CaseChild::is_hung() {
  const std::uint32_t cursor = child_->shared().cursor;
  const auto now = steady_clock::now();
  const auto cpu = child_->cpu_time();
  if (cursor != progress_.cursor) progress_ = {cursor, now, cpu};
  return cpu - progress_.cpu > spec_.hang_cpu || now - progress_.since > spec_.hang_wall;
}

// ---- after a death or a hang

// Case by case costs one child for each guilty case; halving would cost one for each step towards it.
Result<void> CaseChild::repeat_case_by_case(const Piece& piece) {
  ++counts_.pieces_repeated;
  if (auto done = restart(); !done) return done;
  for (std::size_t i = piece.first; i < piece.first + piece.count; ++i)
    if (auto done = settle_case(*piece.batch, i); !done) return done;
  return {};
}

// Blames the case only if it ends kRunsToConfirm children.
Result<void> CaseChild::settle_case(Batch& batch, std::size_t i) {
  for (int deaths = 0, unexplained = 0;;) {
    post(batch.input.data() + i * spec_.case_bytes, 1);
    const End end = wait_for_answer();
    if (end == End::Answered) {
      take_results({&batch, i, 1});
      if (deaths > 0) ++counts_.deaths_not_repeated;
      return {};
    }
    const auto status = child_->ended();
    const std::string_view word = end == End::Hung ? "hang" : status && WIFSIGNALED(*status) ? "crash" : "exit";
    if (auto done = restart(); !done) return done;
    if (end == End::Killed) {
      ++counts_.deaths_not_repeated;
      if (++unexplained > kUnexplainedEnds)
        return fail(ErrorCode::Environment, spec_.name, "somebody keeps killing the process");
    } else if (++deaths == kRunsToConfirm) {
      ++counts_.deaths_confirmed;
      batch.deaths[i] = word;
      return {};
    }
  }
}

}  // namespace diffvisor::case_child
