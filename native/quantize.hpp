// Vectors as whole numbers times a step, and what that leaves over (native/coarse.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "topn_items.hpp"

namespace lmf {

// How a vector is cut: the step of its codes and the length of what they leave over.
struct Cut {
  float step;
  double left;
};

inline float largest_of(const float* vector, std::int64_t d) {
  float largest = 0;
  for (std::int64_t k = 0; k < d; ++k) largest = std::max(largest, std::fabs(vector[k]));
  return largest;
}

// Calls put(k, code) with the codes of a vector, whole numbers in [-most, most].
template <class Put>
Cut quantize(const float* vector, std::int64_t d, double most, const Put& put) {
  const auto step = static_cast<float>(largest_of(vector, d) / most);
  double left = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    const double steps = step > 0 ? static_cast<double>(vector[k]) / step : 0;
    const double code = std::clamp(std::nearbyint(steps), -most, most);
    put(k, static_cast<std::int32_t>(code));
    const double rest = vector[k] - step * code;
    left += rest * rest;
  }
  return {step, std::sqrt(left) * (1 + 1e-9)};
}

// The half code h of a number, which stands for a step times (2 h - 15).
inline std::int32_t code_by_half(double value, double by_twice_the_step) {
  const double steps = value * by_twice_the_step + 8;  // cutting off is rounding down where it is positive
  return static_cast<std::int32_t>(steps > 0 ? (steps < 15 ? steps : 15.0) : 0.0);
}
// |r|^2 of a vector.
inline double left_by_half(const float* vector, std::int64_t d, double step) {
  const double by_twice = 0.5 / step;
  double left[4] = {};  // four sums side by side, or each would wait for the last
  std::int64_t k = 0;
  const auto square = [&](std::int64_t at) {
    const double rest = vector[at] - step * (2 * code_by_half(vector[at], by_twice) - 15);
    return rest * rest;
  };
  for (; k + 4 <= d; k += 4)
    for (int s = 0; s < 4; ++s) left[s] += square(k + s);
  for (; k < d; ++k) left[0] += square(k);
  return (left[0] + left[1]) + (left[2] + left[3]);
}
// A step that leaves little over: a sixteenth of the largest number reaches it, less cuts off the few
// that are large.
inline double step_by_half(const float* vector, std::int64_t d) {
  const double largest = std::max(largest_of(vector, d), 1e-30f);  // all steps are positive
  double best = largest / 16, least = left_by_half(vector, d, best);
  for (const double share : {0.8, 0.6}) {
    const double step = share * largest / 16, left = left_by_half(vector, d, step);
    if (left < least) best = step, least = left;
  }
  return best;
}

// Numbers, none of them negative, as bytes, rounded up; returns the step.
inline float in_bytes(std::span<const double> numbers, std::uint8_t* to) {
  const float step = rounded_up(*std::max_element(numbers.begin(), numbers.end()) / 255 * (1 + 1e-9));
  for (std::size_t k = 0; k < numbers.size(); ++k)
    to[k] = static_cast<std::uint8_t>(std::min(std::ceil(numbers[k] / step), 255.0));
  return step;
}

}  // namespace lmf
