// Standard normal numbers by a counter: number k of a stream depends on its key and on k alone.
//
// SplitMix64's output function of key + k * golden (Steele, Lea & Flood 2014) gives the bits, Box &
// Muller (1958) the normals, polynomials (Moshier's Cephes) the logarithm, sine and cosine.
#pragma once

#include "isa/simd.hpp"

namespace lmf::LMF_ISA {

typedef std::uint64_t Words __attribute__((vector_size(vector_bytes)));
typedef std::uint32_t HalfWords __attribute__((vector_size(vector_bytes)));
typedef std::int32_t Integers __attribute__((vector_size(vector_bytes)));

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;

LMF_INLINE std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
LMF_INLINE HalfWords mixed(Words z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  HalfWords halves;
  std::memcpy(&halves, &z, sizeof(z));
  return halves;
}

// log(u) of 24 random bits made a number of (0, 1].
LMF_INLINE Vector<float> log_uniform(HalfWords bits) {
  const Vector<float> u =
      __builtin_convertvector(Integers((bits >> 8) + 1u), Vector<float>) * 0x1p-24f;
  Integers raw;
  std::memcpy(&raw, &u, sizeof(u));
  Integers exponent = (raw >> 23) - 127;
  raw = (raw & 0x7fffff) | 0x3f800000;
  Vector<float> m;
  std::memcpy(&m, &raw, sizeof(m));
  const Integers high = m > 1.41421356f;  // -1 where true
  exponent -= high;
  const Vector<float> f = (high ? m * 0.5f : m) - 1.0f;
  Vector<float> p = f * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const Vector<float> f2 = f * f;
  return __builtin_convertvector(exponent, Vector<float>) * 0.693147181f + f + f2 * (f * p - 0.5f);
}

// Two independent normals a lane.
LMF_INLINE void box_muller(HalfWords one, HalfWords two, Vector<float>& a, Vector<float>& b) {
  const Vector<float> squared = log_uniform(one) * -2.0f;
  Vector<float> radius;
  for (int lane = 0; lane < width<float>; ++lane) radius[lane] = __builtin_sqrtf(squared[lane]);
  // Two bits choose a quarter turn; the rest is an angle of [-pi/4, pi/4) in it.
  const Vector<float> x =
      (__builtin_convertvector(Integers(two & 0x3fffffffu), Vector<float>) * 0x1p-30f - 0.5f) *
      1.57079633f;
  const Vector<float> x2 = x * x;
  const Vector<float> sine =
      x + x * x2 * (x2 * (x2 * -1.9515295891e-4f + 8.3321608736e-3f) - 1.6666654611e-1f);
  const Vector<float> cosine =
      1.0f - x2 * 0.5f +
      x2 * x2 * (x2 * (x2 * 2.443315711809948e-5f - 1.388731625493765e-3f) + 4.166664568298827e-2f);
  const Integers odd = Integers(two & 0x40000000u) != 0, low = Integers(two & 0x80000000u) != 0;
  const Vector<float> first = odd ? sine : cosine, second = odd ? -cosine : sine;
  a = radius * (low ? -first : first);
  b = radius * (low ? -second : second);
}

// Fills out[0, count) and up to 2 width<float> - 1 elements beyond.
LMF_INLINE void normals(std::uint64_t key, std::int64_t count, double* out) {
  constexpr int W = width<float>;
  Words counter;
  for (int lane = 0; lane < W / 2; ++lane) counter[lane] = key + lane * golden;
  const std::uint64_t step = (W / 2) * golden;
  for (std::int64_t k = 0; k < count; k += 2 * W) {
    const HalfWords one = mixed(counter);
    counter += step;
    const HalfWords two = mixed(counter);
    counter += step;
    Vector<float> a, b;
    box_muller(one, two, a, b);
    for (int lane = 0; lane < W; ++lane) {
      out[k + lane] = a[lane];
      out[k + W + lane] = b[lane];
    }
  }
}

}  // namespace lmf::LMF_ISA
