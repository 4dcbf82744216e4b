// SPDX-License-Identifier: Apache-2.0
// The reference reading of harness/arch/counter/schema.h.
#include "harness/arch/counter/schema.h"
#include "harness/base/bits.h"
#include "harness/base/rng.h"
#include "models/counter/executors.h"
#include "models/counter/model_executor.h"

namespace diffvisor::counter {
namespace {

constexpr std::uint64_t kArgumentMask = 0xffffffff;

Outcome start(const Case& c) {
  if (c[Width] == 0 || c[Width] > c[MaxWidth] || c[Width] > 32) return Outcome::BadWidth;
  const bool can_saturate = (c[Features] >> kCanSaturate & 1) != 0;
  if ((c[Mode] >> kSigned & 1) != 0 || ((c[Mode] >> kSaturate & 1) != 0 && !can_saturate)) return Outcome::BadMode;
  if (c[Initial] > ones(static_cast<unsigned>(c[Width]))) return Outcome::BadInitial;
  if (!c.areas[kTape].empty() && (c[Features] >> kHasTape & 1) == 0) return Outcome::NoTape;
  return Outcome::Finished;
}

class Device {
 public:
  explicit Device(const Case& c) : c_(c), range_(std::int64_t{1} << c[Width]), value_(signed_word(c[Initial])) {}

  Observation run() {
    for (const Operation& o : c_.operations) {
      step(static_cast<Opcode>(o.opcode), o.args[0] & kArgumentMask);
      raise_alarms();
    }
    return observed();
  }

 private:
  static std::int64_t signed_word(std::uint64_t v) { return static_cast<std::int64_t>(v & kArgumentMask); }

  void step(Opcode opcode, std::uint64_t n) {
    switch (opcode) {
      case Opcode::Add:
        return move(signed_word(n));
      case Opcode::Sub:
        return move(-signed_word(n));
      case Opcode::Reset:
        return reset();
      case Opcode::Load:
        return load(n);
      case Opcode::Latch:
        visible_ = visible_ || live_;
        return;
      case Opcode::Read:
        return read();
      case Opcode::Play:
        return move(next_tape_byte());
    }
  }

  void move(std::int64_t n) {
    const std::int64_t exact = value_ + n * signed_word(c_[Step]);
    const bool fits = exact >= 0 && exact < range_;
    live_ = live_ || !fits;
    if (fits)
      value_ = exact;
    else if ((c_[Mode] >> kSaturate & 1) != 0)
      value_ = exact < 0 ? 0 : range_ - 1;
    else
      value_ = (exact % range_ + range_) % range_;
  }

  void reset() {
    value_ = signed_word(c_[Initial]);
    live_ = visible_ = false;
    alarms_ = 0;
    played_ = 0;
  }

  void load(std::uint64_t v) {
    value_ = signed_word(v) % range_;
    live_ = false;
  }

  void read() {
    ++reads_;
    digest_ = mix64(digest_ ^ static_cast<std::uint64_t>(value_));
  }

  std::int64_t next_tape_byte() {
    const auto& tape = c_.areas[kTape];
    return played_ < tape.size() ? std::to_integer<std::int64_t>(tape[played_++]) : 0;
  }

  void raise_alarms() {
    for (unsigned i = 0; i < kAlarms; ++i)
      if (value_ != 0 && value_ == signed_word(c_[static_cast<Slot>(Alarm + i)])) alarms_ |= 1u << i;
  }

  Observation observed() const {
    Observation o;
    o.status = Status::Ran;
    o.outcome = static_cast<std::uint32_t>(Outcome::Finished);
    o.defined = (1u << kRecordSlots) - 1;
    o.record[kValue] = static_cast<std::uint64_t>(value_);
    o.record[kFlags] = (visible_ ? 1u : 0u) | alarms_ << 1;
    o.record[kReads] = reads_;
    o.record[kReadDigest] = digest_;
    return o;
  }

  const Case& c_;
  std::int64_t range_;
  std::int64_t value_;
  bool live_ = false;
  bool visible_ = false;
  std::uint64_t alarms_ = 0;
  std::size_t played_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t digest_ = 0;
};

Observation run(const Case& c) {
  const Outcome outcome = start(c);
  if (outcome == Outcome::Finished) return Device(c).run();
  Observation refused;
  refused.status = Status::Ran;
  refused.outcome = static_cast<std::uint32_t>(outcome);
  return refused;
}

}  // namespace

std::unique_ptr<Executor> make_counter_a() {
  return std::make_unique<ModelExecutor<decltype(&run)>>(ExecutorInfo{"counter.a", "1.0", Trust::Reference}, &run);
}

}  // namespace diffvisor::counter
