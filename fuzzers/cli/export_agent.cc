// SPDX-License-Identifier: Apache-2.0
// A case as an assembly file that makes a ROM of the agent and itself: the emulator alone shows what it does with it.
#include <algorithm>
#include <cstring>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fuzzers/cli/export_forms.h"
#include "harness/arch/agent/rom_case.h"
#include "harness/case/diff.h"
#include "oracles/agent/insn_step_codec.h"
#include "oracles/agent/svm_entry_codec.h"
#include "oracles/agent/vmx_entry_codec.h"
#include "oracles/bochs/bochs_machine.h"

namespace diffvisor::cli {
namespace {

using agent::DomainCodec;
using agent::ResultWord;
using Words = std::vector<std::uint64_t>;

const DomainCodec* codec_of(std::string_view domain) {
  if (domain == "vmx_entry") return &agent::vmx_entry_codec();
  if (domain == "svm_entry") return &agent::svm_entry_codec();
  return domain == "x86_insn" ? &agent::insn_step_codec() : nullptr;
}

tl::unexpected<Error> impossible(const Exported& x, std::string why) {
  return fail(ErrorCode::Usage, x.name, "cannot be a case for the agent: " + why);
}

// ---- what is expected

struct Check {
  std::string name;
  std::uint64_t offset, mask, manual, recorded;
};

// The words that both say something of.
std::vector<Check> checks_of(const Domain& d, const DomainCodec& codec, const Observation& manual,
                             const Observation& recorded) {
  std::vector<Check> out;
  const auto theirs = codec.words(recorded);
  for (const ResultWord& m : codec.words(manual)) {
    const auto r = std::ranges::find(theirs, m.offset, &ResultWord::offset);
    if (r == theirs.end()) continue;
    const std::uint64_t mask = m.mask & r->mask;
    const bool head = m.slot < 0;
    if (!head && d.behaviour != nullptr && ((m.value ^ r->value) & mask) == 0) continue;
    const std::string name =
        head ? "outcome" : std::string(d.observation->fields[static_cast<std::size_t>(m.slot)].name);
    out.push_back({name, m.offset, mask, m.value & mask, r->value & mask});
  }
  return out;
}

// ---- the case as words

Words encoded(const DomainCodec& codec, const Case& c) {
  Words w(codec.case_bytes / 8);
  codec.encode(c, reinterpret_cast<std::byte*>(w.data()));
  return w;
}

// What each word stands for in which the case is not golden.
std::map<std::size_t, std::string> remarks_of(const DomainCodec& codec, const Case& c, const Words& golden) {
  std::map<std::size_t, std::string> out;
  Case base = golden_case(*c.schema, c.profile);
  for (const FieldDifference& d : difference(base, c).fields) {
    Case one = base;
    one.v[d.field->slot + d.index] = d.after;
    const Words w = encoded(codec, one);
    for (std::size_t i = 0; i < w.size(); ++i)
      if (w[i] != golden[i]) out[i] += (out[i].empty() ? "" : ", ") + field_difference_text(d);
  }
  return out;
}

std::string words_text(const Words& words, const std::map<std::size_t, std::string>& remarks) {
  std::string out;
  for (std::size_t i = 0; i < words.size();) {
    if (const auto r = remarks.find(i); r != remarks.end()) {
      out += fmt::format("    .quad {:#x}    # {}\n", words[i++], r->second);
      continue;
    }
    std::vector<std::string> line;
    while (i < words.size() && line.size() < 6 && !remarks.contains(i))
      line.push_back(fmt::format("{:#x}", words[i++]));
    out += fmt::format("    .quad {}\n", fmt::join(line, ", "));
  }
  return out;
}

// ---- the file

std::string commented(const std::string& text, std::string_view prefix) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += fmt::format("#{}{}\n", prefix, text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string checks_text(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& c : checks)
    out += fmt::format("0:  .asciz \"{}\"\n    .org 0b + 32\n    .quad {:#x}, {:#x}, {:#x}, {:#x}\n",
                       c.name.substr(0, 31), c.offset, c.mask, c.manual, c.recorded);
  return out;
}

std::string file_text(const std::string& head, const DomainCodec& codec, const Case& c,
                      const std::vector<Check>& checks) {
  const Words golden = encoded(codec, golden_case(*c.schema, c.profile)), words = encoded(codec, c);
  // Nothing may lie where the reset stub begins; .org refuses that.
  return head +
         fmt::format(
             "    .text\n    .incbin \"agent.rom\", 0, {0:#x}\n    .quad {1:#x}\n    .long {2}, {3}\n    .quad {4}\n"
             "# name, offset and mask of a word of the result, what the manual says, what was recorded\n{5}"
             "# the golden case, which enters\n{6}# this case\n{7}"
             "    .org {8:#x}\n    .incbin \"agent.rom\", {8:#x}\n",
             agent::kRomCaseOffset, agent::kRomCaseMagic, static_cast<std::uint32_t>(codec.command),
             2 * codec.case_bytes, checks.size(), checks_text(checks), words_text(golden, {}),
             words_text(words, remarks_of(codec, c, golden)), agent::kRomCaseEnd);
}

std::string head_of(const Exported& x, const Domain& d, const ExecutorInfo& who, const Observation& manual,
                    const Observation& recorded) {
  std::string text = fmt::format("{}\n\nthe manual says {}\n{} {} says {}\n\n{} {}, {}\n", x.story,
                                 observation_text(d, manual), who.name, who.version, observation_text(d, recorded),
                                 d.name, d.schema->profiles[x.c.profile].name, golden_difference_text(x.c));
  if (d.behaviour != nullptr) text += d.behaviour->describe(x.c);
  text +=
      "\nscripts/boot_case FILE     does all of this; AGENT is where agent.rom lies:\n"
      "as -I AGENT -o case.o FILE && objcopy -O binary case.o case.rom\n"
      "sed -n 's/^#bochsrc //p' FILE >bochsrc && printf 'c\\nq\\n' >debugger.rc\n"
      "TERM=dumb bochs-bin -q -f bochsrc -rc debugger.rc </dev/null | grep '^case: '\n";
  const std::string model(bochs::model_of_profile(d.schema->profiles[x.c.profile].name));
  if (recorded.status == Status::Died) text += "\nexpects death\n";
  return commented(text, " ") + "#\n" + commented(bochs::configuration(model, "case.rom"), "bochsrc ") + "\n";
}

// What is known to kill it is not run here.
Result<Observation> run_on_bochs(const Session& s, const Case& c) {
  const auto why = s.judge->refusal(c, s.judge->read(c), 1);
  if (why == "known_death") return died(why);
  return why.empty() ? run_one(*s.executors[1], c) : incomparable(why);
}

}  // namespace

Result<std::string> agent_source(const Exported& x, const Flags& flags) {
  const DomainCodec* codec = codec_of(x.c.schema->domain);
  if (codec == nullptr) return impossible(x, "the agent does not run its domain");
  Flags f = flags;
  f.profile = std::string(x.c.schema->profiles[x.c.profile].name);
  if (bochs::model_of_profile(f.profile).empty()) return impossible(x, "no machine is of its profile");
  const DomainEntry& entry = *find_domain(x.c.schema->domain);
  f.executors = {std::string(entry.domain->reference), "bochs"};
  auto session = open_session(x.c.schema->domain, f);
  if (!session) return tl::unexpected(session.error());
  const auto manual = run_one(*session->executors[0], x.c), recorded = run_on_bochs(*session, x.c);
  if (!manual) return tl::unexpected(manual.error());
  if (!recorded) return tl::unexpected(recorded.error());
  const bool dies = recorded->status == Status::Died;
  const auto checks = checks_of(*entry.domain, *codec, *manual, dies ? *manual : *recorded);
  if (!dies && std::ranges::all_of(checks, [](const Check& c) { return c.manual == c.recorded; }))
    return impossible(x, "Bochs says what the manual says, or what differs is no word of the result");
  return file_text(head_of(x, *entry.domain, session->executors[1]->info(), *manual, *recorded), *codec, x.c, checks);
}

}  // namespace diffvisor::cli
