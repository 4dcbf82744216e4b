// SPDX-License-Identifier: Apache-2.0
// Runs a BatchPlan with AVX-512. Only functions marked DV_AVX512 may contain such instructions: the rest of the program
// runs on any machine.
#include <algorithm>
#include <bit>
#include <cstring>

#include "harness/base/check.h"
#include "harness/rules/batch_plan.h"
#include "harness/rules/leaf.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 means its own intrinsics (bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define DV_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#define DV_INLINE DV_AVX512 __attribute__((always_inline)) inline

namespace diffvisor::rules {
namespace {

using V = __m512i;
constexpr std::size_t kVectors = kBatch / 8;

// One slot of 64 states.
struct alignas(64) Column {
  V x[kVectors];
};

struct Batch {
  std::array<Column, kMaxSlots + 8> columns;
  std::array<std::uint64_t, kMostWords> words;
};

std::uint64_t lane(const Column& c, unsigned state) {
  std::uint64_t x;
  std::memcpy(&x, reinterpret_cast<const unsigned char*>(c.x) + 8 * state, 8);
  return x;
}

DV_INLINE V all_lanes(std::uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }

// Four slots of eight states from p[0] .. p[7], as four vectors.
DV_INLINE void transpose_4x8(const std::uint64_t* const* p, std::size_t slot, Column* out, std::size_t g) {
  const auto two = [&](std::size_t low, std::size_t high) DV_AVX512 __attribute__((always_inline)) {
    const __m256i l = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p[low] + slot));
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p[high] + slot));
    return _mm512_inserti64x4(_mm512_castsi256_si512(l), h, 1);
  };
  const V a = two(0, 2), b = two(1, 3), c = two(4, 6), d = two(5, 7);
  const V ab_even = _mm512_unpacklo_epi64(a, b), ab_odd = _mm512_unpackhi_epi64(a, b);
  const V cd_even = _mm512_unpacklo_epi64(c, d), cd_odd = _mm512_unpackhi_epi64(c, d);
  out[0].x[g] = _mm512_shuffle_i64x2(ab_even, cd_even, 0x88);
  out[1].x[g] = _mm512_shuffle_i64x2(ab_odd, cd_odd, 0x88);
  out[2].x[g] = _mm512_shuffle_i64x2(ab_even, cd_even, 0xdd);
  out[3].x[g] = _mm512_shuffle_i64x2(ab_odd, cd_odd, 0xdd);
}

DV_INLINE void load_block(const Block& block, const States& states, Batch& batch) {
  for (std::size_t g = 0; g < kVectors; ++g) {
    transpose_4x8(states.data() + 8 * g, block.first, &batch.columns[block.column], g);
    transpose_4x8(states.data() + 8 * g, block.first + 4u, &batch.columns[block.column + 4u], g);
  }
}

DV_INLINE __mmask8 canonical(V x, V width) {
  const V word = all_lanes(64);
  const __mmask8 narrow = _mm512_cmplt_epu64_mask(_mm512_sub_epi64(width, all_lanes(1)), word);
  const V s = _mm512_maskz_sub_epi64(narrow, word, width);
  return _mm512_cmpeq_epi64_mask(_mm512_srav_epi64(_mm512_sllv_epi64(x, s), s), x);
}

DV_INLINE __mmask8 high_equal(V x, V width) {
  const V high = _mm512_srlv_epi64(x, width), most = _mm512_srlv_epi64(all_lanes(~std::uint64_t{0}), width);
  return static_cast<__mmask8>(_mm512_testn_epi64_mask(high, high) | _mm512_cmpeq_epi64_mask(high, most));
}

DV_INLINE __mmask8 pat_is_legal(V x) {
  const V two_or_three =
      _mm512_andnot_si512(x, _mm512_slli_epi64(_mm512_and_si512(x, all_lanes(0x0202020202020202)), 1));
  const V bad = _mm512_or_si512(_mm512_and_si512(x, all_lanes(0xf8f8f8f8f8f8f8f8)), two_or_three);
  return _mm512_testn_epi64_mask(bad, bad);
}

constexpr bool is_sliced(Form f) { return f != Form::Canonical && f != Form::HighEqual && f != Form::Pat; }
constexpr bool has_sliced_b(Form f) { return f == Form::Equal || f == Form::AtMost || f == Form::Subset; }

template <Form F>
DV_INLINE __mmask8 form_holds(V x, V y, V c) {
  if constexpr (F == Form::InSet) return _mm512_test_epi64_mask(_mm512_srlv_epi64(c, x), all_lanes(1));
  if constexpr (F == Form::AtMostConst) return _mm512_cmple_epu64_mask(x, c);
  if constexpr (F == Form::Equal) return _mm512_cmpeq_epi64_mask(x, y);
  if constexpr (F == Form::AtMost) return _mm512_cmple_epu64_mask(x, y);
  if constexpr (F == Form::Subset) {
    const V outside = _mm512_andnot_si512(_mm512_or_si512(y, c), x);
    return _mm512_testn_epi64_mask(outside, outside);
  }
  if constexpr (F == Form::Fits) {
    const V high = _mm512_srlv_epi64(x, y);
    return _mm512_testn_epi64_mask(high, high);
  }
  if constexpr (F == Form::Canonical) return canonical(x, y);
  if constexpr (F == Form::HighEqual) return high_equal(x, y);
  if constexpr (F == Form::Pat) return pat_is_legal(x);
}

DV_INLINE V slice(V x, V lo, V mask) { return _mm512_and_si512(_mm512_srlv_epi64(x, lo), mask); }

template <Form F>
DV_AVX512 void form_word(const BatchLeaf& l, const Batch& batch, unsigned char* out) {
  const Column &a = batch.columns[l.a], &b = batch.columns[l.b];
  const V a_mask = all_lanes(l.a_mask), b_mask = all_lanes(l.b_mask), c = all_lanes(l.c);
  const V a_lo = all_lanes(l.a_lo), b_lo = all_lanes(l.b_lo);
  for (std::size_t g = 0; g < kVectors; ++g) {
    const V x = is_sliced(F) ? slice(a.x[g], a_lo, a_mask) : a.x[g];
    const V y = has_sliced_b(F) ? slice(b.x[g], b_lo, b_mask) : b.x[g];
    out[g] = form_holds<F>(x, y, c);
  }
}

DV_INLINE void zero_word(const BatchLeaf& l, const Batch& batch, unsigned char* out) {
  const V mask = all_lanes(l.a_mask);
  for (std::size_t g = 0; g < kVectors; ++g) out[g] = _mm512_testn_epi64_mask(batch.columns[l.a].x[g], mask);
}

DV_AVX512 void masked_word(const BatchLeaf& l, const Batch& batch, unsigned char* out) {
  const V mask = all_lanes(l.a_mask), c = all_lanes(l.c);
  for (std::size_t g = 0; g < kVectors; ++g)
    out[g] = _mm512_testn_epi64_mask(_mm512_xor_si512(batch.columns[l.a].x[g], c), mask);
}

// Where the product might not fit a lane the leaf itself is asked.
DV_AVX512 void linear_end_word(const BatchLeaf& l, const Batch& batch, unsigned char* out) {
  const LinearEnd e = linear_end(l.node->c);
  const V lo = all_lanes(l.b_lo), mask = all_lanes(l.b_mask), bias = all_lanes(e.bias);
  for (std::size_t g = 0; g < kVectors; ++g) {
    const V a = batch.columns[l.a].x[g], b = slice(batch.columns[l.b].x[g], lo, mask),
            width = batch.columns[l.width].x[g];
    const V sum = _mm512_add_epi64(a, _mm512_mullo_epi64(b, all_lanes(e.scale)));
    const __mmask8 carry = _mm512_cmplt_epu64_mask(sum, a), borrow = _mm512_cmplt_epu64_mask(sum, bias);
    const V high = _mm512_srlv_epi64(_mm512_sub_epi64(sum, bias), width);
    out[g] = static_cast<unsigned char>(_mm512_testn_epi64_mask(high, high) & ~(carry ^ borrow));
    for (unsigned wide = _mm512_test_epi64_mask(b, all_lanes(~std::uint64_t{0} << 40)); wide != 0; wide &= wide - 1) {
      const unsigned i = static_cast<unsigned>(std::countr_zero(wide)), state = static_cast<unsigned>(g * 8 + i);
      const std::uint64_t count = lane(batch.columns[l.b], state) >> l.b_lo & l.b_mask;
      const bool fits = last_byte_fits(lane(batch.columns[l.a], state), count, e, lane(batch.columns[l.width], state));
      out[g] = static_cast<unsigned char>((out[g] & ~(1u << i)) | unsigned{fits} << i);
    }
  }
}

void form_word(const BatchLeaf& l, const Batch& batch, unsigned char* out) {
  switch (l.form) {
    case Form::Zero:
    case Form::Free:
      break;
    case Form::Masked:
      return masked_word(l, batch, out);
    case Form::InSet:
      return form_word<Form::InSet>(l, batch, out);
    case Form::AtMostConst:
      return form_word<Form::AtMostConst>(l, batch, out);
    case Form::Equal:
      return form_word<Form::Equal>(l, batch, out);
    case Form::AtMost:
      return form_word<Form::AtMost>(l, batch, out);
    case Form::Subset:
      return form_word<Form::Subset>(l, batch, out);
    case Form::Fits:
      return form_word<Form::Fits>(l, batch, out);
    case Form::Canonical:
      return form_word<Form::Canonical>(l, batch, out);
    case Form::HighEqual:
      return form_word<Form::HighEqual>(l, batch, out);
    case Form::Pat:
      return form_word<Form::Pat>(l, batch, out);
    case Form::LinearEnd:
      return linear_end_word(l, batch, out);
  }
  CHECK(false);
}

std::uint64_t ask(const BatchPlan& plan, const Node& n, const States& states, std::uint64_t among) {
  return plan.functions[n.c](states.data(), among, n.a, n.b);
}

// Returns where the terms go.
DV_AVX512 std::uint64_t* run_leaves(const BatchPlan& plan, const States& states, Batch& batch) {
  std::uint64_t* word = batch.words.data();
  *word++ = ~std::uint64_t{0};
  auto* out = reinterpret_cast<unsigned char*>(word);
  const BatchLeaf* l = plan.leaves.data();
  for (const Block& block : plan.blocks) {
    load_block(block, states, batch);
    const BatchLeaf* const end = plan.leaves.data() + block.leaf_end;
    for (; l != end && l->form == Form::Zero; ++l, out += 8) zero_word(*l, batch, out);
    for (; l != end; ++l, out += 8) form_word(*l, batch, out);
  }
  word = batch.words.data() + 1 + (l - plan.leaves.data());
  for (; l != plan.leaves.data() + plan.leaves.size(); ++l) *word++ = ask(plan, *l->node, states, ~std::uint64_t{0});
  return word;
}

inline std::uint64_t value(const Literal& x, const Batch& batch) {
  return batch.words[x.word] ^ static_cast<std::uint64_t>(std::int64_t{x.flip});
}

void run_terms(const BatchPlan& plan, Batch& batch, std::uint64_t* out) {
  for (const Term& t : plan.terms) *out++ = value(t.l, batch) & value(t.r, batch);
}

void fill_rows(const BatchPlan& plan, const States& states, const Batch& batch, BatchRows& out) {
  for (std::size_t i = 0; i < plan.rows.size(); ++i) {
    const RowWords& row = plan.rows[i];
    const std::uint64_t applied = value(row.applied, batch);
    out.applied[i] = applied;
    out.broken[i] =
        applied & (row.asked == nullptr ? value(row.failed, batch) : ~ask(plan, *row.asked, states, applied));
  }
  std::fill(out.applied.begin() + plan.rows.size(), out.applied.end(), 0);
  std::fill(out.broken.begin() + plan.rows.size(), out.broken.end(), 0);
}

// Byte k of each of 64 words as vector k = 0 .. 7.
DV_INLINE void transpose_bytes(const std::uint64_t* words, V* out) {
  alignas(64) static constexpr auto kOrder = [] {
    std::array<unsigned char, 64> order{};
    for (unsigned i = 0; i < 64; ++i) order[i] = static_cast<unsigned char>(i % 8 * 8 + i / 8);
    return order;
  }();
  const V order = _mm512_load_si512(kOrder.data());
  V x[8], y[8];
  for (unsigned i = 0; i < 8; ++i) x[i] = _mm512_permutexvar_epi8(order, _mm512_loadu_si512(words + 8 * i));
  for (unsigned i = 0; i < 8; i += 2) {
    y[i] = _mm512_unpacklo_epi64(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi64(x[i], x[i + 1]);
  }
  // y[2j + odd]: lane pair m holds byte 2m + odd of words 16j .. 16j + 15.
  for (unsigned odd = 0; odd < 2; ++odd) {
    const V a = _mm512_shuffle_i64x2(y[odd], y[2 + odd], 0x44), b = _mm512_shuffle_i64x2(y[odd], y[2 + odd], 0xee);
    const V c = _mm512_shuffle_i64x2(y[4 + odd], y[6 + odd], 0x44),
            d = _mm512_shuffle_i64x2(y[4 + odd], y[6 + odd], 0xee);
    out[odd] = _mm512_shuffle_i64x2(a, c, 0x88);
    out[2 + odd] = _mm512_shuffle_i64x2(a, c, 0xdd);
    out[4 + odd] = _mm512_shuffle_i64x2(b, d, 0x88);
    out[6 + odd] = _mm512_shuffle_i64x2(b, d, 0xdd);
  }
}

// Rows 64w .. 64w + 63 of the first n states.
DV_AVX512 void store_surveys(const BatchRows& rows, std::size_t w, std::size_t n, Survey* out) {
  V applied[8], broken[8];
  transpose_bytes(&rows.applied[64 * w], applied);
  transpose_bytes(&rows.broken[64 * w], broken);
  for (std::size_t i = 0; i < n; ++i) {
    const V bit = _mm512_set1_epi8(static_cast<char>(1u << i % 8));
    out[i].applied.word(w) = _mm512_test_epi8_mask(applied[i / 8], bit);
    out[i].broken.word(w) = _mm512_test_epi8_mask(broken[i / 8], bit);
  }
}

}  // namespace

bool has_batch_unit() {
  static const bool kHas = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                           __builtin_cpu_supports("avx512vbmi");
  return kHas;
}

void run_batch(const BatchPlan& plan, const States& states, BatchRows& out) {
  Batch batch;
  run_terms(plan, batch, run_leaves(plan, states, batch));
  fill_rows(plan, states, batch, out);
}

void survey_batch(const RuleSet& set, std::span<const std::uint64_t* const> states, Survey* out) {
  const BatchPlan* plan = set.batch_plan();
  std::size_t done = 0;
  while (plan != nullptr && states.size() - done >= kSmallestBatch) {
    const std::size_t n = std::min(kBatch, states.size() - done);
    States some;
    for (std::size_t i = 0; i < kBatch; ++i) some[i] = states[done + std::min(i, n - 1)];
    BatchRows rows;
    run_batch(*plan, some, rows);
    for (std::size_t w = 0; w < kMaxRules / 64; ++w) store_surveys(rows, w, n, out + done);
    done += n;
  }
  for (; done < states.size(); ++done) set.survey(states[done], out[done]);
}

}  // namespace diffvisor::rules

#else

namespace diffvisor::rules {

bool has_batch_unit() { return false; }
void run_batch(const BatchPlan&, const States&, BatchRows&) { CHECK(false); }
void survey_batch(const RuleSet& set, std::span<const std::uint64_t* const> states, Survey* out) {
  for (std::size_t i = 0; i < states.size(); ++i) set.survey(states[i], out[i]);
}

}  // namespace diffvisor::rules

#endif
