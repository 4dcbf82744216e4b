// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/native.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "harness/base/check.h"
#include "harness/base/file.h"
#include "oracles/case_child/case_child.h"
#include "oracles/native/cpu_server.h"
#include "oracles/native/guest_pages.h"
#include "oracles/native/host_cpu.h"
#include "oracles/native/reading.h"

namespace diffvisor::native {
namespace {

using case_child::CaseChild;

struct Flight {
  unsigned process = 0;
  case_child::Batch batch;
  std::vector<std::pair<const Case*, Observation*>> targets;  // of each item
  std::vector<Instruction> instructions;
};

class Native : public Executor {
 public:
  explicit Native(std::vector<std::unique_ptr<CaseChild>> processes)
      : info_{"native", host_cpu().version, Trust::Independent}, processes_(std::move(processes)) {}

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override;

 private:
  std::unique_ptr<Flight> fresh_flight();
  void add(Flight& f, const Case& c, Observation& o);

  ExecutorInfo info_;
  std::vector<std::unique_ptr<CaseChild>> processes_;
  unsigned next_process_ = 0;
  std::deque<std::unique_ptr<Flight>> flights_;
  std::vector<std::unique_ptr<Flight>> spare_;  // no allocation in the steady state
};

std::unique_ptr<Flight> Native::fresh_flight() {
  if (spare_.empty()) return std::make_unique<Flight>();
  std::unique_ptr<Flight> f = std::move(spare_.back());
  spare_.pop_back();
  f->targets.clear();
  f->instructions.clear();
  return f;
}

void Native::add(Flight& f, const Case& c, Observation& o) {
  Limit limit = limit_of_state(c.v.data());
  if (limit == Limit::None) {
    Instruction& i = f.instructions.emplace_back();
    limit = examine(c, i);
    if (limit != Limit::None) f.instructions.pop_back();
  }
  if (limit != Limit::None) {
    o = incomparable(reason_of(limit));
    return;
  }
  const std::size_t at = f.targets.size() * sizeof(NativeCase);
  if (f.batch.input.size() < at + sizeof(NativeCase)) f.batch.input.resize(at + sizeof(NativeCase));
  NativeCase wire{};
  encode(c, f.instructions.back(), wire);
  std::memcpy(f.batch.input.data() + at, &wire, sizeof wire);
  f.targets.emplace_back(&c, &o);
}

void Native::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size() && flights_.size() < kBatchesInFlight);
  Flight& f = *flights_.emplace_back(fresh_flight());
  f.process = std::exchange(next_process_, (next_process_ + 1) % static_cast<unsigned>(processes_.size()));
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (out[i].status == Status::Incomparable && out[i].reason == "not_run") add(f, cases[i], out[i]);
  f.batch.count = f.targets.size();
  f.batch.input.resize(f.batch.count * sizeof(NativeCase));
  processes_[f.process]->submit(f.batch);
}

Result<void> Native::collect() {
  CHECK(!flights_.empty());
  std::unique_ptr<Flight> f = std::move(flights_.front());
  flights_.pop_front();
  if (auto done = processes_[f->process]->collect(); !done) return done;
  for (std::size_t i = 0; i < f->targets.size(); ++i) {
    NativeResult result;
    std::memcpy(&result, f->batch.results.data() + i * sizeof result, sizeof result);
    const auto& [c, o] = f->targets[i];
    const std::string_view death = f->batch.deaths[i];
    *o = death.empty() ? read(*c, f->instructions[i], result) : died(death);
  }
  spare_.push_back(std::move(f));
  return {};
}

// Below 4 GiB the case's memory has to be alone.
Result<void> check_address_space() {
  const auto maps = read_file("/proc/self/maps");
  if (!maps) return tl::unexpected<Error>(maps.error());
  std::uint64_t first = 0;
  if (std::sscanf(maps->c_str(), "%" SCNx64, &first) != 1 || first >> 32 != 0) return {};
  return fail(
      ErrorCode::Environment, "native",
      "this program lies below 4 GiB, where the case's memory has to be (not position-independent, or a sanitizer)");
}

}  // namespace

Result<std::unique_ptr<Executor>> make_native(const NativeOptions& options) {
  if (host_cpu().version.empty()) return fail(ErrorCode::Environment, "native", "not an Intel or AMD CPU");
  if (auto ok = check_address_space(); !ok) return tl::unexpected<Error>(ok.error());
  background();  // made before fork, so that the child need not
  case_child::Spec spec;
  spec.name = "native";
  spec.case_bytes = sizeof(NativeCase);
  spec.result_bytes = sizeof(NativeResult);
  spec.make_server = [] { return std::make_unique<CpuServer>(); };
  std::vector<std::unique_ptr<CaseChild>> processes;
  for (unsigned job = 0; job < options.jobs; ++job) {
    auto process = CaseChild::start(spec);
    if (!process) return tl::unexpected<Error>(process.error());
    processes.push_back(std::move(*process));
  }
  return std::make_unique<Native>(std::move(processes));
}

}  // namespace diffvisor::native
