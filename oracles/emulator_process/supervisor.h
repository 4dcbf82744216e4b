// SPDX-License-Identifier: Apache-2.0
// Batches through an emulator that may crash, hang, be killed or be damaged by a case: each item gets its result or the
// way in which it, and it alone, ends the emulator.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/arch/agent/mailbox.h"
#include "harness/base/result.h"
#include "oracles/emulator_process/emulator_process.h"

namespace diffvisor::emulator {

// The request of one domain: a prefix, then items of one size; one result per item.
struct BatchFormat {
  agent::Command command{};
  std::size_t prefix_bytes = 0;
  std::size_t item_bytes = 0;
  std::size_t result_bytes = 0;

  // What fits one mailbox slot.
  std::size_t most_items() const;
};

struct Batch {
  std::vector<std::byte> input;  // prefix and items
  std::size_t count = 0;
  std::vector<std::byte> results;        // count * result_bytes, written by collect()
  std::vector<std::string_view> deaths;  // of each item: "", or how it ended the emulator (static text)
};

struct MemoryRange {
  Gpa begin, end;
};

struct SupervisorOptions {
  // An item hangs when the agent makes no progress for that much of the emulator's processor time, or while the
  // emulator sleeps for so long. A loaded machine does not disturb these bounds; the wall bound is for what nobody has
  // thought of.
  std::chrono::milliseconds hang_cpu{300};
  std::chrono::milliseconds hang_asleep{500};
  std::chrono::seconds hang_wall{60};
  // Memory that nothing may ever change: verified after each batch, so that a case which writes where it should not
  // cannot bend the results of others unnoticed.
  std::vector<MemoryRange> constant;
  // Names what the machine is stuck in, by its memory, or "".
  std::function<std::string_view(const GuestMemory&)> name_hang;
  // Asked after each start: is this the machine that was wanted?
  std::function<Result<void>(EmulatorProcess&)> check;
};

struct SupervisorCounts {
  std::uint64_t starts = 0;
  std::uint64_t batches_repeated = 0;     // item by item, after a death or damage
  std::uint64_t deaths_confirmed = 0;     // an item that ended three emulators
  std::uint64_t deaths_not_repeated = 0;  // an emulator that ended with no item to blame
  std::uint64_t damaged = 0;              // constant memory was changed; the emulator was replaced
};

// At most agent::kMailboxSlots batches are with the emulator; further ones wait here. Not thread-safe.
class Supervisor {
 public:
  static Result<std::unique_ptr<Supervisor>> start(EmulatorSpec spec, BatchFormat format, SupervisorOptions options,
                                                   std::filesystem::path directory);

  // `batch` stays valid until collected.
  void submit(Batch& batch);
  // Finishes the oldest batch. An error means that the emulator cannot be had any more.
  Result<void> collect();

  const SupervisorCounts& counts() const { return counts_; }
  EmulatorProcess& emulator() { return *emulator_; }

 private:
  struct Flight {
    Batch* batch;
    std::uint64_t sequence = 0;  // 0: not with the emulator
  };
  enum class End { Answered, Died, Hung };

  Supervisor(EmulatorSpec spec, BatchFormat format, SupervisorOptions options, std::filesystem::path directory);
  Result<void> restart();
  Result<void> prove_sound();
  void post_waiting();
  struct Progress;
  End wait_for(std::uint64_t sequence, std::size_t items);
  bool is_hung(Progress& progress);
  std::chrono::nanoseconds pause_before_poll(std::size_t items_left) const;
  Result<void> take_results(const Flight& flight, std::byte* to, std::size_t items);
  Result<void> repeat_one_by_one(Batch& batch);
  Result<void> settle_item(Batch& batch, std::size_t item);
  Result<End> run_alone(Batch& batch, std::size_t item);
  Result<void> read_constant(std::vector<std::byte>& to) const;
  bool is_intact();
  std::string_view word_for(End end);

  EmulatorSpec spec_;
  BatchFormat format_;
  SupervisorOptions options_;
  std::filesystem::path directory_;
  std::unique_ptr<EmulatorProcess> emulator_;
  std::deque<Flight> flights_;
  std::vector<std::byte> constant_, constant_now_, alone_;
  std::chrono::nanoseconds item_time_{30000};  // a moving average
  std::string_view last_word_;
  SupervisorCounts counts_;
};

// A copy of `word` that lives as long as the program. The number of different words is small by construction.
std::string_view keep_word(std::string_view word);

}  // namespace diffvisor::emulator
