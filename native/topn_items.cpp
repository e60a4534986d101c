#include "topn_items.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace lmf {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// The mean norm of up to 256 queries, to weigh an item's norm against its bias.
double typical_norm(const TopnProblem& problem) {
  const std::int64_t step = std::max<std::int64_t>(1, problem.n_queries / 256);
  double total = 0, count = 0;
  for (std::int64_t query = 0; query < problem.n_queries; query += step) {
    const double norm = norm_of(problem.queries + query * problem.d, problem.d);
    if (!std::isfinite(norm)) continue;
    total += norm;
    count += 1;
  }
  return count > 0 ? total / count : 0;
}

template <class Body>
bool in_chunks(std::int64_t size, std::int64_t of_chunk, int threads, const Interrupt& interrupt,
               const Body& body) {
  return parallel_for((size + of_chunk - 1) / of_chunk, threads, interrupt,
                      [&](std::int64_t chunk, int) {
                        const std::int64_t end = std::min((chunk + 1) * of_chunk, size);
                        for (std::int64_t k = chunk * of_chunk; k < end; ++k) body(k);
                      });
}

}  // namespace

double norm_of(const float* row, std::int64_t d) {
  double sum[4] = {};  // four sums side by side, or each would wait for the last
  std::int64_t k = 0;
  for (; k + 4 <= d; k += 4)
    for (int s = 0; s < 4; ++s) sum[s] += static_cast<double>(row[k + s]) * row[k + s];
  for (; k < d; ++k) sum[0] += static_cast<double>(row[k]) * row[k];
  return std::sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

Candidates::Candidates(const TopnProblem& problem)
    : problem_(problem),
      columns_(topn_kernels().columns),
      shift_(std::bit_width(static_cast<unsigned>(columns_ - 1))),
      size_(problem.n_items),
      listed_(problem.allowed != nullptr) {
  if (!listed_) return;
  const auto allowed = [&](std::int64_t item) { return problem.allowed[item] != 0; };
  size_ = 0;
  for (std::int64_t item = 0; item < problem.n_items; ++item) size_ += allowed(item);
  ids_.reserve(size_);
  for (std::int64_t item = 0; item < problem.n_items; ++item)
    if (allowed(item)) ids_.push_back(static_cast<std::int32_t>(item));
}

// A counting sort on the upper half of the float, which is as fine as needed; stable.
void Candidates::sort_by_promise(const std::vector<float>& norm) {
  const auto scale = static_cast<float>(typical_norm(problem_));
  const auto bucket_of = [&](std::int32_t item) {
    const float promise =
        norm[item] * scale + (problem_.item_bias ? problem_.item_bias[item] : 0.0f);
    if (std::isnan(promise)) return 0u;
    const auto bits = std::bit_cast<std::uint32_t>(promise);
    const std::uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;
    return 0xffffu - (rising >> 16);
  };
  std::vector<std::int64_t> next(0x10001);
  for (std::int64_t k = 0; k < size_; ++k) ++next[bucket_of((*this)[k]) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<std::int32_t> order(size_);
  for (std::int64_t k = 0; k < size_; ++k) order[next[bucket_of((*this)[k])]++] = (*this)[k];
  ids_ = std::move(order);
  listed_ = true;
}

void Candidates::locate() {
  if (!listed_) return;
  places_.assign(problem_.n_items, nowhere);
  for (std::int64_t k = 0; k < size_; ++k)
    places_[ids_[k]] = static_cast<std::uint32_t>(k / columns_ << shift_ | k % columns_);
}

void Candidates::pack(std::int64_t p, float* vectors, float* bias, std::int32_t* ids) const {
  const std::int64_t first = p * columns_, count = std::min<std::int64_t>(columns_, size_ - first);
  for (std::int64_t c = 0; c < columns_; ++c) {
    ids[c] = c < count ? (*this)[first + c] : -1;
    // Adding 0 turns -0 into 0, so that no score is -0 and equal scores have equal bits.
    bias[c] = c >= count ? nan : problem_.item_bias ? problem_.item_bias[ids[c]] + 0.0f : 0.0f;
  }
  topn_kernels().pack(problem_.items, problem_.d, ids, count, vectors);
}

bool PackedItems::pack(const TopnProblem& problem, Candidates& candidates, int threads,
                       const Interrupt& interrupt) {
  d_ = problem.d;
  columns_ = topn_kernels().columns;
  std::vector<float> norm(problem.n_items);
  if (!in_chunks(problem.n_items, 4096, threads, interrupt,
                 [&](std::int64_t i) { norm[i] = item_reach(norm_of(problem.items + i * d_, d_)); }))
    return false;
  candidates.sort_by_promise(norm);

  const std::int64_t n_panels = candidates.n_panels();
  vectors_ = aligned_floats(n_panels * columns_ * d_);
  bias_ = aligned_floats(n_panels * columns_);
  ids_.resize(n_panels * columns_);
  if (!in_chunks(n_panels, 64, threads, interrupt, [&](std::int64_t p) {
        candidates.pack(p, vectors_.get() + p * columns_ * d_, bias_.get() + p * columns_,
                        &ids_[p * columns_]);
      }))
    return false;
  bound(norm);
  return true;
}

// The largest norm and bias of each panel and all after it. A NaN would be lost in a maximum, so a
// norm that is NaN counts as infinite; an item whose bias is NaN is never listed.
void PackedItems::bound(const std::vector<float>& norm) {
  const auto n_panels = static_cast<std::int64_t>(ids_.size()) / columns_;
  norm_reach_.resize(n_panels);
  bias_reach_.resize(n_panels);
  float largest_norm = 0, largest_bias = -infinity;
  for (std::int64_t p = n_panels - 1; p >= 0; --p) {
    for (std::int64_t c = p * columns_; c < (p + 1) * columns_ && ids_[c] >= 0; ++c) {
      if (std::isnan(bias_[c])) continue;
      const float item_norm = norm[ids_[c]];
      largest_norm = std::isnan(item_norm) ? infinity : std::max(largest_norm, item_norm);
      largest_bias = std::max(largest_bias, bias_[c]);
    }
    norm_reach_[p] = largest_norm;
    bias_reach_[p] = largest_bias;
  }
}

}  // namespace lmf
