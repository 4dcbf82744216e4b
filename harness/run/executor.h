// SPDX-License-Identifier: Apache-2.0
// Anything that runs cases: a model, an oracle, a recording. Asynchronous per batch, so that an emulator works while
// the host surveys and compares.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor {

enum class Trust : std::uint8_t {
  Reference,      // our reading of the manual: what the others are compared with
  Independent,    // an implementation nobody here wrote: votes in blame, confirms rules
  Transcription,  // our retelling of somebody's source: never votes, never confirms
  Recorded,       // an earlier run's result, stamped with versions
};

std::string_view trust_name(Trust t);  // one word, lower case

struct ExecutorInfo {
  std::string name;     // "vmx.arch", "bochs"
  std::string version;  // of the emulator or of the table: stamped into every artefact
  Trust trust = Trust::Transcription;
};

// The k-th collect() belongs to the k-th submit(). Both spans stay valid and untouched until that collect() returns.
// At most kBatchesInFlight batches are submitted and not collected. Not thread-safe: one thread uses one executor.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual const ExecutorInfo& info() const = 0;
  // Starts the batch; a model does its work here. The same cases give the same observations, whatever ran before.
  // A case whose observation is already marked, with any reason but "not_run", is skipped and its observation kept.
  virtual void submit(std::span<const Case> cases, std::span<Observation> out) = 0;
  // Waits until the oldest submitted batch has its observations. An error means that this executor cannot go on:
  // the death of an emulator on one case is an observation, not an error.
  virtual Result<void> collect() = 0;
};

inline constexpr std::size_t kBatchesInFlight = 4;

// Some executor is a machine, which has the capabilities of one profile: models take any.
bool has_fixed_profile(std::span<Executor* const> executors);

// Runs one case now; the executor must have nothing in flight.
Result<Observation> run_one(Executor& executor, const Case& c);

}  // namespace diffvisor
