// Items prepared for top-n of few queries at a time: by falling norm, in panels of bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coarse.hpp"
#include "topn.hpp"

namespace lmf {

class TopnIndex {
 public:
  // Of the items of a problem; its queries tell how much a norm weighs against a bias. Null if
  // interrupted. What cannot be bounded, such as items that are not finite, makes an index that
  // answers nothing.
  static std::unique_ptr<TopnIndex> make(const TopnProblem& problem, int n_threads,
                                         const Interrupt& interrupt);

  // Whether a problem can be put to this index: it is of these items, and all can be bounded.
  bool answers(const TopnProblem& problem) const;

  // Whether an index is faster than a scan for so many queries and so long lists.
  static bool pays(std::int64_t n_queries, std::int64_t n, std::int64_t n_items);

  // The answer that a scan of all items gives, bit for bit. Returns false if interrupted.
  bool top_n(const TopnProblem& problem, int n_threads, const Interrupt& interrupt) const;

  std::int64_t bytes() const;  // of memory

 private:
  struct Limits {  // of a panel, and for `norm` and `bias` of all that follow as well
    float error = 0, norm = 0, bias = 0, largest_bias = 0;
  };
  struct Search;
  void scan(Search& search, std::int64_t begin, std::int64_t end) const;
  std::int64_t end_of_reach(const Search& search, std::int64_t from) const;
  float margin(const Search& search, const Limits& limits) const;
  CoarsePanel panel(std::int64_t p) const;

  const float* items_ = nullptr;
  const float* item_bias_ = nullptr;
  std::int64_t n_items_ = 0, d_ = 0, n_pairs_ = 0, n_panels_ = 0;
  bool bounded_ = true;
  std::vector<std::int8_t> codes_;
  std::vector<float> scale_, bias_;
  std::vector<std::int32_t> ids_;
  std::vector<Limits> limits_;
};

}  // namespace lmf
