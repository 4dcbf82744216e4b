// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/program.h"

#include <sys/wait.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/case/value_text.h"
#include "oracles/unicorn/program_registers.h"
#include "oracles/unicorn/program_text.h"

namespace diffvisor::unicorn {
namespace {

#include "oracles/unicorn/program_body.inc"

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kFill = 0xf4f4f4f4f4f4f4f4;  // HLT

// Where segment registers come from. Own: a GDT with a descriptor for each, as what the case's tables and selectors
// are has no part in the difference.
enum class Segments { AsOpened, Own, OfCase };

struct Tables {
  std::vector<memory_row> memory;
  std::vector<register_row> registers;
  std::vector<check_row> checks;
  std::vector<std::string> names;  // of checks
};

tl::unexpected<Error> impossible(std::string why) {
  return fail(ErrorCode::Usage, "unicorn", "no program shows it: " + why);
}

std::string name_of_slot(unsigned slot) {
  const Field& f = field_of_slot(schema(), static_cast<Slot>(slot));
  return slot_name(f, slot - f.slot);
}

// ---- memory

struct Image {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kRamEnd);
  u64 qword(u64 address) const {
    u64 value;
    std::memcpy(&value, bytes.data() + address, 8);
    return value;
  }
  void copy(const Image& from, u64 begin, u64 end) {
    std::copy(from.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
              from.bytes.begin() + static_cast<std::ptrdiff_t>(end),
              bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  }
};

Image background() {
  Image i;
  write_background(i.bytes.data());
  return i;
}

constexpr unsigned kLoaded[] = {kCs, kSs, kDs, kEs, kFs, kGs};
constexpr u64 own_index(unsigned segment) { return 8 * (u64{segment} + 1); }

// SDM 3A 3.4.5.
u64 own_descriptor(const Case& c, unsigned s) {
  const u64 base = c.v[base_of(s)], a = c.v[attr_of(s)];
  const u64 limit = (a >> attr::G & 1) != 0 ? c.v[limit_of(s)] >> 12 : c.v[limit_of(s)];
  return (limit & 0xffff) | (base & 0xffffff) << 16 | (a & 0xff) << 40 | (limit >> 16 & 0xf) << 48 |
         (a >> attr::AVL & 0xf) << 52 | (base >> 24 & 0xff) << 56;
}

// What the program's memory holds when it starts: no page tables, as it runs without paging, and no gates, as
// exceptions are not delivered.
Image memory_of(const Case& c, Segments segments) {
  const Image all = background();
  Image i;
  i.copy(all, kIvt, kGdt);
  i.copy(all, kCode, kStack);
  if (segments == Segments::OfCase) {
    i.copy(all, kGdt, kIdt64);
    i.copy(all, kLdt, kPml5);
    for (const u64 tss : {kTss64, kTss32}) i.copy(all, tss, tss + kIoBitmap);
  }
  for (unsigned k = 0; k < kPatches; ++k)
    if (const u64 address = c.v[PatchAddress + k]; address != 0 && address <= kRamEnd - 8)
      std::memcpy(i.bytes.data() + address, &c.v[PatchValue + k], 8);
  if (segments == Segments::Own)
    for (const unsigned s : kLoaded) {
      const u64 descriptor = own_descriptor(c, s);
      std::memcpy(i.bytes.data() + kGdt + own_index(s), &descriptor, 8);
    }
  const auto& code = c.areas[kCodeArea];
  const u64 room = std::min<u64>(code.size(), kRamEnd - c.v[CodeAddress]);
  std::memcpy(i.bytes.data() + c.v[CodeAddress], code.data(), room);
  return i;
}

// How many qwords from `a` on go on as the first two do, and are not as in `made`.
std::uint32_t run_length(const Image& image, const Image& made, u64 a) {
  const auto differs = [&](u64 at) { return at < kRamEnd && image.qword(at) != made.qword(at); };
  if (!differs(a + 8)) return 1;
  const u64 step = image.qword(a + 8) - image.qword(a);
  u64 end = a + 16;
  while (differs(end) && image.qword(end) - image.qword(end - 8) == step) end += 8;
  return end - a > 16 ? static_cast<std::uint32_t>((end - a) / 8) : 1;
}

// What differs from nothing but noise, as rows: first the code region, which is one long run, then what lies on it.
std::vector<memory_row> memory_rows(const Image& image) {
  Image made;
  made.copy(background(), kData, kStack);
  std::vector<memory_row> rows = {{kCode, kFill, 0, (kData - kCode) / 8}};
  for (u64 a = kCode; a < kData; a += 8) std::memcpy(made.bytes.data() + a, &kFill, 8);
  for (u64 a = 0; a < kRamEnd; a += 8) {
    if (image.qword(a) == made.qword(a)) continue;
    const std::uint32_t count = run_length(image, made, a);
    rows.push_back({a, image.qword(a), count > 1 ? image.qword(a + 8) - image.qword(a) : 0, count});
    a += 8 * (count - 1);
  }
  return rows;
}

// ---- registers

void add_register(Tables& t, const Api& api, u64 low, u64 high = 0, std::uint32_t number = 0) {
  t.registers.push_back({api.id, number, low, high});
}

void add_table(Tables& t, int id, std::uint32_t selector, u64 base, u64 limit) {
  t.registers.push_back({id, selector, base, limit});
}

void add_segments(const Case& c, Segments segments, Tables& t) {
  const bool real = c.v[ModeOf] == kReal16;
  if (segments == Segments::Own) add_table(t, UC_X86_REG_GDTR, 0, kGdt, kGdtLimit);
  if (segments == Segments::OfCase && !real) {
    add_table(t, UC_X86_REG_GDTR, 0, c.v[GdtrBase], c.v[GdtrLimit]);
    add_table(t, UC_X86_REG_IDTR, 0, c.v[IdtrBase], c.v[IdtrLimit]);
    add_table(t, UC_X86_REG_LDTR, static_cast<std::uint32_t>(c.v[LdtrSelector]), c.v[LdtrBase], c.v[LdtrLimit]);
    add_table(t, UC_X86_REG_TR, static_cast<std::uint32_t>(c.v[TrSelector]), c.v[TrBase], c.v[TrLimit]);
  }
  for (const unsigned s : kLoaded) {
    const bool null = (c.v[attr_of(s)] >> attr::UNUSABLE & 1) != 0;
    const u64 own = null ? 0 : own_index(s) | cpl_of(c.v.data());
    if (segments != Segments::AsOpened || real)
      add_register(t, *api_of(selector_of(s), true), segments == Segments::Own ? own : c.v[selector_of(s)]);
  }
  if (c.v[ModeOf] != kLong64) return;
  for (const unsigned slot : {FsBase, GsBase})
    if (c.v[slot] != 0) add_register(t, *api_of(slot, true), c.v[slot]);
}

void add_registers(const Case& c, Segments segments, Tables& t) {
  const bool wide = c.v[ModeOf] == kLong64;
  const auto golden = golden_values(c);
  add_segments(c, segments, t);
  for (unsigned slot = Rax; slot <= R15; ++slot)
    if (const auto api = api_of(slot, wide); api && c.v[slot] != 0) add_register(t, *api, c.v[slot]);
  add_register(t, *api_of(Rflags, wide), c.v[Rflags]);
  add_register(t, *api_of(Cr4, wide), c.v[Cr4]);
  add_register(t, *api_of(Fcw, wide), c.v[Fcw]);
  add_register(t, *api_of(Mxcsr, wide), c.v[Mxcsr]);
  for (unsigned slot = Cr0; slot < kFirstState + kStateWords; ++slot) {
    const auto api = api_of(slot, wide);
    const bool done = slot == Cr4 || slot == Fcw || slot == Mxcsr || (slot >= EsSelector && slot <= IdtrLimit);
    if (!api || done || c.v[slot] == golden[slot]) continue;
    const bool upper = slot >= Xmm && slot <= XmmLast && (slot - Xmm) % 2 == 1;
    const bool pair = slot >= Xmm && slot <= XmmLast;
    if (upper && c.v[slot - 1] != golden[slot - 1]) continue;  // written with the lower half
    const unsigned first = upper ? slot - 1 : slot;
    const u64 value = slot == Cr0 ? c.v[slot] & ~(u64{1} << cr0::PG) : c.v[first];
    add_register(t, *api, value, pair ? c.v[first + 1] : 0, api->number);
  }
}

Segments segments_of(const Case& c, bool tables) {
  const bool may_be_own = c.v[ModeOf] == kProtected16 || c.v[ModeOf] == kProtected32;
  if (tables || !may_be_own) return tables ? Segments::OfCase : Segments::AsOpened;
  const auto golden = golden_values(c);
  bool is_golden = c.v[ModeOf] == kProtected32;
  for (unsigned slot = EsSelector; slot <= GsAttr; ++slot) is_golden &= c.v[slot] == golden[slot];
  return is_golden ? Segments::AsOpened : Segments::Own;
}

// The first field that no register loads; empty if there is none.
std::string unloadable(const Case& c, Segments segments) {
  if (c.v[ModeOf] == kVirtual8086) return "virtual-8086 mode";
  if (c.v[ModeOf] == kCompatibility32) return "compatibility mode";
  if (c.v[RepOne] != 0) return "REP is stopped after one iteration";
  const auto golden = golden_values(c);
  const bool wide = c.v[ModeOf] == kLong64, real = c.v[ModeOf] == kReal16;
  for (unsigned slot = kFirstState; slot < kFirstState + kStateWords; ++slot) {
    if (c.v[slot] == golden[slot]) continue;
    const bool segment = slot >= EsSelector && slot <= TrAttr;
    const bool base_of_selector =
        real && segment && (slot - EsSelector) % 4 == 1 && c.v[slot] == c.v[slot - 1] << 4 && slot < LdtrSelector;
    const bool is_selector = segment && (slot - EsSelector) % 4 == 0 && real;
    const bool is_base = (wide && (slot == FsBase || slot == GsBase)) || (segments == Segments::Own && slot <= GsAttr);
    const bool is_table = slot >= GdtrBase && slot <= IdtrLimit;
    if (segment ? is_base || is_selector || base_of_selector : is_table || api_of(slot, wide).has_value()) continue;
    return fmt::format("{} = {:#x}, which no register loads", name_of_slot(slot), c.v[slot]);
  }
  return {};
}

// ---- what is seen

u64 outcome_number(const Observation& o) {
  if (kind_of(o.outcome) == OutcomeKind::Exception) return number_of(o.outcome);
  return OUTCOME_DONE;  // HLT too: it only stops
}

void add_check(Tables& t, std::string name, int id, u64 number, u64 manual, u64 said) {
  t.names.push_back(std::move(name));
  t.checks.push_back({nullptr, id, number, manual, said});
}

void add_state_checks(const Case& c, const Observation& manual, const Observation& said, bool exception, Tables& t) {
  for (unsigned i = 0; i < kStateWords; ++i) {
    if (!manual.defined.test(i) || !said.defined.test(i) || manual.record[i] == said.record[i]) continue;
    const auto api = api_of(kFirstState + i, c.v[ModeOf] == kLong64);
    if (!api || (exception && kFirstState + i == Rip)) continue;
    add_check(t, name_of_slot(kFirstState + i), api->id, api->number, manual.record[i], said.record[i]);
  }
}

// The qwords that one of them changed, where all are known.
void add_memory_checks(const Image& before, const Observation& manual, const Observation& said, Tables& t) {
  const auto knows_all = [](const Observation& o) {
    return o.defined.test(kMemoryCount) && o.record[kMemoryCount] <= kMemoryShown;
  };
  if (!knows_all(manual) || !knows_all(said)) return;
  const auto value_of = [&](const Observation& o, u64 address) {
    for (unsigned i = 0; i < o.record[kMemoryCount]; ++i)
      if (o.record[kMemoryAddress + i] == address) return o.record[kMemoryValue + i];
    return before.qword(address);
  };
  std::vector<u64> addresses;
  for (const Observation* o : {&manual, &said})
    for (unsigned i = 0; i < o->record[kMemoryCount]; ++i) addresses.push_back(o->record[kMemoryAddress + i]);
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  for (const u64 a : addresses) {
    if (a >= kPml5 && a < kCode) continue;  // page tables, which the program has not
    if (const u64 x = value_of(manual, a), y = value_of(said, a); x != y)
      add_check(t, fmt::format("memory {:#x}", a), MEMORY, a, x, y);
  }
}

void add_checks(const Case& c, const Image& before, const Observation& manual, const Observation& said, Tables& t) {
  const u64 expected = outcome_number(manual), seen = outcome_number(said);
  add_check(t, "outcome", OUTCOME, 0, expected, seen);
  if (expected != seen) return;
  add_state_checks(c, manual, said, expected != OUTCOME_DONE, t);
  add_memory_checks(before, manual, said, t);
}

std::string unshowable(const Observation& manual, const Observation& said) {
  for (const Observation* o : {&manual, &said}) {
    if (o->status != Status::Ran) return "not both of them ran";
    const OutcomeKind kind = kind_of(o->outcome);
    if (kind == OutcomeKind::PortAccess) return "it concerns ports, which are hooks";
    if (kind != OutcomeKind::Done && kind != OutcomeKind::Halt && kind != OutcomeKind::Exception)
      return "its outcome is " + outcome_text(o->outcome);
    if (o->outcome == make_outcome(OutcomeKind::Exception, kPF))
      return "it concerns paging, which no register turns on";
  }
  return {};
}

// ---- running

program program_in(const Case& c, const Tables& t) {
  constexpr uc_mode kModeOf[] = {UC_MODE_16, UC_MODE_16, UC_MODE_32, UC_MODE_32, UC_MODE_64, UC_MODE_64};
  program p{};
  p.mode = kModeOf[c.v[ModeOf]];
  p.start = (c.v[ModeOf] == kLong64 ? 0 : c.v[CsBase]) + c.v[Rip];
  if (c.v[ModeOf] != kLong64) p.start &= 0xffffffff;
  p.instructions = static_cast<std::size_t>(1 + c.v[ExtraSteps]);
  p.memory = t.memory.data();
  p.memory_rows = t.memory.size();
  p.registers = t.registers.data();
  p.register_rows = t.registers.size();
  p.checks = t.checks.data();
  p.check_rows = t.checks.size();
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

std::string first_surprise(const Tables& t, const std::vector<u64>& seen) {
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i] != t.checks[i].unicorn)
      return fmt::format("set up through registers, {} is {:#x}, not {:#x}", t.names[i], seen[i], t.checks[i].unicorn);
  return {};
}

// ---- text

std::string rows_text(const Case& c, const Tables& t) {
  std::string out = "static const struct memory_row memory[] = {\n";
  for (const memory_row& m : t.memory)
    out += fmt::format("    {{{:#x}, {:#018x}, {:#x}, {}}},\n", m.address, m.value, m.step, m.count);
  out += "};\n\nstatic const struct register_row registers[] = {\n";
  for (const register_row& r : t.registers)
    out += fmt::format("    {{{}, {:#x}, {:#x}, {:#x}}},\n", api_name(r.id), r.number, r.low, r.high);
  out += "};\n\n/* name, register, number, what the manual says, what Unicorn 2.0.1 says */\n";
  out += "static const struct check_row checks[] = {\n";
  for (std::size_t i = 0; i < t.checks.size(); ++i) {
    const check_row& k = t.checks[i];
    const std::string id = k.id == OUTCOME ? "OUTCOME" : k.id == MEMORY ? "MEMORY" : api_name(k.id);
    const auto value = [&](u64 v) {
      return k.id == OUTCOME && v == OUTCOME_DONE ? std::string("OUTCOME_DONE") : fmt::format("{:#x}", v);
    };
    out += fmt::format("    {{\"{}\", {}, {:#x}, {}, {}}},\n", t.names[i], id, k.number, value(k.manual),
                       value(k.unicorn));
  }
  constexpr const char* kModes[] = {"UC_MODE_16", "UC_MODE_16", "UC_MODE_32", "UC_MODE_32", "UC_MODE_64", "UC_MODE_64"};
  const program p = program_in(c, t);
  return out + fmt::format(
                   "}};\n\nstatic const struct program program = {{{}, {:#x}, {},\n    memory, {}, registers, {}, "
                   "checks, {}}};\n",
                   kModes[c.v[ModeOf]], p.start, p.instructions, t.memory.size(), t.registers.size(), t.checks.size());
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
    "#include <inttypes.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <unicorn/unicorn.h>\n\n";

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

}  // namespace

Result<std::string> program_of(const ProgramRequest& r) {
  const Case& c = *r.c;
  if (const std::string why = unshowable(*r.manual, *r.said); !why.empty()) return impossible(why);
  const Segments segments = segments_of(c, r.tables);
  if (const std::string why = unloadable(c, segments); !why.empty()) return impossible(why);
  const Image before = memory_of(c, segments);
  Tables t;
  t.memory = memory_rows(before);
  add_registers(c, segments, t);
  add_checks(c, before, *r.manual, *r.said, t);
  if (std::ranges::all_of(t.checks, [](const check_row& k) { return k.manual == k.unicorn; }))
    return impossible("no register and no memory has the difference");
  const auto seen = run_in_child(program_in(c, t));
  if (!seen) return impossible("the library does not take the state, or dies of it");
  if (const std::string why = first_surprise(t, *seen); !why.empty()) return impossible(why);
  return comment(r.head) + kIncludes + std::string(program_body()) + "\n" + rows_text(c, t) + kMain;
}

}  // namespace diffvisor::unicorn
