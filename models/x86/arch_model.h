// SPDX-License-Identifier: Apache-2.0
// x86.arch: what an instruction does by the manual, the reference every other executor is compared with. x86.kvm: the
// same code with the coverage, order and outcomes of KVM 6.1's emulator.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "harness/run/executor.h"
#include "models/x86/quirks.h"

namespace diffvisor::x86 {

class Machine;

class X86Model final : public Executor {
 public:
  explicit X86Model(Personality personality = {}, const Quirks& quirks = {});
  ~X86Model() override;

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override { return {}; }

  // Cases run in this RAM from now on instead of the background.
  void use_ram(std::vector<std::uint8_t> ram);
  void set_quirks(const Quirks& quirks);
  // One case, given its slots (kSlots of them) and its code bytes.
  void observe(const std::uint64_t* v, std::span<const std::byte> code, Observation& o);

 private:
  struct State;
  ExecutorInfo info_;
  Personality personality_;
  Quirks quirks_;
  std::unique_ptr<State> state_;
};

}  // namespace diffvisor::x86
