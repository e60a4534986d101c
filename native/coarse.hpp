// Scores of items to the nearest byte, and how far off they can be: a first pass that reads a quarter
// of the memory, for the few queries of a server.
//
// A vector v is kept as s c + r with codes c in [-127, 127] and |r| known, a query x as t q + p with
// codes of 16 bits, so that q.c is exact in 32 bits and
//     |x.v - t s q.c| <= |t q| |r| + |p| |v|.
// An item that cannot reach the floor by this bound is left out, and whatever can is scored exactly:
// the answer has the bits of a scan of everything (Teflioudi, Gemulla & Mykytiuk 2015, "LEMP"; Li,
// Chan, Yiu & Mamoulis 2017, "FEXIPRO", have integers as upper bounds).
#pragma once

#include <cstdint>

namespace lmf {

inline constexpr int coarse_most = 127;  // of an item's codes

struct CoarsePanel {
  const std::int8_t* codes;  // pairs of dimensions x columns x 2
  const float* scale;        // s of each column
  const float* bias;         // of each column; null: none
};

// A query, once for a panel at a time.
struct CoarseQuery {
  const std::int32_t* codes;  // pairs of dimensions: two of 16 bits in each
  std::int64_t n_pairs;
  float step;  // t
};

struct CoarseKernels {
  int columns;  // items of a panel, at most 64
  // One bit a column: set where t s q.c + bias >= least; all of them are numbers.
  std::uint64_t (*reach)(const CoarsePanel& panel, const CoarseQuery& query, float least);
};

const CoarseKernels& coarse_kernels();

}  // namespace lmf
