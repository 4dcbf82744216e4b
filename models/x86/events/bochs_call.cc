// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/bochs_call.h"

#include <utility>

#include "models/x86/events/delivery.h"
#include "models/x86/paging/walk.h"

namespace diffvisor::x86 {
namespace {

u64 width_mask(bool big) { return big ? 0xffffffff : 0xffff; }
bool big_stack(const Machine& m) { return (m.v[insn::SsAttr] >> insn::attr::DB & 1) != 0; }

void write_as(Machine& m, unsigned level, u64 linear, unsigned bytes, u64 value) {
  if (level == 3) check_alignment(m, linear, bytes, Access::Write);
  write_linear(m, linear, bytes, value, level == 3 ? Rights::Current : Rights::Implicit);
}

// Through linear addresses if the target is 64-bit code, else by the limit of SS and without a 16-bit wrap, at the
// privilege level of the target.
void push_at(Machine& m, const Descriptor& d, u64& top, unsigned bytes, u64 value) {
  if (!m.ok()) return;
  const bool wide = m.long_mode() && d.wide();
  top = wide ? top - bytes : (top - bytes) & 0xffffffff;
  const bool fits =
      wide ? m.is_canonical(top) && m.is_canonical(top + bytes - 1)
           : (m.v[insn::SsAttr] >> insn::attr::UNUSABLE & 1) == 0 && limit_allows(m, insn::kSs, top, bytes);
  if (!fits) return m.raise(insn::kSS_, 0, Cause::SegmentLimit);
  write_as(m, d.dpl(), wide ? top : (m.v[insn::SsBase] + top) & 0xffffffff, bytes, value);
}

// SS and its cache, exchanged with those of the other stack.
struct Stack {
  std::array<u64, 4> words{};
  void exchange(Machine& m) {
    std::swap(words[0], m.v[insn::SsSelector]);
    std::swap(words[1], m.v[insn::SsBase]);
    std::swap(words[2], m.v[insn::SsLimit]);
    std::swap(words[3], m.v[insn::SsAttr]);
  }
};

// The stack of an inner level as it grows while the outer one is still the current one.
class InnerPushes {
 public:
  InnerPushes(Machine& m, const InnerStack& s, unsigned size)
      : m_(m), mask_(width_mask(s.d.big())), size_(size), error_(selector_error(s.selector)), top_(s.pointer & mask_) {
    inner_.words = {s.selector, s.d.base(), s.d.limit(), s.d.attributes()};
  }
  void push(u64 value) {
    if (!m_.ok()) return;
    inner_.exchange(m_);
    top_ = (top_ - size_) & mask_;
    const u64 linear = m_.linear(insn::kSs, top_, size_, Access::Write);
    if (m_.fault.raised) m_.fault.error_code = error_ | m_.external;
    write_linear(m_, linear, size_, value, Rights::Implicit);
    inner_.exchange(m_);
  }
  u64 top() const { return top_; }

 private:
  Machine& m_;
  Stack inner_;
  u64 mask_;
  unsigned size_;
  u32 error_;
  u64 top_;
};

}  // namespace

void bochs_call_code(Machine& m, const Far& f, const Descriptor& d) {
  const bool wide = m.long_mode() && d.wide();
  u64 top = wide ? m.v[insn::Rsp] : m.v[insn::Rsp] & width_mask(big_stack(m));
  push_at(m, d, top, f.bytes, m.v[insn::CsSelector]);
  push_at(m, d, top, f.bytes, m.next_rip);
  if (m.ok() && !offset_fits(m, d, f.offset)) m.general_protection(Cause::BranchTarget);
  if (!m.ok()) return;
  const u64 mask = wide ? ~u64{0} : width_mask(big_stack(m));
  m.v[insn::Rsp] = (mask == 0xffff ? m.v[insn::Rsp] & ~mask : 0) | (top & mask);
}

void bochs_call_inward(Machine& m, const Descriptor& gate, const Descriptor& d) {
  const unsigned size = gate.type() == kCallGate32 ? 4 : 2;
  const u64 old_sp = m.v[insn::Rsp] & width_mask(big_stack(m));
  InnerStack s = inner_stack(m, d.dpl());
  if (!m.ok()) return;
  InnerPushes stack(m, s, size);
  stack.push(m.v[insn::SsSelector]);
  stack.push(old_sp);
  // A parameter is read when its turn has come: the stacks may overlap.
  for (u64 n = gate.low >> 32 & 0x1f; n-- > 0 && m.ok();)
    stack.push(m.read(insn::kSs, (old_sp + n * size) & 0xffffffff, size));
  stack.push(m.v[insn::CsSelector]);
  stack.push(m.next_rip & width_mask((m.v[insn::CsAttr] >> insn::attr::DB & 1) != 0));
  if (m.ok() && gate.gate_offset() > d.limit()) m.general_protection(Cause::BranchTarget);
  mark_accessed(m, s.selector, s.d);
  s.pointer = stack.top();
  set_inner_stack(m, s);
}

}  // namespace diffvisor::x86
