// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/emulator_process.h"

#include <thread>

#include <fmt/format.h>

#include "harness/base/check.h"

namespace diffvisor::emulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The last line that says something, without control characters.
std::string last_line(const std::string& console) {
  std::string line;
  for (std::size_t end = console.size(); end > 0 && line.empty();) {
    const std::size_t newline = console.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    for (std::size_t i = begin; i < end; ++i)
      if (console[i] >= ' ' && console[i] <= '~') line += console[i];
    if (line.find_first_not_of("= ") == std::string::npos) line.clear();  // a rule across the screen
    end = newline == std::string::npos ? 0 : newline;
  }
  return line.substr(0, 200);
}

// The rest of the line after `prefix`, or "".
std::string after(const std::string& console, std::string_view prefix) {
  const std::size_t at = console.find(prefix);
  if (at == std::string::npos) return {};
  const std::size_t from = at + prefix.size();
  return console.substr(from, console.find('\n', from) - from);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A digit on its own is part of a name; more of them are an address or a count, which tells runs apart, not causes.
std::string_view digit_word(std::string_view text, std::size_t i) {
  constexpr std::string_view kWords[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
  const bool alone = (i == 0 || !is_digit(text[i - 1])) && (i + 1 == text.size() || !is_digit(text[i + 1]));
  return alone ? kWords[text[i] - '0'] : std::string_view{};
}

// "VMENTER CR0 is broken !" is "vmenter_cr_zero_is_broken".
std::string words_of(std::string_view message) {
  std::string words;
  const auto separate = [&words] {
    if (!words.empty() && words.back() != '_') words += '_';
  };
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower >= 'a' && lower <= 'z') {
      words += lower;
      continue;
    }
    separate();
    if (!is_digit(c)) continue;
    words += digit_word(message, i);
    separate();
  }
  words = words.substr(0, 60);
  while (!words.empty() && words.back() == '_') words.pop_back();
  return words;
}

std::string end_text(const ChildEnd& end) {
  return end.signal != 0 ? fmt::format("killed by signal {}", end.signal) : fmt::format("exit code {}", end.exit_code);
}

}  // namespace

Result<std::unique_ptr<EmulatorProcess>> EmulatorProcess::start(const EmulatorSpec& spec,
                                                                const std::filesystem::path& directory) {
  for (int kills = 0;; ++kills) {
    std::unique_ptr<EmulatorProcess> emulator(new EmulatorProcess(spec));
    const auto up = emulator->bring_up(directory);
    if (up) return emulator;
    if (kills == kMostKills || emulator->child_ == nullptr || !emulator->child_->was_killed())
      return tl::unexpected<Error>(up.error());
  }
}

Result<void> EmulatorProcess::bring_up(const std::filesystem::path& directory) {
  const auto child_spec = spec_->prepare(directory);
  if (!child_spec) return tl::unexpected<Error>(child_spec.error());
  auto child = ChildProcess::spawn(*child_spec);
  if (!child) return tl::unexpected<Error>(child.error());
  child_ = std::move(*child);
  if (auto greeted = greet(); !greeted) return greeted;
  auto memory = spec_->reach_memory(child_->pid(), directory);
  if (!memory) return tl::unexpected<Error>(memory.error());
  memory_ = std::move(*memory);
  return write_value(*memory_, agent::kGo, agent::kGoValue);
}

Result<void> EmulatorProcess::greet() {
  const auto deadline = steady_clock::now() + kStartLimit;
  for (;;) {
    const std::string& console = child_->console();
    if (const std::size_t at = console.find(agent::kGreeting); at != std::string::npos) {
      const std::size_t digit = at + sizeof agent::kGreeting - 1;
      if (digit + 1 < console.size()) {
        if (console[digit] == static_cast<char>('0' + agent::kProtocol)) return {};
        return fail(ErrorCode::Environment, spec_->name, "the agent ROM speaks another protocol: rebuild agent.rom");
      }
    }
    if (child_->ended())
      return fail(ErrorCode::Environment, spec_->name, "ended before the agent was up: " + last_words());
    if (steady_clock::now() > deadline)
      return fail(ErrorCode::Environment, spec_->name, fmt::format("no agent after {} s", kStartLimit.count()));
    child_->wait_for_output(milliseconds(20));
  }
}

Result<std::uint64_t> EmulatorProcess::post(agent::Command command, std::uint32_t count, std::uint64_t argument,
                                            std::span<const std::byte> input) {
  CHECK(input.size() <= agent::kInputBytes);
  const std::uint64_t sequence = next_sequence_;
  const Gpa slot = agent::slot_of(sequence);
  if (!input.empty())
    if (auto done = memory_->write(slot + agent::kInputOffset, input); !done)
      return tl::unexpected<Error>(done.error());
  const agent::Request request{0, command, count, argument};
  const auto bytes = std::as_bytes(std::span(&request, 1)).subspan(sizeof request.sequence);
  if (auto done = memory_->write(slot + sizeof request.sequence, bytes); !done)
    return tl::unexpected<Error>(done.error());
  if (auto done = write_value(*memory_, slot, sequence); !done) return tl::unexpected<Error>(done.error());
  ++next_sequence_;
  return sequence;
}

Result<agent::Response> EmulatorProcess::response(std::uint64_t sequence) const {
  return read_value<agent::Response>(*memory_, agent::slot_of(sequence) + agent::kResponseOffset);
}

Result<void> EmulatorProcess::read_output(std::uint64_t sequence, std::span<std::byte> output) const {
  CHECK(output.size() <= agent::kOutputBytes);
  return memory_->read(agent::slot_of(sequence) + agent::kOutputOffset, output);
}

Result<agent::Answer> EmulatorProcess::call(agent::Command command, std::uint64_t argument,
                                            std::span<const std::byte> input, std::span<std::byte> output) {
  const auto sequence = post(command, 1, argument, input);
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  const auto deadline = steady_clock::now() + kStartLimit;
  for (;;) {
    const auto r = response(*sequence);
    if (!r) return tl::unexpected<Error>(r.error());
    if (r->sequence == *sequence) {
      if (auto done = read_output(*sequence, output); !done) return tl::unexpected<Error>(done.error());
      return r->answer;
    }
    if (child_->ended() || steady_clock::now() > deadline)
      return fail(ErrorCode::Environment, spec_->name, "no answer from the agent: " + last_words());
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

std::string EmulatorProcess::last_words() {
  const auto& end = child_->ended();
  const std::string& console = child_->console();
  std::string said = after(console, agent::kPanic);
  if (said.empty()) said = spec_->complaint(console);
  if (said.empty()) said = last_line(console);
  return fmt::format("{}: {}", end ? end_text(*end) : "still running", said);
}

std::string EmulatorProcess::end_word() {
  const auto& end = child_->ended();
  const std::string& console = child_->console();
  if (const std::string panic = after(console, agent::kPanic); !panic.empty())
    return "agent_" + words_of(panic.substr(0, panic.find(" error ")));
  if (end && end->signal != 0) return "crash";
  const std::string complaint = words_of(spec_->complaint(console));
  return complaint.empty() ? "exit" : "panic_" + complaint;
}

}  // namespace diffvisor::emulator
