// SPDX-License-Identifier: Apache-2.0
#include "models/x86/arch_model.h"

#include <algorithm>

#include "harness/arch/insn/record.h"
#include "harness/base/check.h"
#include "models/x86/decoder/form.h"
#include "models/x86/decoder/last_step.h"
#include "models/x86/emulator/step.h"
#include "models/x86/events/delivery.h"

namespace diffvisor::x86 {
namespace {

using insn::OutcomeKind;

constexpr const char* kVersion = "SDM 092";
constexpr const char* kKvmVersion = "Linux 6.1";

constexpr unsigned record_slot(unsigned slot) { return slot - insn::kFirstState; }

constexpr SlotSet state_slots() {
  SlotSet s;
  s.set_range(0, insn::kStateWords);
  return s;
}

void fill_state(const Machine& m, Observation& o) {
  static constexpr SlotSet kState = state_slots();
  std::copy_n(m.v.begin() + insn::kFirstState, insn::kStateWords, o.record.begin());
  o.defined = kState;
  insn::hide_unseen(o.record.data());
}

void fill_exception(const Machine& m, const Fault& f, Observation& o) {
  o.record[record_slot(insn::Rflags)] &= ~(u64{1} << insn::rflags::RF);
  // Real mode has no error codes.
  if (insn::has_error_code(f.vector) && m.cr0(insn::cr0::PE)) set(o, insn::kErrorCode, f.error_code);
  if (f.vector == insn::kPF || f.vector == insn::kDB) set(o, insn::kPayload, f.payload);
}

void fill_memory(Memory& memory, Observation& o) {
  const auto changes = memory.changes();
  set(o, insn::kMemoryCount, changes.size());
  set(o, insn::kMemoryDigest, insn::memory_digest(changes.data(), changes.size()));
  for (unsigned n = 0; n < insn::kMemoryShown; ++n) {
    const bool shown = n < changes.size();
    set(o, insn::kMemoryAddress + n, shown ? changes[n].address : ~u64{0});
    set(o, insn::kMemoryValue + n, shown ? changes[n].value : ~u64{0});
  }
}

void fill_loose(const Machine& m, const Carried& carried, Observation& o) {
  unsigned n = 0;
  if (carried.flags != 0) o.loose[n++] = {record_slot(insn::Rflags), carried.flags};
  if (m.undefined_register.bits != 0)
    o.loose[n++] = {static_cast<std::uint8_t>(record_slot(m.undefined_register.slot)), m.undefined_register.bits};
  if (!m.upper_halves_open) return;
  n = 1;  // with these no register is undefined
  for (const unsigned slot : {insn::Rcx, insn::Rsi, insn::Rdi})
    o.loose[n++] = {static_cast<std::uint8_t>(record_slot(slot)), ~u64{0} << 32};
}

insn::Outcome outcome_of(const Machine& m) {
  if (m.has_ended) return m.ended;
  return m.fault.raised ? insn::make_outcome(OutcomeKind::Exception, m.fault.vector)
                        : insn::make_outcome(OutcomeKind::Done);
}

void fill(const Machine& m, unsigned steps, const Carried& carried, Observation& o) {
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome_of(m);
  o.form = form_index(m.form);
  fill_state(m, o);
  if (m.fault.raised) fill_exception(m, m.fault, o);
  o.record[insn::kCause] = static_cast<u64>(m.fault.raised ? m.fault.cause : m.delivered);  // explains; not compared
  o.record[insn::kDecoded] = m.decoded;
  o.record[insn::kLastStep] =
      pack(LastStep{m.last_opcode, m.row, m.last_reg, m.repeated, m.delivered_vector, m.second_vector});
  if (insn::kind_of(o.outcome) == OutcomeKind::PortAccess) {
    set(o, insn::kPort, m.port);
    set(o, insn::kPortValue, m.port_value);
  }
  set(o, insn::kSteps, steps);
  fill_memory(*m.memory, o);
  fill_loose(m, carried, o);
}

// A fault that is delivered makes the step a completed one. It pushes the flags, undefined ones too; what the 80286
// pushes for a division its recordings tell apart by themselves.
void deliver_if_wanted(Machine& m, const Carried& carried) {
  if (!m.fault.raised || m.limit != nullptr || m.v[insn::Deliver] == 0) return;
  const bool looks = m.v[insn::CapGeneration] != insn::k80286 && !m.quirk(Quirk::BochsGoesOn);
  if (carried.flags != 0 && looks) {
    m.limit = "undefined_flags_used";
    return;
  }
  if (m.undefined_register.bits != 0 && m.undefined_register.slot == insn::Rsp && looks) {
    m.limit = "undefined_register_used";
    return;
  }
  const Fault f = m.fault;
  m.fault = {};
  m.delivered = f.cause;
  m.delivered_vector = f.vector;
  deliver_fault(m, f);
}

// Steps until one ends otherwise than Done, or they are used up.
unsigned run(Machine& m, Carried& carried) {
  const bool one_iteration = m.v[insn::RepOne] != 0;
  const u64 steps = m.v[insn::ExtraSteps] + 1;
  unsigned done = 0;
  while (done < steps) {
    const bool goes_on = m.quirk(Quirk::BochsGoesOn);
    if ((m.undefined_register.bits != 0 || m.upper_halves_open) && !goes_on) m.cannot_judge("undefined_register_used");
    if (!m.ok()) break;
    m.delivered_vector = m.second_vector = kNoVector;
    step(m, one_iteration);
    if (!carry_undefined(m, carried) && !goes_on) {
      m.limit = "undefined_flags_used";
      break;
    }
    deliver_if_wanted(m, carried);
    if (!m.ok()) break;
    ++done;
  }
  return done;
}

}  // namespace

struct X86Model::State {
  Machine fresh, m;
  Memory memory;
};

X86Model::X86Model(Personality personality, const Quirks& quirks)
    : info_{personality.kvm ? "x86.kvm" : "x86.arch", personality.kvm ? kKvmVersion : kVersion,
            personality.kvm ? Trust::Transcription : Trust::Reference},
      personality_(personality),
      quirks_(quirks),
      state_(std::make_unique<State>()) {
  if (personality.kvm)
    for (std::size_t q = 0; q < kQuirks; ++q)
      if (quirk_row(static_cast<Quirk>(q)).tag == "K") quirks_.set(static_cast<Quirk>(q));
  state_->fresh.personality = &personality_;
  state_->fresh.quirks = quirks_;
  state_->fresh.memory = &state_->memory;
}

X86Model::~X86Model() = default;

void X86Model::use_ram(std::vector<std::uint8_t> ram) { state_->memory = Memory(std::move(ram)); }

void X86Model::set_quirks(const Quirks& quirks) { state_->fresh.quirks = quirks_ = quirks; }

void X86Model::observe(const std::uint64_t* v, std::span<const std::byte> code, Observation& o) {
  Machine& m = state_->m;
  m = state_->fresh;
  std::copy_n(v, insn::kSlots, m.v.begin());
  m.code_start = m.code64() ? m.v[insn::Rip] : (m.v[insn::CsBase] + m.v[insn::Rip]) & 0xffffffff;
  m.code_bytes = code.size();
  state_->memory.load(v, code);
  Carried carried;
  const unsigned steps = run(m, carried);
  o = Observation{};
  if (m.has_ended && insn::kind_of(m.ended) == OutcomeKind::Unhandleable) m.limit = "unhandleable";
  if (m.limit != nullptr) {
    o.reason = m.limit;
  } else {
    fill(m, steps, carried, o);
  }
  state_->memory.reset();
}

void X86Model::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size());
  for (std::size_t n = 0; n < cases.size(); ++n) {
    if (out[n].reason != "not_run") continue;
    const auto& areas = cases[n].areas;
    const auto code = areas.empty() ? std::span<const std::byte>() : std::span<const std::byte>(areas[insn::kCodeArea]);
    observe(cases[n].v.data(), code, out[n]);
  }
}

}  // namespace diffvisor::x86
