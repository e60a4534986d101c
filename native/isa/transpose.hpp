// Transposes a square block of registers: width x width elements, by log2(width) rounds of shuffles.
#pragma once

#include <utility>

#include "isa/simd.hpp"

namespace lmf::LMF_ISA {

template <class T, int Half, std::size_t... Lane>
LMF_INLINE void exchange(Vector<T>& upper, Vector<T>& lower, std::index_sequence<Lane...>) {
  constexpr int W = width<T>;
  const Vector<T> a = upper, b = lower;
  upper = __builtin_shufflevector(a, b, ((Lane & Half) ? W + Lane - Half : Lane)...);
  lower = __builtin_shufflevector(a, b, ((Lane & Half) ? W + Lane : Lane + Half)...);
}

template <class T, int Half>
LMF_INLINE void transpose_round(Vector<T> (&row)[width<T>]) {
#pragma GCC unroll 16
  for (int r = 0; r < width<T>; ++r)
    if (!(r & Half)) exchange<T, Half>(row[r], row[r + Half], std::make_index_sequence<width<T>>{});
  if constexpr (Half > 1) transpose_round<T, Half / 2>(row);
}

template <class T>
LMF_INLINE void transpose(Vector<T> (&row)[width<T>]) {
  transpose_round<T, width<T> / 2>(row);
}

}  // namespace lmf::LMF_ISA
