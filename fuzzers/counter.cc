// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/counter.h"

#include "models/counter/domain.h"
#include "models/counter/executors.h"

namespace diffvisor {
namespace {

constexpr std::string_view kExecutors[] = {"counter.a", "counter.b"};

Result<std::unique_ptr<Executor>> make_executor(const ExecutorRequest& r) {
  return r.name == "counter.a" ? counter::make_counter_a() : counter::make_counter_b();
}

std::vector<Quirk> quirks() { return {}; }

}  // namespace

const DomainEntry& counter_entry() {
  static const DomainEntry entry{&counter::domain(), kExecutors, kExecutors, kExecutors, &make_executor, &quirks};
  return entry;
}

}  // namespace diffvisor
