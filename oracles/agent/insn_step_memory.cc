// SPDX-License-Identifier: Apache-2.0
// The guest-physical memory of an InsnStep case: 64 pages behind EPT, whose dirty bits (SDM 3C 30.3.5) say which pages
// to look through for changes. A walk of guest tables counts as a write of them.
#include "harness/arch/insn/memory_map.h"
#include "harness/base/rng.h"
#include "oracles/agent/insn_step.h"
#include "oracles/agent/insn_step_vectors.h"

namespace diffvisor::agent::step {
namespace {

using namespace insn;

constexpr u64 kPages = insn::kRamEnd / insn::kPage;
constexpr u64 kTable = 0x107;  // read, write, execute, accessed
constexpr u64 kLeaf = 0x137;   // the same, write-back
constexpr u64 kDirty = u64{1} << 9;
constexpr u64 kEptPt = kStepEpt + 3 * insn::kPage;

constexpr u64 leaf(u64 page) { return (kStepRam + page * insn::kPage) | kLeaf; }

u64& qword(u64 address) { return *at<u64>(kStepRam + address); }
u64 background(u64 address) { return *at<u64>(kStepBackground + address); }

// Qwords that the case itself changed before it ran.
struct {
  unsigned count;
  MemoryChange at[kPatches + kMostCode / 8 + 1];
} written;

bool is_written(u64 address) {
  for (unsigned i = 0; i < written.count; ++i)
    if (written.at[i].address == address) return true;
  return false;
}

void note_written(u64 address) {
  if (!is_written(address)) written.at[written.count++].address = address;
}

void write_patches(const WireCase& c) {
  static_assert(kPatches == 12 && kLine == 64);
  u32 used = qwords_in_use(&c.v[PatchAddress]) | (qwords_in_use(&c.v[PatchAddress + 8]) & 0xf) << 8;
  for (; used != 0; used &= used - 1) {
    const unsigned i = static_cast<unsigned>(__builtin_ctz(used));
    const u64 address = c.v[PatchAddress + i];
    qword(address) = c.v[PatchValue + i];
    note_written(address);
  }
}

template <class Word>
void copy_words(u8* to, const u8* from, u64& at, u64 count) {
  for (; at + sizeof(Word) <= count; at += sizeof(Word)) __builtin_memcpy(to + at, from + at, sizeof(Word));
}

// Each store to a page with code costs Bochs what it has decoded there.
void copy_short(u8* to, const u8* from, u64 count) {
  u64 at = 0;
  copy_words<u64>(to, from, at, count);
  copy_words<u32>(to, from, at, count);
  copy_words<u8>(to, from, at, count);
}

void write_code(const WireCase& c) {
  const u64 from = c.v[CodeAddress];
  copy_short(ram(from), c.code, c.code_bytes);
  for (u64 a = from & ~u64{7}; a < from + c.code_bytes; a += 8) note_written(a);
}

// ---- changes, in ascending order of address

class Changes {
 public:
  explicit Changes(WireResult& r) : r_(r) {
    static_assert(kMemoryValue == kMemoryAddress + kMemoryShown && 2 * kMemoryShown * sizeof(u64) == kLine);
    fill_line(&r.record[kMemoryAddress]);
  }
  void add(u64 address, u64 value) {
    if (count_ < kMemoryShown) {
      r_.record[kMemoryAddress + count_] = address;
      r_.record[kMemoryValue + count_] = value;
    }
    ++count_;
    digest_ = mix64(mix64(digest_ ^ address) + value);
  }
  void finish() {
    r_.record[kMemoryCount] = count_;
    r_.record[kMemoryDigest] = digest_;
  }

 private:
  WireResult& r_;
  u64 count_ = 0, digest_ = 0;
};

// Those among the written qwords that the guest changed, sorted. All of them become background again.
unsigned take_back_written(MemoryChange* changed) {
  unsigned n = 0;
  for (unsigned i = 0; i < written.count; ++i) {
    const MemoryChange& w = written.at[i];
    const u64 now = qword(w.address);
    qword(w.address) = background(w.address);
    if (now == w.value) continue;
    unsigned k = n++;
    for (; k > 0 && changed[k - 1].address > w.address; --k) changed[k] = changed[k - 1];
    changed[k] = {w.address, now};
  }
  return n;
}

struct Merge {
  Changes changes;
  const MemoryChange* next;
  const MemoryChange* end;
  void add(u64 address, u64 value) {
    flush_below(address);
    changes.add(address, value);
  }
  void flush_below(u64 address) {
    for (; next != end && next->address < address; ++next) changes.add(next->address, next->value);
  }
};

void collect_line(u64 line, Merge& merge) {
  for (u32 left = differing_qwords(ram(line), at<u64>(kStepBackground + line)); left != 0; left &= left - 1) {
    const u64 q = line + 8 * static_cast<u64>(__builtin_ctz(left));
    merge.add(q, qword(q));
    qword(q) = background(q);
  }
}

// Of the background.
u64 sparse_pages;  // 0 but in kSparseLines
constexpr unsigned kBlockLines = 16;
u8 empty_blocks[kPages];  // bit i: block i of the page is 0

void survey_background() {
  for (u64 page = 0; page < kPages; ++page) {
    u64 used = 0;
    for (u64 offset = 0; offset < insn::kPage; offset += 8)
      if (background(page * insn::kPage + offset) != 0) used |= u64{1} << offset / kLine;
    if (used != 0 && (used & ~kSparseLines) == 0) sparse_pages |= u64{1} << page;
    for (unsigned block = 0; block < 4; ++block)
      if ((used >> kBlockLines * block & 0xffff) == 0) empty_blocks[page] |= static_cast<u8>(1u << block);
  }
}

void collect_page(u64 page, Merge& merge) {
  u64 line = page * insn::kPage;
  if ((sparse_pages >> page & 1) != 0 && !sparse_pages_differ(kStepRam + line, kStepBackground + line)) return;
  for (unsigned blocks = 0x10u | empty_blocks[page]; blocks != 1; blocks >>= 1) {
    const u64 end = line + kBlockLines * kLine;
    const bool differs =
        (blocks & 1) != 0 ? lines_in_use(kStepRam + line) : lines_differ(kStepRam + line, kStepBackground + line);
    for (; differs && line != end; line += kLine) collect_line(line, merge);
    line = end;
  }
}

}  // namespace

void build_memory() {
  memset(at<void>(kStepRam), 0, insn::kRamEnd);
  write_background(at<u8>(kStepRam));
  memcpy(at<void>(kStepBackground), at<void>(kStepRam), insn::kRamEnd);
  survey_background();
  memset(at<void>(kStepEpt), 0, 4 * insn::kPage);
  for (u64 level = 0; level < 3; ++level)
    *at<u64>(kStepEpt + level * insn::kPage) = (kStepEpt + (level + 1) * insn::kPage) | kTable;
  for (u64 i = 0; i < kPages; ++i) at<u64>(kEptPt)[i] = leaf(i);
}

void write_memory(const WireCase& c) {
  written.count = 0;
  write_patches(c);
  write_code(c);
  for (unsigned i = 0; i < written.count; ++i) written.at[i].value = qword(written.at[i].address);
}

void collect_changes(WireResult& r) {
  MemoryChange changed[kPatches + kMostCode / 8 + 1];
  const unsigned n = take_back_written(changed);
  Merge merge{Changes(r), changed, changed + n};
  static_assert(kPages == 64);
  for (u64 dirty = qwords_with(kEptPt, kDirty); dirty != 0; dirty &= dirty - 1) {
    const u64 page = static_cast<u64>(__builtin_ctzll(dirty));
    at<u64>(kEptPt)[page] = leaf(page);
    collect_page(page, merge);
  }
  merge.flush_below(~u64{0});
  merge.changes.finish();
}

}  // namespace diffvisor::agent::step
