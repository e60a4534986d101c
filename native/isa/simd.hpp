// Vectors of the instruction set this file is compiled for, by GCC/Clang vector extensions.
//
// Everything under native/isa lives in a namespace named after the instruction set, and uses no
// standard-library templates: two builds of one inline function would be merged by the linker,
// and the wrong one could reach a CPU that cannot run it.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if !defined(LMF_ISA)
#error "compile with -DLMF_ISA=baseline|avx2|avx512"
#endif

#define LMF_INLINE inline __attribute__((always_inline))

namespace lmf::LMF_ISA {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 8;     // rows of a register tile: broadcast operands
inline constexpr int tile_vectors = 3;  // columns of a register tile, in vectors
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 4;
inline constexpr int tile_vectors = 3;
#else
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 4;
inline constexpr int tile_vectors = 2;
#endif

template <class T>
inline constexpr int width = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
  typedef T loose __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
LMF_INLINE Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::loose*>(from);
}
template <class T>
LMF_INLINE void store(T* to, Vector<T> value) {
  *reinterpret_cast<typename VectorOf<T>::loose*>(to) = value;
}
template <class T>
LMF_INLINE Vector<T> broadcast(T value) {
  return value - Vector<T>{};  // x - 0 is x for every x, so this folds to one instruction
}
// Loads `count` < width elements; the rest is zero.
template <class T>
LMF_INLINE Vector<T> load_part(const T* from, int count) {
  Vector<T> value{};
  std::memcpy(&value, from, sizeof(T) * count);
  return value;
}
#if defined(__AVX512F__)
template <>
LMF_INLINE Vector<float> load_part<float>(const float* from, int count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);  // no call
}
#endif
template <class T>
LMF_INLINE void store_part(T* to, Vector<T> value, int count) {
  std::memcpy(to, &value, sizeof(T) * count);
}
// a b + c, rounded once on every CPU that can, twice on the others: where two kernels must agree in
// every bit, for compilers contract some such sums and not others.
LMF_INLINE float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
LMF_INLINE Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
  return vfmaq_f32(c, a, b);
#else
  return a * b + c;
#endif
}
// Sum over the lanes, pairwise, in a fixed order.
template <class T>
LMF_INLINE T sum(Vector<T> value) {
  T lane[width<T>];
  std::memcpy(lane, &value, sizeof(lane));
  for (int half = width<T> / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) lane[k] += lane[k + half];
  return lane[0];
}

LMF_INLINE constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace lmf::LMF_ISA
