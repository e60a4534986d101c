// Scores of items to the nearest byte, and how far off they can be: a first pass that reads a quarter
// of the memory, for the few queries of a server, and multiplies four numbers at once, for many.
//
// A vector v is kept as s c + r with codes c in [-127, 127] and |r| known, a query x as t q + p with
// codes of 16 bits (of 8, among many), so that q.c is exact in 32 bits and
//     |x.v - t s q.c| <= |t q| |r| + |p| |v|.
// An item that cannot reach the floor by this bound is left out, and whatever can is scored exactly:
// the answer has the bits of a scan of everything (Teflioudi, Gemulla & Mykytiuk 2015, "LEMP"; Li,
// Chan, Yiu & Mamoulis 2017, "FEXIPRO", have integers as upper bounds).
#pragma once

#include <cstdint>

#include "topn_kernels.hpp"

namespace lmf {

inline constexpr int coarse_most = 127;  // of an item's codes

struct CoarsePanel {
  const std::int8_t* codes;  // pairs of dimensions x columns x 2
  const float* scale;        // s of each column
  const float* bias;         // of each column; null: none
};

// The same items in half a byte each: s (2 h - 15) with h in [0, 15], for catalogues that no cache
// holds. Half the memory is read, and all but a few in a thousand need no more.
struct HalfPanel {
  const std::uint32_t* codes;  // eights of dimensions x columns: four in the low halves, four in the high
  const std::uint8_t* scale;   // s and |r| of each column, in steps of the panel
  const std::uint8_t* error;
  float scale_step, error_step;
  const float* bias;
};

struct HalfQuery {
  const std::uint32_t* codes;  // eights of dimensions x 2: four codes with their sign in each
  std::int64_t n_eights;
  std::int32_t total;  // the sum of the codes
  float step;
  float reach;  // |t q|, rounded up: a score may be that many |r| above the coarse one
};

// A query, once for a panel at a time.
struct CoarseQuery {
  const std::int32_t* codes;  // pairs of dimensions: two of 16 bits in each
  std::int64_t n_pairs;
  float step;  // t
};

// Vectors of a panel of the tile (native/topn_kernels.hpp) as bytes.
struct CodedVectors {
  std::uint32_t* codes;  // fours of dimensions x columns: in each byte a code + 128
  float* scale;          // s of each column
  float* left;           // |r|^2 of each column
  std::int32_t* total;   // the sum of the codes of each column
};

// The items of a panel, for many queries.
struct CodedPanel {
  const std::uint32_t* codes;
  const float* scale;
  const float* bias;   // NaN in columns not in use
  float error;         // the largest |r|, rounded up
  float norm, most;    // what |v| and a bias can be, here and in all that follow
  float largest_bias;  // by its size, here
};

// As many queries as a tile has rows.
struct CodedGroup {
  const std::uint32_t* codes;     // fours of dimensions x rows: four codes with their sign
  std::int32_t start[max_group];  // -128 times the sum of the codes
  float step[max_group];          // t
  float reach[max_group];         // |x|, rounded up
  // How far a float32 score can be above the coarse one: this much for each |r| and each |v|.
  // Infinite for a query that cannot be bounded: it reaches everything.
  float by_error[max_group], by_norm[max_group];
};

struct CoarseKernels {
  int columns;  // items of a panel, at most 64
  // One bit a column: set where t s q.c + bias >= least; all of them are numbers.
  std::uint64_t (*reach)(const CoarsePanel& panel, const CoarseQuery& query, float least);
  std::uint64_t (*reach_by_half)(const HalfPanel& panel, const HalfQuery& query, float least);
  // Codes of the vectors of a panel, k-major as the tile has them; of what is not finite, any.
  void (*code)(const float* vectors, std::int64_t d, const CodedVectors& to);
  // One bit a column in each row, set where the float32 score may be at least the row's floor, but not
  // in what its list excludes. Returns how many are set; `bits` may not be written where none is.
  int (*reach_many)(const CodedPanel& panel, const CodedGroup& codes, const QueryGroup& group,
                    std::int64_t n_fours, std::uint64_t* bits);
  bool (*has_many)();  // whether this processor can, which may need more than the build does,
  bool many_pay;       // and whether it multiplies bytes so fast that many queries gain by it
};

const CoarseKernels& coarse_kernels();

}  // namespace lmf
