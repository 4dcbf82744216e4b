// SPDX-License-Identifier: Apache-2.0
// The counter domain as the harness sees it.
#pragma once

#include "harness/run/domain.h"

namespace diffvisor::counter {

const ObservationSchema& observation_schema();
const Domain& domain();

}  // namespace diffvisor::counter
