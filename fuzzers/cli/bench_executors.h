// SPDX-License-Identifier: Apache-2.0
// How fast a domain's executors run, each with the reference: for domains whose subject is behaviour.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "fuzzers/cli/session.h"

namespace diffvisor::cli {

// For each executor that was asked for, or each that can be had: a campaign against the reference; the executor alone,
// on cases that it judges, in batches and one by one; and what the domain compares it with. The seconds of the flags go
// to each campaign.
Result<nlohmann::ordered_json> executor_rates(const DomainEntry& entry, const Flags& flags);
void print_executor_rates(const nlohmann::ordered_json& rates);

}  // namespace diffvisor::cli
