// SPDX-License-Identifier: Apache-2.0
// A model as an executor: it runs each case in submit() and has nothing left to wait for.
#pragma once

#include <utility>

#include "harness/run/executor.h"

namespace diffvisor::counter {

template <class Run>  // Observation (const Case&)
class ModelExecutor final : public Executor {
 public:
  ModelExecutor(ExecutorInfo info, Run run) : info_(std::move(info)), run_(std::move(run)) {}

  const ExecutorInfo& info() const override { return info_; }

  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    for (std::size_t i = 0; i < cases.size(); ++i)
      if (out[i].status == Status::Incomparable && out[i].reason == Observation().reason) out[i] = run_(cases[i]);
  }

  Result<void> collect() override { return {}; }

 private:
  ExecutorInfo info_;
  Run run_;
};

}  // namespace diffvisor::counter
