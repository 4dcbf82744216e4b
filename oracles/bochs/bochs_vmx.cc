// SPDX-License-Identifier: Apache-2.0
#include "oracles/bochs/bochs_vmx.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <future>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/arch/vmx/wire.h"
#include "harness/base/check.h"
#include "oracles/agent/constant_memory.h"
#include "oracles/agent/vmx_entry_codec.h"
#include "oracles/bochs/bochs_machine.h"
#include "oracles/emulator_process/run_directory.h"
#include "oracles/emulator_process/supervisor.h"

namespace diffvisor::bochs {
namespace {

using emulator::Batch;
using emulator::Supervisor;
using vmx::WireCase;
using vmx::WireResult;

struct ModelProfile {
  std::string_view model, profile;
};
constexpr ModelProfile kModels[] = {
    {"tigerlake", "tigerlake"},
    {"corei7_icelake_u", "icelake_u"},
    {"corei7_skylake_x", "skylake_x"},
};

// An emulator gets at most that many cases at once: more do not make it faster, and a death costs a repetition.
constexpr std::size_t kMostCases = 512;

constexpr emulator::BatchFormat kFormat{agent::Command::VmxEntry, sizeof(WireCase), sizeof(WireCase),
                                        sizeof(WireResult)};
static_assert(offsetof(vmx::WireBatch, cases) == sizeof(WireCase));

// SDM 3C 30.7: a VMX abort stores its reason in the VMCS and leaves the processor in shutdown.
std::string_view name_hang(const emulator::GuestMemory& memory) {
  const auto abort = emulator::read_value<std::uint32_t>(memory, vmx::kVmcs + 4);
  return abort && *abort != 0 ? "vmx_abort" : "";
}

// One submitted batch, cut into pieces that an emulator takes at once.
struct Piece {
  Batch batch;
  std::vector<Observation*> targets;  // of each item
};
struct Submitted {
  unsigned process = 0;
  std::vector<std::unique_ptr<Piece>> pieces;
};

class BochsVmx : public Executor {
 public:
  BochsVmx(ExecutorInfo info, std::array<std::uint64_t, kMaxSlots> profile, emulator::RunDirectory directory)
      : info_(std::move(info)), profile_(profile), directory_(std::move(directory)) {}

  void adopt(std::vector<std::unique_ptr<Supervisor>> processes, WireCase golden) {
    processes_ = std::move(processes);
    golden_ = golden;
  }

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override;

 private:
  bool has_profile(const Case& c) const {
    return std::equal(c.v.begin(), c.v.begin() + vmx::Context, profile_.begin());
  }
  Piece& open_piece(Submitted& s);
  std::unique_ptr<Piece> fresh_piece();

  ExecutorInfo info_;
  std::array<std::uint64_t, kMaxSlots> profile_;
  emulator::RunDirectory directory_;  // goes after the processes that live in it
  std::vector<std::unique_ptr<Supervisor>> processes_;
  WireCase golden_{};
  unsigned next_process_ = 0;
  std::deque<Submitted> submitted_;
  std::vector<std::unique_ptr<Piece>> spare_;  // no allocation in the steady state
};

std::unique_ptr<Piece> BochsVmx::fresh_piece() {
  if (!spare_.empty()) {
    std::unique_ptr<Piece> piece = std::move(spare_.back());
    spare_.pop_back();
    return piece;
  }
  auto piece = std::make_unique<Piece>();
  piece->batch.input.reserve((1 + kMostCases) * sizeof(WireCase));
  return piece;
}

Piece& BochsVmx::open_piece(Submitted& s) {
  if (!s.pieces.empty() && s.pieces.back()->targets.size() < kMostCases) return *s.pieces.back();
  Piece& piece = *s.pieces.emplace_back(fresh_piece());
  piece.targets.clear();
  piece.batch.count = 0;
  piece.batch.input.resize((1 + kMostCases) * sizeof(WireCase));
  std::memcpy(piece.batch.input.data(), &golden_, sizeof golden_);
  return piece;
}

void BochsVmx::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size() && submitted_.size() < kBatchesInFlight);
  Submitted& s = submitted_.emplace_back();
  s.process = std::exchange(next_process_, (next_process_ + 1) % static_cast<unsigned>(processes_.size()));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (out[i].status != Status::Incomparable || out[i].reason != "not_run") continue;
    if (!has_profile(cases[i])) {
      out[i] = incomparable("profile");
      continue;
    }
    Piece& piece = open_piece(s);
    std::byte* const place = &piece.batch.input[(1 + piece.targets.size()) * sizeof(WireCase)];
    agent::encode(cases[i], *reinterpret_cast<WireCase*>(place));
    piece.targets.push_back(&out[i]);
  }
  for (const auto& piece : s.pieces) {
    piece->batch.count = piece->targets.size();
    piece->batch.input.resize((1 + piece->batch.count) * sizeof(WireCase));
    processes_[s.process]->submit(piece->batch);
  }
}

void take_observations(const Piece& piece) {
  WireResult result;
  for (std::size_t i = 0; i < piece.targets.size(); ++i) {
    std::memcpy(&result, &piece.batch.results[i * sizeof result], sizeof result);
    const std::string_view death = piece.batch.deaths[i];
    *piece.targets[i] = death.empty() ? agent::decode(result) : died(death);
  }
}

Result<void> BochsVmx::collect() {
  CHECK(!submitted_.empty());
  Submitted s = std::move(submitted_.front());
  submitted_.pop_front();
  for (auto& piece : s.pieces) {
    if (auto done = processes_[s.process]->collect(); !done) return done;
    take_observations(*piece);
    spare_.push_back(std::move(piece));
  }
  return {};
}

// ---- start-up

Result<void> check_machine(emulator::EmulatorProcess& process, const BochsOptions& options,
                           std::span<const std::uint64_t> profile) {
  agent::Capabilities machine;
  const auto answer = process.call(agent::Command::Capabilities, 0, {}, std::as_writable_bytes(std::span(&machine, 1)));
  if (!answer) return tl::unexpected<Error>(answer.error());
  const std::string difference = agent::difference_from_profile(machine, profile);
  if (difference.empty()) return {};
  return fail(ErrorCode::Environment, fmt::format("{} model {}", options.binary, options.model), difference);
}

Result<std::vector<std::unique_ptr<Supervisor>>> start_all(const BochsOptions& options, const Machine& machine,
                                                           const std::filesystem::path& directory,
                                                           std::span<const std::uint64_t> profile) {
  emulator::SupervisorOptions supervision;
  for (const agent::ConstantRange& r : agent::kConstantMemory) supervision.constant.push_back({r.begin, r.end});
  supervision.name_hang = name_hang;
  supervision.check = [options, profile = std::vector(profile.begin(), profile.end())](
                          emulator::EmulatorProcess& process) { return check_machine(process, options, profile); };
  std::vector<std::future<Result<std::unique_ptr<Supervisor>>>> starting;
  for (unsigned job = 0; job < options.jobs; ++job) {
    const std::filesystem::path own = directory / fmt::format("{}", job);
    std::error_code ignored;
    std::filesystem::create_directory(own, ignored);
    starting.push_back(
        std::async(std::launch::async, [=] { return Supervisor::start(spec_of(machine), kFormat, supervision, own); }));
  }
  std::vector<std::unique_ptr<Supervisor>> started;
  Result<void> first_error;
  for (auto& one : starting) {
    auto process = one.get();
    if (process) {
      started.push_back(std::move(*process));
    } else if (first_error) {
      first_error = tl::unexpected<Error>(process.error());
    }
  }
  if (!first_error) return tl::unexpected<Error>(first_error.error());
  return started;
}

}  // namespace

std::string_view profile_of_model(std::string_view model) {
  for (const ModelProfile& m : kModels)
    if (m.model == model) return m.profile;
  return {};
}

std::string_view model_of_profile(std::string_view profile) {
  for (const ModelProfile& m : kModels)
    if (m.profile == profile) return m.model;
  return {};
}

Result<std::unique_ptr<Executor>> make_bochs_vmx(const BochsOptions& options) {
  const Schema& schema = vmx::schema();
  const auto profile = find_profile(schema, profile_of_model(options.model));
  if (!profile || options.jobs == 0 || options.jobs > 64)
    return fail(ErrorCode::Usage, "bochs", fmt::format("no profile for model '{}', or jobs not 1..64", options.model));
  Machine machine{options.binary, options.model, options.rom};
  if (machine.rom.empty()) {
    auto rom = find_agent_rom();
    if (!rom) return tl::unexpected<Error>(rom.error());
    machine.rom = *rom;
  }
  std::error_code ignored;
  machine.rom = std::filesystem::absolute(machine.rom, ignored);
  const auto parent = options.run_parent.empty() ? emulator::default_run_parent() : options.run_parent;
  auto directory = emulator::RunDirectory::make(parent);
  if (!directory) return tl::unexpected<Error>(directory.error());
  if (options.keep_directory) directory->keep();
  const auto values = profile_values(schema, *profile);
  auto processes = start_all(options, machine, directory->path(), values);
  if (!processes) return tl::unexpected<Error>(processes.error());

  const std::string version = version_in(processes->front()->emulator().child().console());
  auto executor = std::make_unique<BochsVmx>(
      ExecutorInfo{"bochs", fmt::format("{} {}", version, options.model), Trust::Independent}, values,
      std::move(*directory));
  WireCase golden{};
  agent::encode(golden_case(schema, *profile), golden);
  executor->adopt(std::move(*processes), golden);
  return executor;
}

}  // namespace diffvisor::bochs
