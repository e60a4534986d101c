// Items prepared for top-n of few queries at a time: by falling norm, in panels of bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coarse.hpp"
#include "memory.hpp"
#include "topn.hpp"

namespace lmf {

class TopnIndex {
 public:
  static constexpr std::int64_t usual_bytes = 16 << 20;  // about what a cache holds

  // Of the items of a problem; its queries tell how much a norm weighs against a bias. Null if
  // interrupted. What cannot be bounded, such as items that are not finite, makes an index that
  // answers nothing. Codes of more bytes than `most_bytes` have a second form of half as many, which is
  // read first.
  static std::unique_ptr<TopnIndex> make(const TopnProblem& problem, int n_threads,
                                         const Interrupt& interrupt,
                                         std::int64_t most_bytes = usual_bytes);

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
    float half_error = 0, error_step = 0, scale_step = 0;
  };
  struct Search;
  void pack_halves(const TopnProblem& problem, std::int64_t p);
  void code_by_bytes(Search& search, const float* x) const;
  void scan(Search& search, std::int64_t begin, std::int64_t end) const;
  std::int64_t end_of_reach(const Search& search, std::int64_t from) const;
  std::uint64_t reach(const Search& search, std::int64_t p, float floor) const;
  std::uint64_t reach_by_half(const Search& search, std::int64_t p, float floor) const;

  const float* items_ = nullptr;
  const float* item_bias_ = nullptr;
  std::int64_t n_items_ = 0, d_ = 0, n_pairs_ = 0, n_eights_ = 0, n_panels_ = 0;
  bool bounded_ = true;
  Buffer<std::int8_t> codes_;
  Buffer<std::uint32_t> halves_;  // empty where the codes are few
  std::vector<float> scale_, bias_;
  std::vector<std::uint8_t> half_scale_, half_error_;
  std::vector<std::int32_t> ids_;
  std::vector<Limits> limits_;
};

}  // namespace lmf
