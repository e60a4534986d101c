// Comparisons of a vector's lanes as bits of an integer.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "isa/simd.hpp"

namespace lmf::LMF_ISA {

// One bit a lane, set where score >= floor; NaN on either side gives 0.
LMF_INLINE std::uint64_t at_least(Vector<float> score, Vector<float> floor) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(score, floor, _CMP_GE_OQ);
#elif defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(score, floor, _CMP_GE_OQ)));
#elif defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpge_ps(score, floor)));
#else
  const auto reached = score >= floor;
  std::uint64_t bits = 0;
  for (int lane = 0; lane < W; ++lane) bits |= static_cast<std::uint64_t>(reached[lane] & 1) << lane;
  return bits;
#endif
}

}  // namespace lmf::LMF_ISA
