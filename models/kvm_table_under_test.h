// SPDX-License-Identifier: Apache-2.0
// What the tests that any table of KVM's checks must pass (models/kvm_table_test.cc) need to know of it.
#pragma once

#include <span>
#include <string_view>

#include "harness/base/rng.h"
#include "harness/case/case.h"
#include "models/kvm_entry.h"

namespace diffvisor::models {

struct KvmTableUnderTest {
  KvmTable table;
  std::span<const std::string_view> spec;  // every check and fact of the manual
  unsigned last_place;                     // of KVM's order
  unsigned first_unordered;                // from this place on, rows are repeated for each entry of a list
  Case golden;
  Case (*random)(Rng& rng);                     // cases that break each row of a claim now and then
  bool (*left_to_others)(std::string_view id);  // checks that KVM leaves to the processor or to nobody
};

const KvmTableUnderTest& kvm_table_under_test();

}  // namespace diffvisor::models
