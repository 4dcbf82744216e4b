// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/program.h"

#include <sys/wait.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "oracles/unicorn/program_registers.h"
#include "oracles/unicorn/program_setup.h"
#include "oracles/unicorn/program_text.h"

namespace diffvisor::unicorn {
namespace {

#include "oracles/unicorn/program_body.inc"

using namespace insn;
using u64 = std::uint64_t;

struct Checks {
  std::vector<check_row> rows;
  std::vector<std::string> names;
};

// ---- what is seen

u64 outcome_number(const Observation& o) {
  if (kind_of(o.outcome) == OutcomeKind::Exception) return number_of(o.outcome);
  return OUTCOME_DONE;  // HLT too: it only stops; and a port that is reached
}

void add_check(Checks& t, std::string name, int id, u64 number, u64 manual, u64 said) {
  t.names.push_back(std::move(name));
  t.rows.push_back({nullptr, id, number, manual, said});
}

void add_state_checks(bool wide, const Observation& manual, const Observation& said, bool exception, Checks& t) {
  for (unsigned i = 0; i < kStateWords; ++i) {
    if (!manual.defined.test(i) || !said.defined.test(i) || manual.record[i] == said.record[i]) continue;
    const auto api = api_of(kFirstState + i, wide);
    if (!api || (exception && kFirstState + i == Rip)) continue;
    add_check(t, name_of_slot(kFirstState + i), api->id, api->number, manual.record[i], said.record[i]);
  }
}

// Of an executor's changes the first are known; what lies beyond the last of them is not.
u64 known_until(const Observation& o) {
  const bool all = o.record[kMemoryCount] <= kMemoryShown;
  return all ? ~u64{0} : o.record[kMemoryAddress + kMemoryShown - 1];
}

u64 qword_after(const Image& before, const Observation& o, u64 address) {
  for (unsigned i = 0; i < std::min<u64>(o.record[kMemoryCount], kMemoryShown); ++i)
    if (o.record[kMemoryAddress + i] == address) return o.record[kMemoryValue + i];
  return before.qword(address);
}

// The qwords that one of them changed, as far as both are known.
void add_memory_checks(const Image& before, bool paged, const Observation& manual, const Observation& said, Checks& t) {
  if (!manual.defined.test(kMemoryCount) || !said.defined.test(kMemoryCount)) return;
  std::vector<u64> addresses;
  for (const Observation* o : {&manual, &said})
    for (unsigned i = 0; i < std::min<u64>(o->record[kMemoryCount], kMemoryShown); ++i)
      addresses.push_back(o->record[kMemoryAddress + i]);
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  const u64 end = std::min(known_until(manual), known_until(said));
  for (const u64 a : addresses) {
    const bool table = a >= kPml5 && a < kCode;  // which the program has only if it pages
    if (a > end || (table && !paged)) continue;
    if (const u64 x = qword_after(before, manual, a), y = qword_after(before, said, a); x != y)
      add_check(t, fmt::format("memory {:#x}", a), MEMORY, a, x, y);
  }
}

Checks checks_of(const Setup& s, const Observation& manual, const Observation& said) {
  Checks t;
  const u64 expected = outcome_number(manual), seen = outcome_number(said);
  add_check(t, "outcome", OUTCOME, 0, expected, seen);
  if (expected != seen) return t;
  add_state_checks(s.wide, manual, said, expected != OUTCOME_DONE, t);
  if (expected == kPF && manual.record[kPayload] != said.record[kPayload])
    add_check(t, "fault address", FAULT_ADDRESS, 0, manual.record[kPayload], said.record[kPayload]);
  add_memory_checks(s.image, !s.boot.empty(), manual, said, t);
  return t;
}

std::string unshowable(const Observation& manual, const Observation& said) {
  const auto is_port = [](const Observation& o) { return kind_of(o.outcome) == OutcomeKind::PortAccess; };
  if (is_port(manual) && is_port(said)) return "it concerns ports, which are hooks";
  for (const Observation* o : {&manual, &said}) {
    if (o->status != Status::Ran) return "not both of them ran";
    const OutcomeKind kind = kind_of(o->outcome);
    const bool goes_on = kind == OutcomeKind::Done || kind == OutcomeKind::Halt || is_port(*o);
    if (!goes_on && kind != OutcomeKind::Exception) return "its outcome is " + outcome_text(o->outcome);
  }
  return {};
}

// ---- running

// A setup and checks as the program has them; what it points to is here.
struct Tables {
  const Setup& setup;
  const Checks& checks;
  std::vector<register_row> registers;
  std::vector<std::uint8_t> boot;

  Tables(const Setup& s, const Checks& c) : setup(s), checks(c), registers(s.early) {
    registers.insert(registers.end(), s.registers.begin(), s.registers.end());
    for (const BootLine& line : s.boot) boot.insert(boot.end(), line.bytes.begin(), line.bytes.end());
  }
};

program program_in(const Case& c, const Tables& t) {
  program p{};
  p.mode = t.setup.mode;
  p.start = t.setup.start;
  p.instructions = static_cast<std::size_t>(1 + c.v[ExtraSteps]);
  p.boot = t.boot.data();
  p.boot_bytes = t.boot.size();
  p.boot_address = t.setup.boot_address;
  p.boot_end = t.setup.boot_end;
  p.memory = t.setup.memory.data();
  p.memory_rows = t.setup.memory.size();
  p.early_memory_rows = t.setup.early_memory;
  p.views = t.setup.views.data();
  p.view_rows = t.setup.views.size();
  p.registers = t.registers.data();
  p.register_rows = t.registers.size();
  p.early_rows = t.setup.early.size();
  p.checks = t.checks.rows.data();
  p.check_rows = t.checks.rows.size();
  return p;
}

// What it sees, in a child that may die of it; nothing if it does.
std::optional<std::vector<u64>> run_in_child(const program& p) {
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  std::vector<u64> seen(p.check_rows);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    const bool good = run_program(&p, seen.data()) == UC_ERR_OK;
    const std::size_t bytes = 8 * seen.size();
    ::_exit(good && ::write(ends[1], seen.data(), bytes) == static_cast<ssize_t>(bytes) ? 0 : 1);
  }
  ::close(ends[1]);
  const auto bytes = static_cast<ssize_t>(8 * seen.size());
  const bool whole = child > 0 && ::read(ends[0], seen.data(), 8 * seen.size()) == bytes;
  ::close(ends[0]);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return whole ? std::optional(std::move(seen)) : std::nullopt;
}

std::string first_surprise(const Checks& t, const std::vector<u64>& seen) {
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i] != t.rows[i].unicorn)
      return fmt::format("set up so, {} is {:#x}, not {:#x}", t.names[i], seen[i], t.rows[i].unicorn);
  return {};
}

// ---- text

std::string boot_text(const Setup& s) {
  if (s.boot.empty()) return {};
  std::string out =
      "/* what no register of the library loads, the CPU loads by itself */\nstatic const uint8_t boot[] = {\n";
  for (const BootLine& line : s.boot) {
    out += "   ";
    for (const std::uint8_t b : line.bytes) out += fmt::format(" {:#04x},", b);
    out += fmt::format(" /* {} */\n", line.text);
  }
  return out + "};\n\n";
}

std::string views_text(const Setup& s) {
  if (s.views.empty()) return {};
  std::string out = "static const struct view_row views[] = {\n";
  for (const view_row& v : s.views)
    out += fmt::format("    {{{:#x}, {}, {:#x}}},\n", v.linear,
                       v.ram == NOWHERE ? "NOWHERE" : fmt::format("{:#x}", v.ram), v.bytes);
  return out + "};\n\n";
}

std::string id_text(int id) {
  if (id == OUTCOME) return "OUTCOME";
  if (id == MEMORY) return "MEMORY";
  return id == FAULT_ADDRESS ? "FAULT_ADDRESS" : api_name(id);
}

std::string checks_text(const Checks& t) {
  std::string out = "/* name, register, number, what the manual says, what Unicorn 2.0.1 says */\n";
  out += "static const struct check_row checks[] = {\n";
  for (std::size_t i = 0; i < t.rows.size(); ++i) {
    const check_row& k = t.rows[i];
    const std::string id = id_text(k.id);
    const auto value = [&](u64 v) {
      return k.id == OUTCOME && v == OUTCOME_DONE ? std::string("OUTCOME_DONE") : fmt::format("{:#x}", v);
    };
    out += fmt::format("    {{\"{}\", {}, {:#x}, {}, {}}},\n", t.names[i], id, k.number, value(k.manual),
                       value(k.unicorn));
  }
  return out + "};\n\n";
}

std::string rows_text(const program& p, const Tables& t) {
  const Setup& s = t.setup;
  std::string out = boot_text(s) + "static const struct memory_row memory[] = {\n";
  for (const memory_row& m : s.memory)
    out += fmt::format("    {{{:#x}, {:#018x}, {:#x}, {}}},\n", m.address, m.value, m.step, m.count);
  out += "};\n\n" + views_text(s) + "static const struct register_row registers[] = {\n";
  for (const register_row& r : t.registers)
    out += fmt::format("    {{{}, {:#x}, {:#x}, {:#x}}},\n", api_name(r.id), r.number, r.low, r.high);
  out += "};\n\n" + checks_text(t.checks);
  const char* mode = s.mode == UC_MODE_64 ? "UC_MODE_64" : s.mode == UC_MODE_32 ? "UC_MODE_32" : "UC_MODE_16";
  return out +
         fmt::format(
             "static const struct program program = {{{}, {:#x}, {},\n    {}, {}, {:#x}, {:#x},\n    memory, {}, {}, "
             "{}, {}, registers, {}, {}, checks, {}}};\n",
             mode, p.start, p.instructions, s.boot.empty() ? "NULL" : "boot", p.boot_bytes, p.boot_address, p.boot_end,
             p.memory_rows, p.early_memory_rows, s.views.empty() ? "NULL" : "views", p.view_rows, p.register_rows,
             p.early_rows, p.check_rows);
}

std::string comment(const std::string& head) {
  std::string out = "/*\n";
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = std::min(head.find('\n', at), head.size());
    std::string line = head.substr(at, end - at);
    for (std::size_t star; (star = line.find("*/")) != line.npos;) line[star + 1] = ' ';
    out += line.empty() ? " *\n" : " * " + line + "\n";
    at = end + 1;
  }
  return out + " */\n";
}

constexpr const char kIncludes[] =
    "#include <inttypes.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n#include "
    "<unicorn/unicorn.h>\n\n";

constexpr const char kMain[] = R"(
int main(void) {
  uint64_t seen[sizeof checks / sizeof checks[0]];
  size_t i, as_recorded = 0, as_manual = 0;
  unsigned version = uc_version(NULL, NULL);
  if (run_program(&program, seen) != UC_ERR_OK) return fprintf(stderr, "the state cannot be loaded\n"), 2;
  printf("%-16s %18s %18s   (outcome: %#x is done, else a vector)\n", "", "the manual", "Unicorn", OUTCOME_DONE);
  for (i = 0; i < program.check_rows; ++i) {
    const struct check_row* c = &checks[i];
    printf("%-16s %#18" PRIx64 " %#18" PRIx64 "%s\n", c->name, c->manual, seen[i], seen[i] == c->manual ? "" : "   <--");
    as_recorded += seen[i] == c->unicorn;
    as_manual += seen[i] == c->manual;
  }
  printf("Unicorn %u.%u.%u: ", version >> 24, version >> 16 & 0xff, version >> 8 & 0xff);
  if (as_manual == program.check_rows) return puts("as the manual says"), 0;
  if (as_recorded == program.check_rows) return puts("differs from the manual, as recorded"), 1;
  return puts("differs from the manual, and from what was recorded"), 2;
}
)";

// ---- one way to load the state

Result<std::string> program_by(const ProgramRequest& r, Route route) {
  std::vector<u64> walked;
  for (const Observation* o : {r.manual, r.said})
    if (o->outcome == make_outcome(OutcomeKind::Exception, kPF)) walked.push_back(o->record[kPayload]);
  const auto setup = setup_of(*r.c, route, r.tables, walked);
  if (!setup) return tl::unexpected(setup.error());
  const Checks checks = checks_of(*setup, *r.manual, *r.said);
  if (std::ranges::all_of(checks.rows, [](const check_row& k) { return k.manual == k.unicorn; }))
    return impossible("no register and no memory has the difference");
  const Tables tables(*setup, checks);
  const program p = program_in(*r.c, tables);
  const auto seen = run_in_child(p);
  if (!seen) return impossible("the library does not take the state, or dies of it");
  if (const std::string why = first_surprise(checks, *seen); !why.empty()) return impossible(why);
  return comment(r.head) + kIncludes + std::string(program_types()) + std::string(program_body()) + "\n" +
         rows_text(p, tables) + kMain;
}

}  // namespace

Result<std::string> program_of(const ProgramRequest& r) {
  if (const std::string why = unshowable(*r.manual, *r.said); !why.empty()) return impossible(why);
  auto text = program_by(r, Route::Registers);
  for (const Route route : {Route::Boot, Route::BootViews})
    if (!text) text = program_by(r, route);
  return text;
}

}  // namespace diffvisor::unicorn
