// Packed items, and queries of a block, as bytes: a first pass over many queries (native/coarse.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coarse.hpp"
#include "topn_items.hpp"

namespace lmf {

// Fours of dimensions.
inline std::int64_t n_fours(std::int64_t d) { return (d + 3) / 4; }

class CodedItems {
 public:
  // Whether a pass over codes can be had: every item is bounded, and sums of codes fit in 32 bits.
  static bool can_code(const TopnProblem& problem, const PackedItems& items);

  // Returns false if interrupted.
  bool code(const TopnProblem& problem, const PackedItems& items, std::int64_t n_panels, int threads,
            const Interrupt& interrupt);
  CodedPanel panel(std::int64_t p) const;

 private:
  std::int64_t n_fours_ = 0, columns_ = 0;
  std::vector<std::uint32_t> codes_;
  std::vector<float> scale_, error_, largest_bias_;
  const PackedItems* items_ = nullptr;
};

// The queries of a block on one thread.
class CodedQueries {
 public:
  CodedQueries(const TopnProblem& problem, std::int64_t most);
  // Takes up queries [first, last).
  void begin(std::int64_t first, std::int64_t last);
  // Packs some of them, each as its number within the block; none where `queries` ends early.
  CodedGroup pack(std::span<const std::int64_t> queries, std::uint32_t* codes) const;

 private:
  struct Bounds {
    float reach, by_error, by_norm;
  };
  const TopnProblem& problem_;
  std::int64_t columns_;
  Floats vectors_;
  std::vector<std::uint32_t> codes_;  // panel after panel
  std::vector<float> step_, left_;
  std::vector<std::int32_t> total_;
  std::vector<Bounds> bounds_;
};

}  // namespace lmf
