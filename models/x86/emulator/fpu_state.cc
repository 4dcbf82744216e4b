// SPDX-License-Identifier: Apache-2.0
// Control and whole state of x87 and SSE: SDM 1 8.1, 10.5, 2A "FXSAVE", "FXRSTOR", 2B "LDMXCSR".
#include <array>
#include <cstring>

#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/vector_operands.h"
#include "models/x86/paging/walk.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kExceptions = 0x3f, kSummary = 0x8080;
constexpr unsigned kStArea = 32, kXmmArea = 160, kImage = 416, kOperand = 512;
using Image = std::array<u8, kImage>;

bool unavailable(Machine& m) {
  if (!m.cr0(insn::cr0::EM) && !m.cr0(insn::cr0::TS)) return false;
  m.raise(insn::kNM, Cause::DeviceNotAvailable);
  return true;
}

void set_control(Machine& m, u64 fcw) {
  m.v[insn::Fcw] = m.quirk(Quirk::UnicornFpu) ? fcw : (fcw & 0x1f3f) | 0x40;
  if (!m.quirk(Quirk::UnicornFpu)) m.v[insn::Fsw] = settled_status(m.v[insn::Fsw], m.v[insn::Fcw]);
}

// Of an image: ES and B follow from the rest, but Unicorn takes ES as it is.
void set_status(Machine& m, u64 fsw) {
  const bool summary = (fsw & 0x80) != 0;
  m.v[insn::Fsw] =
      m.quirk(Quirk::UnicornFpu) ? (fsw & 0x7fff) | u64{summary} << 15 : settled_status(fsw, m.v[insn::Fcw]);
}

u64 mxcsr_mask(const Machine& m) { return m.v[insn::CapVendor] == insn::kAmd ? 0x2ffff : 0xffff; }

void set_mxcsr(Machine& m, u64 value) {
  if ((value & ~mxcsr_mask(m)) != 0) return m.general_protection(Cause::ReservedBits);
  m.v[insn::Mxcsr] = value;
}

void put(Image& image, std::size_t at, u64 value, std::size_t bytes) { std::memcpy(image.data() + at, &value, bytes); }
u64 get(std::span<const u8> image, std::size_t at, std::size_t bytes) {
  u64 value = 0;
  std::memcpy(&value, image.data() + at, bytes);
  return value;
}

// XMM8 to XMM15 belong to the image in 64-bit mode alone.
unsigned xmm_registers(const Machine& m) { return m.code64() ? 16 : 8; }
std::size_t image_bytes(const Machine& m) { return kXmmArea + std::size_t{16} * xmm_registers(m); }

// ST(n) is physical register TOP + n.
unsigned physical(const Machine& m, unsigned n) { return static_cast<unsigned>((m.v[insn::Fsw] >> 11) + n) & 7; }

// Instruction and data pointers are 0 after the reset every case starts from.
void fill(Machine& m, Image& image) {
  image.fill(0);
  put(image, 0, m.v[insn::Fcw], 2);
  put(image, 2, m.v[insn::Fsw], 2);
  put(image, 4, m.v[insn::Ftw], 1);
  put(image, 24, m.v[insn::Mxcsr], 4);
  put(image, 28, mxcsr_mask(m), 4);
  for (unsigned n = 0; n < 8; ++n) {
    put(image, kStArea + 16 * n, m.v[insn::Mm + physical(m, n)], 8);
    put(image, kStArea + 16 * n + 8, m.st_exponent[physical(m, n)], 2);
  }
  for (unsigned n = 0; n < xmm_registers(m); ++n) {
    put(image, kXmmArea + 16 * n, get_xmm(m, n).low, 8);
    put(image, kXmmArea + 16 * n + 8, get_xmm(m, n).high, 8);
  }
}

void take(Machine& m, const Image& image) {
  set_mxcsr(m, get(image, 24, 4));
  set_control(m, get(image, 0, 2));
  set_status(m, get(image, 2, 2));
  m.v[insn::Ftw] = get(image, 4, 1);
  for (unsigned n = 0; n < 8; ++n) {
    m.v[insn::Mm + physical(m, n)] = get(image, kStArea + 16 * n, 8);
    m.st_exponent[physical(m, n)] = static_cast<u16>(get(image, kStArea + 16 * n + 8, 2));
  }
  for (unsigned n = 0; n < xmm_registers(m); ++n)
    set_xmm(m, n, {get(image, kXmmArea + 16 * n, 8), get(image, kXmmArea + 16 * n + 8, 8)});
  m.fpu_pointers_known &= get(image, 6, 2) == 0 && get(image, 8, 8) == 0 && get(image, 16, 8) == 0;
}

// Unicorn: field by field, MXCSR behind the x87 registers; what it does not keep stays as it is in memory.
void write_fields(Machine& m, const Instruction& i, std::span<const u8> image) {
  const u64 offset = effective_offset(m, i);
  m.require_alignment(i.segment, offset, 16);
  const auto put = [&](std::size_t at, unsigned bytes) {
    if (m.ok()) m.write(i.segment, offset + at, bytes, get(image, at, bytes));
  };
  for (const std::size_t at : {0u, 2u, 4u}) put(at, 2);
  for (const std::size_t at : {8u, 16u}) put(at, 8);
  for (std::size_t at = kStArea; at < kXmmArea; at += 16) put(at, 8), put(at + 8, 2);
  for (const std::size_t at : {24u, 28u}) put(at, 4);
  for (std::size_t at = kXmmArea; at < image.size(); at += 8) put(at, 8);
}

// Bochs: 16 bytes at a time, of an x87 register 8 and 2 where it reads.
void write_image(Machine& m, const Instruction& i, std::span<const u8> image) {
  if (m.quirk(Quirk::UnicornFxState)) return write_fields(m, i, image);
  if (!m.quirk(Quirk::BochsFxState)) return m.write_block(i.segment, effective_offset(m, i), image, 16);
  for (std::size_t at = 0; at < image.size() && m.ok(); at += 16)
    m.write_block(i.segment, effective_offset(m, i, at), image.subspan(at, 16), at == 0 ? 16 : 1);
}
void read_image(Machine& m, const Instruction& i, std::span<u8> image) {
  if (!m.quirk(Quirk::BochsFxState)) return m.read_block(i.segment, effective_offset(m, i), image, 16);
  for (std::size_t at = 0; at < image.size() && m.ok(); at += 16) {
    const bool is_st = at >= kStArea && at < kXmmArea;
    m.read_block(i.segment, effective_offset(m, i, at), image.subspan(at, is_st ? 10 : 16), at == 0 ? 16 : 1);
    if (at == 16 && (get(image, 24, 4) & ~mxcsr_mask(m)) != 0) m.general_protection(Cause::ReservedBits);
  }
}

// #AC or #GP for a misaligned image is the CPU's choice where #AC is on (SDM 2A "FXSAVE").
void check_image(Machine& m, const Instruction& i) {
  const bool alignment_on = m.cr0(insn::cr0::AM) && m.flag(insn::rflags::AC) && m.cpl() == 3;
  const u64 base = m.code64() && i.segment < insn::kFs ? 0 : m.v[insn::base_of(i.segment)];
  if (alignment_on && !m.kvm() && ((base + effective_offset(m, i)) & 15) != 0) m.cannot_judge("fxsave_alignment");
}

// Without CR4.OSFXSR the manual leaves SSE state and MXCSR to the CPU. KVM gives up on 64-bit images.
bool image_is_open(Machine& m) {
  if (m.kvm() && m.code64()) m.end(insn::OutcomeKind::Unhandleable);
  if (!m.cr4(insn::cr4::OSFXSR)) m.cannot_judge("fxsave_without_osfxsr");
  return !m.ok();
}

// CPUs touch all 512 bytes, others those that mean something.
void check_end_of_image(Machine& m, const Instruction& i, Access a) {
  if (m.quirk(Quirk::BochsFxState)) return;
  const auto used = static_cast<unsigned>(image_bytes(m));
  const u64 address = m.linear(i.segment, effective_offset(m, i), used, a);
  if (m.ok() && would_fault(m, address + used, kOperand - used, a)) m.cannot_judge("fxsave_end");
}

}  // namespace

u64 settled_status(u64 fsw, u64 fcw) { return (fsw & ~kSummary) | ((fsw & ~fcw & kExceptions) != 0 ? kSummary : 0); }

bool fpu_error_pending(Machine& m) {
  if ((m.v[insn::Fsw] & kSummary) == 0) return false;
  if (m.cr0(insn::cr0::NE)) {
    m.raise(insn::kMF, Cause::FpuError);
  } else {
    m.cannot_judge("external_fpu_error");
  }
  return true;
}

void fwait(Machine& m, const Instruction&) {
  if (m.cr0(insn::cr0::MP) && m.cr0(insn::cr0::TS)) return m.raise(insn::kNM, Cause::DeviceNotAvailable);
  fpu_error_pending(m);
}
void fldcw(Machine& m, const Instruction& i) {
  if (unavailable(m) || fpu_error_pending(m)) return;
  set_control(m, source(m, i, 2));
}
void fnstcw(Machine& m, const Instruction& i) {
  if (!unavailable(m)) store(m, i, Operand::E, 2, m.v[insn::Fcw]);
}
void fnstsw(Machine& m, const Instruction& i) {
  // The register is AX, whatever REX.B says.
  if (!unavailable(m)) store(m, i, i.is_memory() ? Operand::E : Operand::Acc, 2, m.v[insn::Fsw]);
}
void fnclex(Machine& m, const Instruction&) {
  if (!unavailable(m)) m.v[insn::Fsw] &= 0x7f00;
}
void fninit(Machine& m, const Instruction&) {
  if (unavailable(m)) return;
  m.v[insn::Fcw] = 0x37f;
  m.v[insn::Fsw] = m.v[insn::Ftw] = 0;
  m.fpu_pointers_known = true;
}

void fxsave(Machine& m, const Instruction& i) {
  if (unavailable(m) || image_is_open(m)) return;
  if (!m.fpu_pointers_known) return m.cannot_judge("fpu_pointers");
  check_image(m, i);
  Image image;
  fill(m, image);
  write_image(m, i, std::span<const u8>(image).first(image_bytes(m)));
  check_end_of_image(m, i, Access::Write);
}
void fxrstor(Machine& m, const Instruction& i) {
  if (unavailable(m) || image_is_open(m)) return;
  check_image(m, i);
  Image image{};
  read_image(m, i, std::span(image).first(image_bytes(m)));
  check_end_of_image(m, i, Access::Read);
  // CPUs may touch the end of the 512 bytes first.
  if (m.fault.raised && m.fault.vector == insn::kPF) {
    m.fault = {};
    m.cannot_judge("fxrstor_page_fault");
  }
  if (m.ok()) take(m, image);
}

void ldmxcsr(Machine& m, const Instruction& i) { set_mxcsr(m, m.read(i.segment, effective_offset(m, i), 4)); }
void stmxcsr(Machine& m, const Instruction& i) { m.write(i.segment, effective_offset(m, i), 4, m.v[insn::Mxcsr]); }

}  // namespace diffvisor::x86
