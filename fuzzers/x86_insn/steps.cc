// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/steps.h"

#include "harness/arch/insn/schema.h"

namespace diffvisor::x86_insn {
namespace {

struct Piece {
  std::size_t at, length;
};

// As many as the case steps through; what does not decode ends it.
std::vector<Piece> instructions(const Case& c) {
  const x86::DecodeMode mode = decode_mode(c);
  const auto& code = c.areas[insn::kCodeArea];
  std::vector<Piece> out;
  for (std::size_t at = 0; at < code.size() && out.size() <= c[insn::ExtraSteps];) {
    x86::Instruction i;
    const std::span rest(reinterpret_cast<const std::uint8_t*>(code.data()) + at, code.size() - at);
    if (x86::decode(mode, rest, i) != x86::DecodeStatus::Ok) break;
    out.push_back({at, i.length});
    at += i.length;
  }
  return out;
}

}  // namespace

x86::DecodeMode decode_mode(const Case& c) {
  x86::DecodeMode mode;
  const auto* v = c.v.data();
  mode.width = v[insn::ModeOf] == insn::kLong64                                                     ? 8
               : v[insn::ModeOf] == insn::kProtected32 || v[insn::ModeOf] == insn::kCompatibility32 ? 4
                                                                                                    : 2;
  mode.vex = insn::is_protected(v[insn::ModeOf]);
  mode.amd = v[insn::CapVendor] == insn::kAmd;
  mode.i286 = v[insn::CapGeneration] == insn::k80286;
  return mode;
}

bool decode_first(const Case& c, x86::Instruction& out) {
  const auto& code = c.areas[insn::kCodeArea];
  return x86::decode(decode_mode(c), {reinterpret_cast<const std::uint8_t*>(code.data()), code.size()}, out) ==
         x86::DecodeStatus::Ok;
}

std::vector<Case> without_a_step(const Case& c) {
  std::vector<Case> out;
  if (c[insn::ExtraSteps] == 0) return out;
  const std::vector<Piece> all = instructions(c);
  for (auto p = all.rbegin(); p != all.rend(); ++p) {
    Case& shorter = out.emplace_back(c);
    --shorter[insn::ExtraSteps];
    auto& code = shorter.areas[insn::kCodeArea];
    const auto first = code.begin() + static_cast<std::ptrdiff_t>(p->at);
    code.erase(first, first + static_cast<std::ptrdiff_t>(p->length));
  }
  return out;
}

}  // namespace diffvisor::x86_insn
