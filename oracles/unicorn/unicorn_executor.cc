// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "harness/arch/insn/schema.h"
#include "harness/base/check.h"
#include "oracles/case_child/case_child.h"
#include "oracles/unicorn/engine.h"
#include "oracles/unicorn/unicorn.h"

namespace diffvisor::unicorn {
namespace {

using case_child::Batch;
using case_child::CaseChild;
using insn::WireCase;
using insn::WireResult;

// ---- in the child

constexpr std::size_t kMostCases = 256;

class UnicornServer : public case_child::Server {
 public:
  const char* start() override {
    auto opened = Engine::open();
    if (opened)
      engine_ = std::move(*opened);
    else
      why_ = opened.error().detail;
    return engine_ ? nullptr : why_.c_str();
  }

  // Memory that changed unseen makes everything since the last look worthless: the process gives up, and its cases are
  // run again one by one.
  void serve(const case_child::Work& work) override {
    const auto* cases = reinterpret_cast<const WireCase*>(work.cases);
    auto* results = reinterpret_cast<WireResult*>(work.results);
    std::array<std::uint32_t, kMostCases> order;
    std::size_t n = 0;
    for (const bool paged : {false, true})
      for (std::size_t i = 0; i < work.count; ++i)
        if (Engine::is_paged(cases[i]) == paged) order[n++] = static_cast<std::uint32_t>(i);
    for (std::size_t k = 0; k < n; ++k) {
      if (k + 1 < n) fetch_ahead(cases[order[k + 1]], results[order[k + 1]]);
      *work.cursor = order[k];
      engine_->run(cases[order[k]], results[order[k]]);
    }
    if (!engine_->is_clean()) ::_exit(1);
  }

 private:
  // The host, on another processor, has written the one and read the other.
  static void fetch_ahead(const WireCase& c, const WireResult& r) {
    constexpr std::size_t kLine = 64;
    for (std::size_t at = 0; at < sizeof c; at += kLine) __builtin_prefetch(reinterpret_cast<const char*>(&c) + at);
    for (std::size_t at = 0; at < sizeof r; at += kLine) __builtin_prefetch(reinterpret_cast<const char*>(&r) + at, 1);
  }

  std::unique_ptr<Engine> engine_;
  std::string why_;
};

case_child::Spec child_spec() {
  case_child::Spec spec;
  spec.name = "unicorn";
  spec.case_bytes = sizeof(WireCase);
  spec.result_bytes = sizeof(WireResult);
  spec.most_cases = kMostCases;
  spec.make_server = [] { return std::make_unique<UnicornServer>(); };
  return spec;
}

// ---- in the host

void encode(const Case& c, WireCase& to) {
  std::memcpy(to.v, c.v.data(), sizeof to.v);
  const auto& code = c.areas[insn::kCodeArea];
  to.code_bytes = static_cast<std::uint32_t>(std::min(code.size(), insn::kMostCode));
  if (!code.empty()) std::memcpy(to.code, code.data(), to.code_bytes);
}

Observation decode(const WireResult& r) {
  if (r.status > limit_rows().size()) return died("no_result");
  if (r.status != 0) return incomparable(limit_rows()[r.status - 1].reason);
  Observation o = ran(r.outcome);
  take_record(o, r.defined, std::span(r.record, insn::kRecordSlots));
  return o;
}

struct Submitted {
  unsigned process = 0;
  Batch batch;
  std::vector<Observation*> targets;
};

class UnicornExecutor : public Executor {
 public:
  UnicornExecutor(std::string version, std::vector<std::unique_ptr<CaseChild>> processes)
      : info_{"unicorn", std::move(version), Trust::Independent}, processes_(std::move(processes)) {}

  const ExecutorInfo& info() const override { return info_; }

  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    CHECK(cases.size() == out.size() && submitted_.size() < kBatchesInFlight);
    std::unique_ptr<Submitted> s = fresh();
    s->process = std::exchange(next_process_, (next_process_ + 1) % static_cast<unsigned>(processes_.size()));
    for (std::size_t i = 0; i < cases.size(); ++i)
      if (out[i].status == Status::Incomparable && out[i].reason == "not_run") s->targets.push_back(&out[i]);
    s->batch.count = s->targets.size();
    s->batch.input.resize(s->batch.count * sizeof(WireCase));
    for (std::size_t i = 0; i < s->batch.count; ++i)
      encode(cases[static_cast<std::size_t>(s->targets[i] - out.data())],
             reinterpret_cast<WireCase*>(s->batch.input.data())[i]);
    processes_[s->process]->submit(s->batch);
    submitted_.push_back(std::move(s));
  }

  Result<void> collect() override {
    CHECK(!submitted_.empty());
    std::unique_ptr<Submitted> s = std::move(submitted_.front());
    submitted_.pop_front();
    if (auto done = processes_[s->process]->collect(); !done) return done;
    const auto* results = reinterpret_cast<const WireResult*>(s->batch.results.data());
    for (std::size_t i = 0; i < s->targets.size(); ++i)
      *s->targets[i] = s->batch.deaths[i].empty() ? decode(results[i]) : died(s->batch.deaths[i]);
    spare_.push_back(std::move(s));
    return {};
  }

 private:
  // No allocation in the steady state.
  std::unique_ptr<Submitted> fresh() {
    if (spare_.empty()) return std::make_unique<Submitted>();
    std::unique_ptr<Submitted> s = std::move(spare_.back());
    spare_.pop_back();
    s->targets.clear();
    return s;
  }

  ExecutorInfo info_;
  unsigned next_process_ = 0;
  std::deque<std::unique_ptr<Submitted>> submitted_;
  std::vector<std::unique_ptr<Submitted>> spare_;
  std::vector<std::unique_ptr<CaseChild>> processes_;
};

}  // namespace

Result<std::unique_ptr<Executor>> make_unicorn(const UnicornOptions& options) {
  const unsigned version = uc_version(nullptr, nullptr);
  if (version >> 16 != 0x0200)
    return fail(ErrorCode::Environment, "unicorn",
                fmt::format("version {}.{} is not 2.0", version >> 24, version >> 16 & 0xff));
  if (options.jobs == 0 || options.jobs > 64) return fail(ErrorCode::Usage, "unicorn", "jobs not 1..64");
  std::vector<std::unique_ptr<CaseChild>> processes;
  for (unsigned job = 0; job < options.jobs; ++job) {
    auto process = CaseChild::start(child_spec());
    if (!process) return tl::unexpected<Error>(process.error());
    processes.push_back(std::move(*process));
  }
  return std::make_unique<UnicornExecutor>(fmt::format("2.0.{}", version >> 8 & 0xff), std::move(processes));
}

}  // namespace diffvisor::unicorn
