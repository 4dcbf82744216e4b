// SPDX-License-Identifier: Apache-2.0
// A finding as a test in the style of kvm-unit-tests, for people who have never heard of this program. It is written
// for the interfaces of x86/vmx.h and x86/svm.h at commit 1da1819e49fc; nothing here executes it.
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/case/case.h"
#include "harness/triage/record.h"

namespace diffvisor::reports {

// `c` is the record's case. An error says what such a test cannot express: memory, capabilities, another domain.
Result<std::string> upstream_test_case(const triage::Record& r, const Case& c);

}  // namespace diffvisor::reports
