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

LMF_INLINE Vector<float> load_bytes(const std::uint8_t* from) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Vector<std::int32_t>)_mm512_maskz_cvtepu8_epi32(0xffff, bytes), Vector<float>);
#elif defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Vector<std::int32_t>)_mm256_cvtepu8_epi32(bytes), Vector<float>);
#else
  Vector<float> values;
  for (int lane = 0; lane < W; ++lane) values[lane] = from[lane];
  return values;
#endif
}

// One bit a column, set where score(v) + bias >= least, for each vector v of columns.
template <class Score>
LMF_INLINE std::uint64_t compare(const Score& score, const float* bias, float least) {
  std::uint64_t bits = 0;
  const Vector<float> floor = broadcast(least);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    Vector<float> value = score(v);
    if (bias) value += load(bias + v * W);
    bits |= at_least(value, floor) << (v * W);
  }
  return bits;
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
  const Vector<float> step = broadcast(query.step);
  const auto score = [&](int v) {
    return __builtin_convertvector(sum[v], Vector<float>) * (step * load(panel.scale + v * W));
  };
  return compare(score, panel.bias, least);
}

// For each of W columns: the eight codes at `codes`, times those of the query, added to `sum`. Two of
// their products, 15 times 127 at most, fit in 16 bits.
LMF_INLINE Vector<std::int32_t> add_eight(const std::uint32_t* codes, const std::uint32_t* query,
                                          Vector<std::int32_t> sum) {
#if defined(__AVX512BW__)
  const __m512i both = _mm512_loadu_si512(codes), half = _mm512_set1_epi8(15);
  const __m512i low = _mm512_maddubs_epi16(_mm512_and_si512(both, half),
                                           _mm512_set1_epi32(static_cast<int>(query[0]))),
                high = _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(both, 4), half),
                                            _mm512_set1_epi32(static_cast<int>(query[1])));
  return sum + (Vector<std::int32_t>)_mm512_madd_epi16(_mm512_add_epi16(low, high), _mm512_set1_epi16(1));
#elif defined(__AVX2__)
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)), half = _mm256_set1_epi8(15);
  const __m256i low = _mm256_maddubs_epi16(_mm256_and_si256(both, half),
                                           _mm256_set1_epi32(static_cast<int>(query[0]))),
                high = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(both, 4), half),
                                            _mm256_set1_epi32(static_cast<int>(query[1])));
  return sum + (Vector<std::int32_t>)_mm256_madd_epi16(_mm256_add_epi16(low, high), _mm256_set1_epi16(1));
#else
  for (int lane = 0; lane < W; ++lane)
    for (int k = 0; k < 32; k += 8)
      sum[lane] += static_cast<int>(codes[lane] >> k & 15) * static_cast<std::int8_t>(query[0] >> k & 0xff) +
                   static_cast<int>(codes[lane] >> k >> 4 & 15) * static_cast<std::int8_t>(query[1] >> k & 0xff);
  return sum;
#endif
}

std::uint64_t reach_by_half(const HalfPanel& panel, const HalfQuery& query, float least) {
  Vector<std::int32_t> sum[vectors] = {};
  const std::uint32_t* codes = panel.codes;
  for (std::int64_t k = 0; k < query.n_eights; ++k, codes += columns) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      __builtin_prefetch(codes + 512 + v * W);
      sum[v] = add_eight(codes + v * W, query.codes + 2 * k, sum[v]);
    }
  }
  const Vector<float> step = broadcast(query.step * panel.scale_step),
                      reach = broadcast(query.reach * panel.error_step);
  const auto score = [&](int v) {
    const auto twice = 2 * sum[v] - 15 * query.total;
    return multiply_add(load_bytes(panel.error + v * W), reach,
                        __builtin_convertvector(twice, Vector<float>) * (step * load_bytes(panel.scale + v * W)));
  };
  return compare(score, panel.bias, least);
}

// Of the panels that the tile has.
constexpr int of_panel = tile_vectors * W;
constexpr float largest = 3.4e38f;  // about what float32 has

void code(const float* vectors, std::int64_t d, const CodedVectors& to) {
  for (int v = 0; v < tile_vectors; ++v) {
    const float* column = vectors + v * W;
    Vector<float> most{};
    for (std::int64_t k = 0; k < d; ++k) {
      const Vector<float> value = load(column + k * of_panel), size = value < 0 ? -value : value;
      most = size > most ? size : most;
    }
    // A vector so short that its steps would leave float32 is all rest.
    const Vector<float> none{};
    const auto coded = most > 1e-30f;
    const Vector<float> step = coded ? most / static_cast<float>(coarse_most) : none;
    const Vector<float> steps = coded ? static_cast<float>(coarse_most) / most : none;
    Vector<float> left{};
    Vector<std::int32_t> total{};
    for (std::int64_t four = 0; 4 * four < d; ++four) {
      Vector<std::int32_t> codes = broadcast<std::int32_t>(0x80808080);
      for (std::int64_t k = 4 * four; k < 4 * four + 4 && k < d; ++k) {
        const Vector<float> value = load(column + k * of_panel);
        // Positive, so cutting off is rounding; what is no number is as good as any, for nobody asks.
        Vector<float> code = value * steps + 128.5f;
        code = code > 1.0f ? code : broadcast(1.0f);
        code = code < 255.5f ? code : broadcast(255.5f);
        const auto raised = __builtin_convertvector(code, Vector<std::int32_t>);
        const Vector<std::int32_t> number = raised - 128;
        const Vector<float> rest = value - step * __builtin_convertvector(number, Vector<float>);
        left += rest * rest;
        total += number;
        codes ^= (raised ^ 128) << 8 * static_cast<int>(k - 4 * four);
      }
      store(reinterpret_cast<std::int32_t*>(to.codes) + four * of_panel + v * W, codes);
    }
    store(to.scale + v * W, step);
    store(to.left + v * W, left);
    store(to.total + v * W, total);
  }
}

#if defined(__AVX512BW__)
#define LMF_BYTES __attribute__((target("avx512vnni")))
constexpr bool many_pay = true;
bool has_many() { return __builtin_cpu_supports("avx512vnni"); }
#else
#define LMF_BYTES
constexpr bool many_pay = false;
bool has_many() { return true; }
#endif

// For each of W columns: the four codes at `items`, as they are raised, times those of the query, with
// their sign, added to `sum`.
LMF_BYTES LMF_INLINE Vector<std::int32_t> add_four(Vector<std::int32_t> sum, const std::uint32_t* items,
                                                   std::uint32_t query) {
#if defined(__AVX512BW__)
  return (Vector<std::int32_t>)_mm512_dpbusd_epi32((__m512i)sum, _mm512_loadu_si512(items),
                                                   _mm512_set1_epi32(static_cast<int>(query)));
#else
  for (int lane = 0; lane < W; ++lane)
    for (int k = 0; k < 32; k += 8)
      sum[lane] += static_cast<int>(items[lane] >> k & 0xff) * static_cast<std::int8_t>(query >> k & 0xff);
  return sum;
#endif
}

// Not inlined: what it holds would push the sums out of the registers.
__attribute__((noinline)) bool any_can_reach(const CodedPanel& panel, const CodedGroup& codes,
                                             const QueryGroup& group) {
  bool any = false;
  for (int r = 0; r < tile_rows; ++r)
    any |= codes.reach[r] * panel.norm + panel.most >= group.floor[r];
  return any;
}

LMF_BYTES int reach_many(const CodedPanel& panel, const CodedGroup& codes, const QueryGroup& group,
                         std::int64_t n_fours, std::uint64_t* bits) {
  if (!any_can_reach(panel, codes, group)) return 0;
  Vector<std::int32_t> sum[tile_rows][tile_vectors];
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) sum[r][v] = broadcast(codes.start[r]);
  const std::uint32_t *items = panel.codes, *query = codes.codes;
  for (std::int64_t four = 0; four < n_fours; ++four, items += of_panel, query += tile_rows)
#pragma GCC unroll 8
    for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < tile_vectors; ++v) sum[r][v] = add_four(sum[r][v], items + v * W, query[r]);
  std::uint64_t all = 0;
  const float by_bias = panel.largest_bias * 1e-6f + 1e-30f;
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r) {
    const float margin = codes.by_error[r] * panel.error + codes.by_norm[r] * panel.norm + by_bias;
    // The floor of a query that is not bounded may be infinite; from its margin that would be no number.
    const float floor = group.floor[r] > largest ? largest : group.floor[r];
    const Vector<float> step = broadcast(codes.step[r]), wanted = broadcast(floor - margin);
    bits[r] = 0;
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v)
      bits[r] |= at_least(multiply_add(__builtin_convertvector(sum[r][v], Vector<float>),
                                       step * load(panel.scale + v * W), load(panel.bias + v * W)),
                          wanted)
                 << (v * W);
    all |= bits[r];
  }
  if (!all) return 0;
  int count = 0;
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r) count += __builtin_popcountll(bits[r] &= ~group.lists[r]->excluded);
  return count;
}

}  // namespace

extern const CoarseKernels coarse_kernels;
const CoarseKernels coarse_kernels{columns, reach, reach_by_half, code, reach_many, has_many, many_pay};

}  // namespace lmf::LMF_ISA
