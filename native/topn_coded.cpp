#include "topn_coded.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lmf {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
// 255 times 127 for each dimension must stay in 32 bits.
constexpr std::int64_t most_dimensions = 1 << 15;

// |r| rounded up, from the computed square. Squares of less than 1e-45 count as nothing, and without
// a fused multiply-add each rest is known to 2^-24 of its number only.
double rest(float squared, double norm, double d) {
  return std::sqrt(static_cast<double>(squared)) * (1 + (d + 8) / (1 << 22)) + norm / (1 << 22) +
         1e-22 * std::sqrt(d);
}

}  // namespace

bool CodedItems::can_code(const TopnProblem& problem, const PackedItems& items) {
  if (problem.d == 0 || problem.d > most_dimensions || !(items.norm_reach(0) < largest_norm)) return false;
  if (!problem.item_bias) return true;
  return std::all_of(problem.item_bias, problem.item_bias + problem.n_items,
                     [](float bias) { return std::fabs(bias) < largest_norm; });
}

bool CodedItems::code(const TopnProblem& problem, const PackedItems& items, std::int64_t n_panels,
                      int threads, const Interrupt& interrupt) {
  items_ = &items;
  n_fours_ = n_fours(problem.d);
  columns_ = topn_kernels().columns;
  codes_.resize(n_panels * n_fours_ * columns_);
  scale_.resize(n_panels * columns_);
  error_.resize(n_panels);
  largest_bias_.resize(n_panels);
  constexpr std::int64_t of_chunk = 16;
  return parallel_for((n_panels + of_chunk - 1) / of_chunk, threads, interrupt, [&](std::int64_t chunk, int) {
    float left[max_columns];
    std::int32_t total[max_columns];
    for (std::int64_t p = chunk * of_chunk; p < std::min((chunk + 1) * of_chunk, n_panels); ++p) {
      const Panel panel = items.panel(p);
      coarse_kernels().code(panel.vectors, problem.d,
                            {&codes_[p * n_fours_ * columns_], &scale_[p * columns_], left, total});
      // Columns that are not in use repeat an item.
      error_[p] = rounded_up(rest(*std::max_element(left, left + columns_), panel.norm_reach,
                                  static_cast<double>(problem.d)));
      for (std::int64_t c = 0; c < columns_; ++c)
        if (panel.ids[c] >= 0) largest_bias_[p] = std::max(largest_bias_[p], std::fabs(panel.bias[c]));
    }
  });
}

CodedPanel CodedItems::panel(std::int64_t p) const {
  const Panel panel = items_->panel(p);
  return {&codes_[p * n_fours_ * columns_], &scale_[p * columns_], panel.bias,      error_[p],
          panel.norm_reach,                 panel.bias_reach,      largest_bias_[p]};
}

CodedQueries::CodedQueries(const TopnProblem& problem, std::int64_t most)
    : problem_(problem), columns_(topn_kernels().columns), vectors_(aligned_floats(columns_ * problem.d)) {
  const std::int64_t padded = (most + columns_ - 1) / columns_ * columns_;
  codes_.resize(padded * n_fours(problem.d));
  step_.resize(padded);
  left_.resize(padded);
  total_.resize(padded);
  bounds_.resize(padded);
}

void CodedQueries::begin(std::int64_t first, std::int64_t last) {
  const std::int64_t d = problem_.d, of_panel = n_fours(d) * columns_;
  std::int32_t ids[max_columns];
  for (std::int64_t query = first; query < last; query += columns_) {
    const std::int64_t count = std::min(columns_, last - query), at = query - first;
    std::iota(ids, ids + count, 0);
    topn_kernels().pack(problem_.queries + query * d, d, ids, count, vectors_.get());
    coarse_kernels().code(vectors_.get(), d, {&codes_[at / columns_ * of_panel], &step_[at], &left_[at],
                                              &total_[at]});
    for (std::int64_t c = 0; c < count; ++c) {
      const double norm = norm_of(problem_.queries + (query + c) * d, d), depth = static_cast<double>(d);
      // The roundings of both sums cost a share of |x| |v|.
      const double left = rest(left_[at + c], norm, depth), whole = norm + left,
                   rounding = whole * (depth + 32) / (1 << 21);
      bounds_[at + c].reach = query_reach(norm, d);
      if (norm < largest_norm) {
        bounds_[at + c].by_error = rounded_up((whole + rounding) * (1 + 1e-6));
        bounds_[at + c].by_norm = rounded_up((left + rounding) * (1 + 1e-6));
      } else {
        step_[at + c] = 0;
        bounds_[at + c].by_error = bounds_[at + c].by_norm = infinity;
      }
    }
  }
}

CodedGroup CodedQueries::pack(std::span<const std::int64_t> queries, std::uint32_t* codes) const {
  const std::int64_t fours = n_fours(problem_.d), rows = topn_kernels().rows;
  CodedGroup group{};
  group.codes = codes;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t query = queries[r < std::ssize(queries) ? r : 0];
    const std::uint32_t* from = &codes_[query / columns_ * fours * columns_ + query % columns_];
    for (std::int64_t k = 0; k < fours; ++k) codes[k * rows + r] = from[k * columns_] ^ 0x80808080u;
    group.start[r] = -128 * total_[query];
    group.step[r] = step_[query];
    group.reach[r] = bounds_[query].reach;
    group.by_error[r] = bounds_[query].by_error;
    group.by_norm[r] = bounds_[query].by_norm;
  }
  return group;
}

}  // namespace lmf
