// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent_executor/agent_executor.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <future>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/base/check.h"
#include "oracles/agent/constant_memory.h"
#include "oracles/emulator_process/run_directory.h"
#include "oracles/emulator_process/supervisor.h"

namespace diffvisor {
namespace {

using agent::DomainCodec;
using emulator::Batch;
using emulator::Supervisor;

// An emulator gets at most that many cases at once: more do not make it faster, and a death costs a repetition.
constexpr std::size_t kMostCases = 512;

// One submitted batch, cut into pieces that an emulator takes at once.
struct Piece {
  Batch batch;
  std::vector<Observation*> targets;  // of each item
};
struct Submitted {
  unsigned process = 0;
  std::vector<std::unique_ptr<Piece>> pieces;
};

class AgentExecutor : public Executor {
 public:
  AgentExecutor(const DomainCodec& domain, const AgentMachine& machine, const std::string& version,
                std::uint16_t profile, emulator::RunDirectory directory,
                std::vector<std::unique_ptr<Supervisor>> processes)
      : domain_(domain),
        info_{machine.executor, fmt::format("{} {}", version, machine.model), Trust::Independent},
        refusal_(machine.refusal),
        profile_(profile_values(domain.schema(), profile)),
        golden_(domain.case_bytes),
        directory_(std::move(directory)),
        processes_(std::move(processes)) {
    domain_.encode(golden_case(domain_.schema(), profile), golden_.data());
  }

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override;

 private:
  bool has_profile(const Case& c) const {
    return std::equal(c.v.begin(), c.v.begin() + domain_.capabilities, profile_.begin());
  }
  std::string_view refusal(const Case& c) const {
    if (!has_profile(c)) return "profile";
    return refusal_ != nullptr ? refusal_(c) : std::string_view{};
  }
  Piece& open_piece(Submitted& s);
  std::unique_ptr<Piece> fresh_piece();
  void take_observations(const Piece& piece) const;

  const DomainCodec& domain_;
  ExecutorInfo info_;
  std::string_view (*refusal_)(const Case&);
  std::array<std::uint64_t, kMaxSlots> profile_;
  std::vector<std::byte> golden_;
  emulator::RunDirectory directory_;  // goes after the processes that live in it
  std::vector<std::unique_ptr<Supervisor>> processes_;
  unsigned next_process_ = 0;
  std::deque<Submitted> submitted_;
  std::vector<std::unique_ptr<Piece>> spare_;  // no allocation in the steady state
};

std::unique_ptr<Piece> AgentExecutor::fresh_piece() {
  if (!spare_.empty()) {
    std::unique_ptr<Piece> piece = std::move(spare_.back());
    spare_.pop_back();
    return piece;
  }
  auto piece = std::make_unique<Piece>();
  piece->batch.input.reserve((1 + kMostCases) * domain_.case_bytes);
  return piece;
}

Piece& AgentExecutor::open_piece(Submitted& s) {
  if (!s.pieces.empty() && s.pieces.back()->targets.size() < kMostCases) return *s.pieces.back();
  Piece& piece = *s.pieces.emplace_back(fresh_piece());
  piece.targets.clear();
  piece.batch.count = 0;
  piece.batch.input.resize((1 + kMostCases) * domain_.case_bytes);
  std::copy(golden_.begin(), golden_.end(), piece.batch.input.begin());
  return piece;
}

void AgentExecutor::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size() && submitted_.size() < kBatchesInFlight);
  Submitted& s = submitted_.emplace_back();
  s.process = std::exchange(next_process_, (next_process_ + 1) % static_cast<unsigned>(processes_.size()));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (out[i].status != Status::Incomparable || out[i].reason != "not_run") continue;
    if (const std::string_view why = refusal(cases[i]); !why.empty()) {
      out[i] = incomparable(why);
      continue;
    }
    Piece& piece = open_piece(s);
    domain_.encode(cases[i], &piece.batch.input[(1 + piece.targets.size()) * domain_.case_bytes]);
    piece.targets.push_back(&out[i]);
  }
  for (const auto& piece : s.pieces) {
    piece->batch.count = piece->targets.size();
    piece->batch.input.resize((1 + piece->batch.count) * domain_.case_bytes);
    processes_[s.process]->submit(piece->batch);
  }
}

void AgentExecutor::take_observations(const Piece& piece) const {
  for (std::size_t i = 0; i < piece.targets.size(); ++i) {
    const std::string_view death = piece.batch.deaths[i];
    *piece.targets[i] = death.empty() ? domain_.decode(&piece.batch.results[i * domain_.result_bytes]) : died(death);
  }
}

Result<void> AgentExecutor::collect() {
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

std::string_view name_hang(const DomainCodec& domain, const emulator::GuestMemory& memory) {
  for (const agent::HangMark& mark : domain.hang_marks) {
    const auto word = emulator::read_value<std::uint32_t>(memory, mark.word);
    if (word && *word != 0) return mark.name;
  }
  return {};
}

Result<void> check_machine(emulator::EmulatorProcess& process, const DomainCodec& domain, const AgentMachine& machine,
                           std::span<const std::uint64_t> profile) {
  agent::Capabilities found;
  const auto answer = process.call(agent::Command::Capabilities, 0, {}, std::as_writable_bytes(std::span(&found, 1)));
  if (!answer) return tl::unexpected<Error>(answer.error());
  const std::string difference = difference_from_profile(domain, found, profile, machine.differs);
  if (difference.empty()) return {};
  return fail(ErrorCode::Environment, fmt::format("{} model {}", machine.emulator.name, machine.model), difference);
}

emulator::SupervisorOptions supervision_of(const DomainCodec& domain, const AgentMachine& machine,
                                           std::uint16_t profile) {
  emulator::SupervisorOptions s;
  for (const agent::ConstantRange& r : agent::kConstantMemory) s.constant.push_back({r.begin, r.end});
  s.name_hang = [&domain](const emulator::GuestMemory& memory) { return name_hang(domain, memory); };
  s.check = [&domain, machine, values = profile_values(domain.schema(), profile)](emulator::EmulatorProcess& process) {
    return check_machine(process, domain, machine, values);
  };
  return s;
}

Result<std::vector<std::unique_ptr<Supervisor>>> start_all(const DomainCodec& domain, const AgentMachine& machine,
                                                           std::uint16_t profile, unsigned jobs,
                                                           const std::filesystem::path& directory) {
  const emulator::SupervisorOptions supervision = supervision_of(domain, machine, profile);
  const emulator::BatchFormat format{domain.command, domain.case_bytes, domain.case_bytes, domain.result_bytes};
  CHECK(format.most_items() >= kMostCases);
  std::vector<std::future<Result<std::unique_ptr<Supervisor>>>> starting;
  for (unsigned job = 0; job < jobs; ++job) {
    const std::filesystem::path own = directory / fmt::format("{}", job);
    std::error_code ignored;
    std::filesystem::create_directory(own, ignored);
    starting.push_back(
        std::async(std::launch::async, [=] { return Supervisor::start(machine.emulator, format, supervision, own); }));
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

Result<std::unique_ptr<Executor>> make_agent_executor(const DomainCodec& domain, const AgentMachine& machine,
                                                      const MachineOptions& options) {
  const auto profile = find_profile(domain.schema(), options.profile);
  if (!profile || options.jobs == 0 || options.jobs > 64)
    return fail(ErrorCode::Usage, machine.executor,
                fmt::format("{} has no profile '{}', or jobs not 1..64", domain.schema().domain, options.profile));
  const auto parent = options.run_parent.empty() ? emulator::default_run_parent() : options.run_parent;
  auto directory = emulator::RunDirectory::make(parent);
  if (!directory) return tl::unexpected<Error>(directory.error());
  if (options.keep_directory) directory->keep();
  auto processes = start_all(domain, machine, *profile, options.jobs, directory->path());
  if (!processes) return tl::unexpected<Error>(processes.error());
  const auto version = machine.version(processes->front()->emulator());
  if (!version) return tl::unexpected<Error>(version.error());
  return std::make_unique<AgentExecutor>(domain, machine, *version, *profile, std::move(*directory),
                                         std::move(*processes));
}

}  // namespace diffvisor
