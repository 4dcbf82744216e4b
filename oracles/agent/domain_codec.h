// SPDX-License-Identifier: Apache-2.0
// A domain as the agent speaks it: one constant for each, so that what runs batches knows neither VMX nor SVM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "harness/arch/agent/mailbox.h"
#include "harness/case/case.h"
#include "harness/run/observation.h"

namespace diffvisor::agent {

// A word of memory that, once it is not 0, says what the machine is stuck in.
struct HangMark {
  Gpa word;  // 32 bits
  std::string_view name;
};

// A word of a result, as an observation has it.
struct ResultWord {
  int slot = -1;           // of the record; -1: what precedes it, the status or outcome
  std::size_t offset = 0;  // in the result, bytes
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
};

// The request is `case_bytes` of a case that certainly enters, then as many for each case; the answer `result_bytes`
// for each.
struct DomainCodec {
  const Schema& (*schema)();
  Command command{};
  std::size_t case_bytes = 0;
  std::size_t result_bytes = 0;
  Slot capabilities = 0;  // so many of a case's first slots are its profile

  void (*encode)(const Case& c, std::byte* out);
  Observation (*decode)(const std::byte* result);
  // What the result of such an observation would hold, as far as that says; empty if there was none. An observation of
  // a model will do: it knows the outcome, if not the record.
  std::vector<ResultWord> (*words)(const Observation& o);
  // Overwrites those Capability slots of `values` that the machine can tell of itself. What it returns says why it
  // cannot run the domain at all: "the machine has no VMX"; or "".
  std::string_view (*read_profile)(const Capabilities& machine, std::span<std::uint64_t> values);
  std::span<const HangMark> hang_marks;
};

// The codec of a domain with these wire structs.
template <class WireCase, class WireResult, void (*kEncode)(const Case&, WireCase&),
          Observation (*kDecode)(const WireResult&), std::vector<ResultWord> (*kWords)(const Observation&)>
constexpr DomainCodec codec_of(const Schema& (*schema)(), Command command, Slot capabilities,
                               std::string_view (*read_profile)(const Capabilities&, std::span<std::uint64_t>),
                               std::span<const HangMark> hang_marks = {}) {
  return {
      .schema = schema,
      .command = command,
      .case_bytes = sizeof(WireCase),
      .result_bytes = sizeof(WireResult),
      .capabilities = capabilities,
      .encode = [](const Case& c, std::byte* out) { kEncode(c, *reinterpret_cast<WireCase*>(out)); },
      .decode = [](const std::byte* result) { return kDecode(*reinterpret_cast<const WireResult*>(result)); },
      .words = kWords,
      .read_profile = read_profile,
      .hang_marks = hang_marks,
  };
}

// A bit of a capability slot that a CPUID bit announces.
struct AnnouncedBit {
  Slot slot;
  unsigned bit;
  std::uint32_t leaf;
  std::uint32_t CpuidReading::*word;
  unsigned cpuid_bit;
  std::uint32_t subleaf = 0;
};
void read_announced(const Capabilities& machine, std::span<const AnnouncedBit> bits, std::span<std::uint64_t> values);

// CPUID as the agent read it; 0 where it was not asked.
std::uint32_t cpuid_word(const Capabilities& machine, std::uint32_t leaf, std::uint32_t subleaf,
                         std::uint32_t CpuidReading::*word);
// 0 where RDMSR raised #GP.
std::uint64_t msr_value(const Capabilities& machine, std::uint32_t msr);

}  // namespace diffvisor::agent
