// The candidates of a top-n: which items, in which order, packed in panels for the tile.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "topn_kernels.hpp"

namespace lmf {

struct AlignedDelete {
  void operator()(float* memory) const { ::operator delete(memory, std::align_val_t{64}); }
};
using Floats = std::unique_ptr<float[], AlignedDelete>;

inline Floats aligned_floats(std::int64_t size) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(size, 1));
  return Floats(static_cast<float*>(::operator new(count * sizeof(float), std::align_val_t{64})));
}

double norm_of(const float* row, std::int64_t d);

// Beyond, products might leave float32: such vectors are not bounded.
inline constexpr double largest_norm = 1e15;

inline float rounded_up(double value) {
  return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity());
}

// The product of the two is at least the computed x.v: the margins pay for the roundings of the
// sum, 2^-24 each, and the addends for numbers so small that rounding is no longer relative.
inline float query_reach(double norm, std::int64_t d) {
  return static_cast<float>(norm * (1 + static_cast<double>(d + 16) / (1 << 22)) + 1e-18);
}
inline float item_reach(double norm) { return static_cast<float>(norm * (1 + 1e-6) + 1e-18); }

// Where a candidate lies: its panel and its column there.
struct Place {
  std::int64_t panel;
  int column;
};

class Candidates {
 public:
  // All items that problem.allowed names, in their order.
  explicit Candidates(const TopnProblem& problem);

  std::int64_t size() const { return size_; }
  std::int64_t n_panels() const { return (size_ + columns_ - 1) / columns_; }
  std::int32_t operator[](std::int64_t k) const {
    return listed_ ? ids_[k] : static_cast<std::int32_t>(k);
  }

  // Puts those first that can score highest. `norm` is the reach of each item.
  void sort_by_promise(const std::vector<float>& norm);

  // Must be called before place(), and after the last change of order.
  void locate();
  // Where an item is; panel -1 if it is no candidate.
  Place place(std::int32_t item) const {
    if (!listed_) return {item / columns_, item % columns_};
    const std::uint32_t at = places_[item];
    if (at == nowhere) return {-1, 0};
    return {at >> shift_, static_cast<int>(at & ((1u << shift_) - 1))};
  }

  // Packs panel p: its vectors, biases (NaN where the panel is not full) and ids.
  void pack(std::int64_t p, float* vectors, float* bias, std::int32_t* ids) const;

 private:
  static constexpr std::uint32_t nowhere = 0xffffffffu;
  const TopnProblem& problem_;
  std::int32_t columns_;
  int shift_;  // bits of a column number
  std::int64_t size_;
  bool listed_;                        // else: all items in their order
  std::vector<std::int32_t> ids_;      // in order, if listed
  std::vector<std::uint32_t> places_;  // of each item, if listed
};

// All candidates packed, the most promising first, with what those from a panel on can reach.
class PackedItems {
 public:
  // Returns false if interrupted.
  bool pack(const TopnProblem& problem, Candidates& candidates, int threads,
            const Interrupt& interrupt);
  Panel panel(std::int64_t p) const {
    return {vectors_.get() + p * columns_ * d_, bias_.get() + p * columns_, &ids_[p * columns_],
            true, norm_reach_[p], bias_reach_[p]};
  }
  float norm_reach(std::int64_t p) const { return norm_reach_[p]; }
  float bias_reach(std::int64_t p) const { return bias_reach_[p]; }

 private:
  void bound(const std::vector<float>& norm);
  std::int64_t d_ = 0, columns_ = 0;
  Floats vectors_, bias_;
  std::vector<std::int32_t> ids_;
  std::vector<float> norm_reach_, bias_reach_;
};

}  // namespace lmf
