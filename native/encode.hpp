// Distinct integers in rising order, and for each input value its place among them.
#pragma once

#include <cstdint>
#include <vector>

#include "runs.hpp"

namespace lmf {

// Returns the distinct values; `codes` has room for all values of all runs, one run after the other.
// Throws std::length_error beyond 2^31 - 1 distinct values. T: int32 or int64.
template <class T>
std::vector<std::int64_t> encode_integers(const std::vector<Run<T>>& runs, std::int32_t* codes,
                                          int n_threads);

}  // namespace lmf
