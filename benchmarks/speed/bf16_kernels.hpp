// Kernels of bf16.cpp: how each packs a panel of P, and adds its products to the upper triangle of C.
//
// One register tile of Rows x Vectors sums of 16 floats is in all but AMX: rows of P broadcast, rows of P
// as vectors, as in native/isa/linear.hpp. In a bfloat16 panel a word holds an element of two rows of
// P, which vdpbf16ps multiplies and adds in one.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "isa/linear.hpp"

// Memory on a line of the cache.
class Aligned {
 public:
  explicit Aligned(std::int64_t floats)
      : bytes_(static_cast<std::size_t>((floats * 4 + 63) / 64 * 64)),
        at_(static_cast<float*>(std::aligned_alloc(64, bytes_))) {
    if (!at_) std::abort();
    clear();
  }
  ~Aligned() { std::free(at_); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  float* at() { return at_; }
  void clear() { std::memset(at_, 0, bytes_); }

 private:
  std::size_t bytes_;
  float* at_;
};

constexpr int width = 16;  // floats of a vector

// d is a multiple of 16; a stride that is no multiple of 2 KB keeps a column's words in different
// sets of the cache.
constexpr std::int64_t stride_of(std::int64_t d) { return d % 512 == 0 ? d + width : d; }

// Rows of a panel: 48 KB of them, as lmf takes.
constexpr std::int64_t panel_depth(std::int64_t d) {
  const std::int64_t depth = 12288 / stride_of(d) / 32 * 32;
  return depth < 32 ? 32 : depth > 256 ? 256 : depth;
}

// Calls body(i, j, vectors) for every tile of the upper triangle, strip by strip of C's columns: a
// strip of the panel stays in the first cache while its rows pass (linear.hpp, rank_update).
template <int Rows, int Vectors, class Body>
LMF_INLINE void for_tiles(std::int64_t d, Body body) {
  const std::int64_t vectors = d / width, strips = (vectors + Vectors - 1) / Vectors;
  for (std::int64_t strip = 0; strip < strips; ++strip) {
    const std::int64_t first = vectors * strip / strips, last = vectors * (strip + 1) / strips;
    for (std::int64_t i = 0; i < last * width; i += Rows) {
      const std::int64_t v = i / width > first ? i / width : first;
      body(i, v * width, static_cast<int>(last - v));
    }
  }
}

// body.template operator()<v>() with v = vectors, of 1..Most.
template <int Most, class Body>
LMF_INLINE void with_vectors(int vectors, Body body) {
  if constexpr (Most > 1)
    if (vectors < Most) return with_vectors<Most - 1>(vectors, body);
  body.template operator()<Most>();
}

// ---- float32 ------------------------------------------------------------------------------------

struct FloatPanel {
  static constexpr std::int64_t depth(std::int64_t d) { return panel_depth(d); }
  static constexpr std::int64_t words(std::int64_t d) { return panel_depth(d) * stride_of(d); }
  static void pack(const float* p, std::int64_t rows, std::int64_t d, float* panel) {
    for (std::int64_t k = 0; k < rows; ++k)
      std::memcpy(panel + k * stride_of(d), p + k * d, static_cast<std::size_t>(d) * sizeof(float));
  }
};

// As lmf ships it.
struct Shipped : FloatPanel {
  static constexpr const char* name = "fma-lmf";
  static void update(float* c, std::int64_t d, const float* panel, std::int64_t rows) {
    using namespace lmf::LMF_ISA;
    rank_update<float, Sign::plus>(c, d, panel, ::stride_of(d), rows, d);
  }
};

template <int Rows, int Vectors>
LMF_INLINE void fma_tile(float* c, std::int64_t d, const float* left, const float* right,
                         std::int64_t stride, std::int64_t rows) {
  __m512 sum[Rows][Vectors] = {};
  for (std::int64_t k = 0; k < rows; ++k, left += stride, right += stride) {
    __m512 b[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) b[v] = _mm512_loadu_ps(right + v * width);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m512 a = _mm512_set1_ps(left[r]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[r][v] = _mm512_fmadd_ps(a, b[v], sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      float* at = c + r * d + v * width;
      _mm512_storeu_ps(at, _mm512_add_ps(_mm512_loadu_ps(at), sum[r][v]));
    }
}

template <int Rows, int Vectors>
struct Fma : FloatPanel {
  static constexpr char name[] = {'f', 'm', 'a', '-', '0' + Rows, 'x', '0' + Vectors, 0};
  static void update(float* c, std::int64_t d, const float* panel, std::int64_t rows) {
    for_tiles<Rows, Vectors>(d, [&](std::int64_t i, std::int64_t j, int vectors) {
      with_vectors<Vectors>(vectors, [&]<int V>() {
        fma_tile<Rows, V>(c + i * d + j, d, panel + i, panel + j, stride_of(d), rows);
      });
    });
  }
};

// ---- bfloat16 -----------------------------------------------------------------------------------

// Two rows of 16 floats as words of two bfloat16: the high parts, and what they leave.
struct Split {
  __m512i high, low;
};

// Rounded to the nearest bfloat16, ties away from 0, by integers: a float without its last 16 bits.
LMF_INLINE __m512i rounded(__m512 x) {
  const __m512i bits = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
  return _mm512_and_epi32(bits, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
}
LMF_INLINE __m512i pair(__m512i even, __m512i odd) {
  return _mm512_or_epi32(_mm512_srli_epi32(even, 16), odd);
}
LMF_INLINE Split split(__m512 even, __m512 odd) {
  const __m512i a = rounded(even), b = rounded(odd);
  return {pair(a, b), pair(rounded(_mm512_sub_ps(even, _mm512_castsi512_ps(a))),
                           rounded(_mm512_sub_ps(odd, _mm512_castsi512_ps(b))))};
}

// High words of all pairs of rows, then low words.
struct PairPanel {
  static constexpr std::int64_t depth(std::int64_t d) { return panel_depth(d); }
  static constexpr std::int64_t words(std::int64_t d) { return panel_depth(d) * stride_of(d); }
  static constexpr std::int64_t low(std::int64_t d) { return panel_depth(d) / 2 * stride_of(d); }
  static void pack(const float* p, std::int64_t rows, std::int64_t d, float* panel) {
    for (std::int64_t k = 0; k < rows; k += 2) {
      const float* even = p + k * d;
      float* to = panel + k / 2 * stride_of(d);
      for (std::int64_t j = 0; j < d; j += width) {
        const __m512 odd = k + 1 < rows ? _mm512_loadu_ps(even + d + j) : _mm512_setzero_ps();
        const Split parts = split(_mm512_loadu_ps(even + j), odd);
        _mm512_storeu_si512(to + j, parts.high);
        _mm512_storeu_si512(to + low(d) + j, parts.low);
      }
    }
  }
};

#if defined(__AVX512BF16__)

LMF_INLINE __m512 dot(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
LMF_INLINE __m512i words_at(const float* from) { return _mm512_loadu_si512(from); }
LMF_INLINE __m512i word_at(const float* from) {
  std::int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return _mm512_set1_epi32(word);
}

// With Products = 3 the sum of hi hi, hi lo and lo hi; with 1 that of hi hi alone.
template <int Rows, int Vectors, int Products>
LMF_INLINE void dot_tile(float* c, std::int64_t d, const float* left, const float* right,
                         std::int64_t stride, std::int64_t low, std::int64_t pairs) {
  __m512 sum[Rows][Vectors] = {};
  for (std::int64_t k = 0; k < pairs; ++k, left += stride, right += stride) {
    __m512i high[Vectors], rest[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      high[v] = words_at(right + v * width);
      if constexpr (Products == 3) rest[v] = words_at(right + low + v * width);
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m512i a = word_at(left + r);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[r][v] = dot(sum[r][v], a, high[v]);
      if constexpr (Products == 3) {
        const __m512i b = word_at(left + low + r);
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) sum[r][v] = dot(sum[r][v], a, rest[v]);
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) sum[r][v] = dot(sum[r][v], b, high[v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      float* at = c + r * d + v * width;
      _mm512_storeu_ps(at, _mm512_add_ps(_mm512_loadu_ps(at), sum[r][v]));
    }
}

template <int Products, int Rows, int Vectors>
struct Dot : PairPanel {
  static constexpr char name[] = {'b', 'f', '1', '6', 'x', '0' + Products, '-', '0' + Rows, 'x',
                                  '0' + Vectors, 0};
  static void update(float* c, std::int64_t d, const float* panel, std::int64_t rows) {
    for_tiles<Rows, Vectors>(d, [&](std::int64_t i, std::int64_t j, int vectors) {
      with_vectors<Vectors>(vectors, [&]<int V>() {
        dot_tile<Rows, V, Products>(c + i * d + j, d, panel + i, panel + j, stride_of(d), low(d),
                                    (rows + 1) / 2);
      });
    });
  }
};

#endif
