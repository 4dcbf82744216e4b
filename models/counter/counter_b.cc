// SPDX-License-Identifier: Apache-2.0
// The counter as a register with a carry line.
#include "harness/arch/counter/schema.h"
#include "harness/base/bits.h"
#include "harness/base/rng.h"
#include "models/counter/executors.h"
#include "models/counter/model_executor.h"

namespace diffvisor::counter {
namespace {

struct Registers {
  std::uint64_t value = 0;
  std::uint64_t mask = 0;
  std::uint64_t flags = 0;  // as in the record
  bool carry = false;
  bool just_loaded = false;
  std::size_t tape_position = 0;
};

std::uint32_t refusal(const Case& c) {
  const auto code = [](Outcome o) { return static_cast<std::uint32_t>(o); };
  const std::uint64_t widest = c[MaxWidth] < 32 ? c[MaxWidth] : 32;
  if (c[Width] - 1 >= widest) return code(Outcome::BadWidth);
  if ((c[Mode] & ~(c[Features] & 1)) != 0) return code(Outcome::BadMode);
  if (shift_right(c[Initial], c[Width]) != 0) return code(Outcome::BadInitial);
  if ((c[Features] & 2) == 0 && c.areas[kTape].size() > 0) return code(Outcome::NoTape);
  return code(Outcome::Finished);
}

void add(Registers& r, std::uint64_t amount, bool saturate) {
  const std::uint64_t sum = r.value + amount;
  const bool carry = (sum & ~r.mask) != 0;
  r.value = carry && saturate ? r.mask : sum & r.mask;
  r.carry |= carry;
}

void sub(Registers& r, std::uint64_t amount, bool saturate, bool drop_carry) {
  const bool borrow = amount > r.value;
  r.value = borrow && saturate ? 0 : (r.value - amount) & r.mask;
  r.carry |= borrow && !drop_carry;
}

class Device {
 public:
  Device(const Case& c, Defect defect) : c_(c), defect_(defect) { power_on(); }

  void execute(const Operation& o) {
    const std::uint64_t n = o.args[0] & ones(32);
    const bool saturate = (c_[Mode] & 1) != 0;
    const bool after_load = r_.just_loaded;
    r_.just_loaded = false;
    switch (static_cast<Opcode>(o.opcode)) {
      case Opcode::Add:
        add(r_, n * c_[Step], saturate);
        break;
      case Opcode::Sub:
        sub(r_, n * c_[Step], saturate, after_load && defect_ == Defect::LateBorrow);
        break;
      case Opcode::Reset:
        power_on();
        break;
      case Opcode::Load:
        r_.value = n & r_.mask;
        r_.carry = false;
        r_.just_loaded = true;
        break;
      case Opcode::Latch:
        r_.flags |= r_.carry ? 1 : 0;
        break;
      case Opcode::Read:
        report();
        break;
      case Opcode::Play:
        add(r_, tape_byte() * c_[Step], saturate);
        break;
    }
    for (unsigned i = 0; i < kAlarms; ++i)
      if (r_.value == c_.v[Alarm + i] && r_.value > 0) r_.flags |= std::uint64_t{2} << i;
  }

  void observe(Observation& o) const {
    o.defined = 0xf;
    o.record[kValue] = r_.value;
    o.record[kFlags] = r_.flags;
    o.record[kReads] = reads_;
    o.record[kReadDigest] = digest_;
  }

 private:
  void power_on() {
    r_ = Registers();
    r_.mask = ones(static_cast<unsigned>(c_[Width]));
    r_.value = c_[Initial];
  }

  void report() {
    ++reads_;
    digest_ = mix64(digest_ ^ r_.value);
  }

  std::uint64_t tape_byte() {
    const auto& tape = c_.areas[kTape];
    if (r_.tape_position >= tape.size()) return 0;
    return std::to_integer<std::uint64_t>(tape[r_.tape_position++]);
  }

  const Case& c_;
  Defect defect_;
  Registers r_;
  std::uint64_t reads_ = 0;
  std::uint64_t digest_ = 0;
};

struct Run {
  Defect defect;

  Observation operator()(const Case& c) const {
    Observation o;
    o.status = Status::Ran;
    o.outcome = refusal(c);
    if (o.outcome != static_cast<std::uint32_t>(Outcome::Finished)) return o;
    Device device(c, defect);
    for (const Operation& operation : c.operations) device.execute(operation);
    device.observe(o);
    return o;
  }
};

}  // namespace

std::unique_ptr<Executor> make_counter_b(Defect defect) {
  return std::make_unique<ModelExecutor<Run>>(ExecutorInfo{"counter.b", "1.0", Trust::Independent}, Run{defect});
}

}  // namespace diffvisor::counter
