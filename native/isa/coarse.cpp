// Products of codes, a column a lane (see native/coarse.hpp).
#include "coarse.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "isa/compare.hpp"
#include "isa/simd.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr int W = width<std::int32_t>;
constexpr int vectors = 4;
constexpr int columns = vectors * W;
static_assert(columns <= 64);

// For each of W columns: the two codes at `codes`, times the two of the query, added to `sum`.
LMF_INLINE Vector<std::int32_t> add_pair(const std::int8_t* codes, std::int32_t query,
                                         Vector<std::int32_t> sum) {
#if defined(__AVX512BW__)
  const __m512i item = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)));
  return sum + (Vector<std::int32_t>)_mm512_madd_epi16(item, _mm512_set1_epi32(query));
#elif defined(__AVX2__)
  const __m256i item = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  return sum + (Vector<std::int32_t>)_mm256_madd_epi16(item, _mm256_set1_epi32(query));
#elif defined(__SSE2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
  const __m128i item = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  return sum + (Vector<std::int32_t>)_mm_madd_epi16(item, _mm_set1_epi32(query));
#else
  std::int16_t pair[2];
  std::memcpy(pair, &query, sizeof(pair));
  for (int lane = 0; lane < W; ++lane)
    sum[lane] += codes[2 * lane] * pair[0] + codes[2 * lane + 1] * pair[1];
  return sum;
#endif
}

std::uint64_t reach(const CoarsePanel& panel, const CoarseQuery& query, float least) {
  Vector<std::int32_t> sum[vectors] = {};
  const std::int8_t* codes = panel.codes;
  for (std::int64_t k = 0; k < query.n_pairs; ++k, codes += 2 * columns) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      __builtin_prefetch(codes + 2048 + v * 2 * W);
      sum[v] = add_pair(codes + v * 2 * W, query.codes[k], sum[v]);
    }
  }
  std::uint64_t bits = 0;
  const Vector<float> step = broadcast(query.step), floor = broadcast(least);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    Vector<float> score = __builtin_convertvector(sum[v], Vector<float>) * (step * load(panel.scale + v * W));
    if (panel.bias) score += load(panel.bias + v * W);
    bits |= at_least(score, floor) << (v * W);
  }
  return bits;
}

}  // namespace

extern const CoarseKernels coarse_kernels;
const CoarseKernels coarse_kernels{columns, reach};

}  // namespace lmf::LMF_ISA
