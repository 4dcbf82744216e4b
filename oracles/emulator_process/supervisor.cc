// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "harness/base/check.h"

namespace diffvisor::emulator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr int kRunsToConfirm = 3;
// Emulators that may end with nobody to blame while one item is settled, e.g. killed by a person or out of memory.
constexpr int kUnexplainedEnds = 10;
// A stuck machine can often be named long before the hang bound.
constexpr milliseconds kAskForName{30};
// Whether an emulator sleeps is asked when it has been silent for longer than any item takes.
constexpr milliseconds kAskForSleep{100};
constexpr unsigned kLooksAsleep = 100;

}  // namespace

std::string_view keep_word(std::string_view word) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> words;
  const std::lock_guard lock(mutex);
  const auto found = words.find(word);
  return found != words.end() ? *found : *words.emplace(word).first;
}

std::size_t BatchFormat::most_items() const {
  return std::min((agent::kInputBytes - prefix_bytes) / item_bytes, agent::kOutputBytes / result_bytes);
}

Supervisor::Supervisor(EmulatorSpec spec, BatchFormat format, SupervisorOptions options,
                       std::filesystem::path directory)
    : spec_(std::move(spec)), format_(format), options_(std::move(options)), directory_(std::move(directory)) {}

Result<std::unique_ptr<Supervisor>> Supervisor::start(EmulatorSpec spec, BatchFormat format, SupervisorOptions options,
                                                      std::filesystem::path directory) {
  std::unique_ptr<Supervisor> s(new Supervisor(std::move(spec), format, std::move(options), std::move(directory)));
  if (auto done = s->restart(); !done) return tl::unexpected<Error>(done.error());
  s->emulator_->child().pause();
  return s;
}

Result<void> Supervisor::restart() {
  for (Flight& flight : flights_) flight.sequence = 0;
  for (int kills = 0;; ++kills) {
    emulator_.reset();
    ++counts_.starts;
    auto started = EmulatorProcess::start(spec_, directory_);
    if (!started) return tl::unexpected<Error>(started.error());
    emulator_ = std::move(*started);
    const auto sound = prove_sound();
    if (sound || kills == kMostKills || !emulator_->child().was_killed()) return sound;
  }
}

Result<void> Supervisor::prove_sound() {
  if (options_.check)
    if (auto ok = options_.check(*emulator_); !ok) return ok;
  return read_constant(constant_);
}

void Supervisor::submit(Batch& batch) {
  CHECK(batch.count > 0 && batch.count <= format_.most_items());
  batch.results.resize(batch.count * format_.result_bytes);
  batch.deaths.assign(batch.count, {});
  flights_.push_back({&batch});
  post_waiting();
}

// A write that fails means that the emulator is gone: collect() finds that out and starts another.
void Supervisor::post_waiting() {
  if (!emulator_) return;
  emulator_->child().resume();
  const std::size_t n = std::min(flights_.size(), agent::kMailboxSlots);
  for (std::size_t i = 0; i < n; ++i) {
    Flight& flight = flights_[i];
    if (flight.sequence != 0) continue;
    const auto sequence =
        emulator_->post(format_.command, static_cast<std::uint32_t>(flight.batch->count), 0, flight.batch->input);
    if (!sequence) return;
    flight.sequence = *sequence;
  }
}

Result<void> Supervisor::collect() {
  CHECK(!flights_.empty());
  Flight& flight = flights_.front();
  Batch& batch = *flight.batch;
  post_waiting();
  const bool answered = flight.sequence != 0 && wait_for(flight.sequence, batch.count) == End::Answered;
  if (answered && is_intact()) {
    if (auto done = take_results(flight, batch.results.data(), batch.count); !done) return done;
  } else {
    if (answered) ++counts_.damaged;
    if (auto done = repeat_one_by_one(batch); !done) return done;
  }
  flights_.pop_front();
  post_waiting();
  if (flights_.empty()) emulator_->child().pause();
  return {};
}

Result<void> Supervisor::take_results(const Flight& flight, std::byte* to, std::size_t items) {
  const auto response = emulator_->response(flight.sequence);
  if (!response) return tl::unexpected<Error>(response.error());
  if (response->answer != agent::Answer::Done)
    return fail(ErrorCode::Environment, spec_.name,
                fmt::format("the agent refuses the request: answer {}", static_cast<unsigned>(response->answer)));
  return emulator_->read_output(flight.sequence, {to, items * format_.result_bytes});
}

// Half of what the rest should take, so that the last wait is short; neither spinning nor more than a millisecond late.
nanoseconds Supervisor::pause_before_poll(std::size_t items_left) const {
  const nanoseconds half = item_time_ * static_cast<std::int64_t>(items_left) / 2;
  return std::clamp<nanoseconds>(half, microseconds(20), milliseconds(1));
}

struct Supervisor::Progress {
  std::uint32_t cursor = ~std::uint32_t{0};  // the agent has not begun
  steady_clock::time_point since = steady_clock::now();
  nanoseconds cpu{};
  unsigned looks = 0, looks_asleep = 0;
};

Supervisor::End Supervisor::wait_for(std::uint64_t sequence, std::size_t items) {
  ChildProcess& child = emulator_->child();
  const auto begin = steady_clock::now();
  Progress progress;
  progress.cpu = child.cpu_time();
  bool seen_working = false;
  for (;;) {
    const auto response = emulator_->response(sequence);
    if (!response) return child.wait_for_end(milliseconds(500)), End::Died;
    if (response->sequence == sequence) {
      const nanoseconds taken = steady_clock::now() - begin;
      if (seen_working) item_time_ = (item_time_ * 7 + taken / static_cast<std::int64_t>(items)) / 8;
      return End::Answered;
    }
    if (child.ended()) return End::Died;
    if (response->cursor != progress.cursor) {
      seen_working = progress.cursor != ~std::uint32_t{0};
      progress = {};
      progress.cursor = response->cursor;
      progress.cpu = child.cpu_time();
    } else if (is_hung(progress)) {
      return End::Hung;
    }
    child.console();  // a full pipe would stop it
    const std::size_t left = progress.cursor < items ? items - progress.cursor : items;
    std::this_thread::sleep_for(pause_before_poll(left));
  }
}

// last_word_ names it, or is empty.
bool Supervisor::is_hung(Progress& progress) {
  const auto now = steady_clock::now();
  const nanoseconds idle = emulator_->child().cpu_time() - progress.cpu;
  last_word_ = idle > kAskForName && options_.name_hang ? options_.name_hang(emulator_->memory()) : std::string_view{};
  if (!last_word_.empty() || idle > options_.hang_cpu || now - progress.since > options_.hang_wall) return true;
  if (now - progress.since < kAskForSleep) return false;
  ++progress.looks;
  progress.looks_asleep += emulator_->child().is_asleep();
  // Many looks, because it may be we who did not get the processor for so long; not all of them, because timers wake
  // it.
  return progress.looks > kLooksAsleep && progress.looks_asleep * 20 > progress.looks * 19 &&
         now - progress.since > options_.hang_asleep;
}

// ---- after a death, a hang or damage

// Finds every guilty item of a batch whose emulator is lost. Item by item costs one emulator per guilty item; halving
// would cost one for each step towards it.
Result<void> Supervisor::repeat_one_by_one(Batch& batch) {
  ++counts_.batches_repeated;
  if (auto done = restart(); !done) return done;
  for (std::size_t item = 0; item < batch.count; ++item)
    if (auto done = settle_item(batch, item); !done) return done;
  return {};
}

// Blames the item only if it ends kRunsToConfirm emulators, all but the first of which ran nothing else.
Result<void> Supervisor::settle_item(Batch& batch, std::size_t item) {
  int deaths = 0, unexplained = 0;
  for (;;) {
    const auto end = run_alone(batch, item);
    if (!end) return tl::unexpected<Error>(end.error());
    const bool intact = *end == End::Answered && is_intact();
    if (*end == End::Answered) {
      if (deaths > 0) ++counts_.deaths_not_repeated;
      if (intact) return {};
      ++counts_.damaged;
      return restart();  // its result is good: it ran in a sound machine
    }
    const auto& status = emulator_->child().ended();
    const bool killed = *end == End::Died && status && status->signal == SIGKILL;  // not by us, and nobody's fault
    const std::string_view word = word_for(*end);
    if (auto done = restart(); !done) return done;
    if (killed) {
      ++counts_.deaths_not_repeated;
      if (++unexplained > kUnexplainedEnds)
        return fail(ErrorCode::Environment, spec_.name, "somebody keeps killing the emulator");
    } else if (++deaths == kRunsToConfirm) {
      ++counts_.deaths_confirmed;
      batch.deaths[item] = word;
      return {};
    }
  }
}

Result<Supervisor::End> Supervisor::run_alone(Batch& batch, std::size_t item) {
  const auto prefix = std::span(batch.input).first(format_.prefix_bytes);
  const auto bytes =
      std::span(batch.input).subspan(format_.prefix_bytes + item * format_.item_bytes, format_.item_bytes);
  alone_.assign(prefix.begin(), prefix.end());
  alone_.insert(alone_.end(), bytes.begin(), bytes.end());
  const auto sequence = emulator_->post(format_.command, 1, 0, alone_);
  if (!sequence) return emulator_->child().wait_for_end(milliseconds(500)), End::Died;
  const End end = wait_for(*sequence, 1);
  if (end != End::Answered) return end;
  std::byte* const result = &batch.results[item * format_.result_bytes];
  if (auto done = take_results({&batch, *sequence}, result, 1); !done) return tl::unexpected<Error>(done.error());
  return end;
}

std::string_view Supervisor::word_for(End end) {
  if (end == End::Hung) return last_word_.empty() ? std::string_view("hang") : last_word_;
  return keep_word(emulator_->end_word());
}

// ---- memory that nothing may change

Result<void> Supervisor::read_constant(std::vector<std::byte>& to) const {
  std::size_t bytes = 0;
  for (const MemoryRange& r : options_.constant) bytes += r.end - r.begin;
  to.resize(bytes);
  std::size_t at = 0;
  for (const MemoryRange& r : options_.constant) {
    const std::size_t n = r.end - r.begin;
    if (auto done = emulator_->memory().read(r.begin, std::span(to).subspan(at, n)); !done) return done;
    at += n;
  }
  return {};
}

bool Supervisor::is_intact() { return read_constant(constant_now_) && constant_now_ == constant_; }

}  // namespace diffvisor::emulator
