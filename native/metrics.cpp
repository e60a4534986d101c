#include "metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace lmf {
namespace {

constexpr std::int64_t users_per_chunk = 256;

// What one walk down a list has met so far.
struct Tally {
  std::int64_t hits = 0;
  std::int64_t first_hit = 0;  // its rank, from 1; 0: none yet
  double gain = 0;             // the sum of NDCG
  double precisions = 0;       // the sum of MAP
};

// Tables over ranks: gain[r] for a hit at rank r + 1, ideal[n] for a list that begins with n hits.
struct Discounts {
  explicit Discounts(std::int64_t ranks) : gain(ranks), ideal(ranks + 1) {
    for (std::int64_t r = 0; r < ranks; ++r) {
      gain[r] = 1.0 / std::log2(static_cast<double>(r + 2));
      ideal[r + 1] = ideal[r] + gain[r];
    }
  }
  std::vector<double> gain, ideal;
};

// Ranks that any table is asked for: up to the last cut, but never beyond list or test row.
std::int64_t ranks_needed(const RankingCase& problem) {
  std::int64_t longest = problem.width;
  for (std::int64_t user = 0; user < problem.n_users; ++user)
    longest = std::max(longest, problem.test_indptr[user + 1] - problem.test_indptr[user]);
  return std::min<std::int64_t>(longest, problem.cuts[problem.n_cuts - 1]);
}

void write(const Tally& tally, const Discounts& discounts, std::int64_t cut, std::int64_t n_test,
           double* out, std::int64_t stride) {
  const auto hits = static_cast<double>(tally.hits);
  const std::int64_t reachable = std::min(cut, n_test);
  const double values[ranking_metric_names.size()] = {
      hits / static_cast<double>(n_test),
      hits / static_cast<double>(reachable),
      hits / static_cast<double>(cut),
      tally.gain / discounts.ideal[reachable],
      tally.precisions / static_cast<double>(reachable),
      tally.first_hit ? 1.0 / static_cast<double>(tally.first_hit) : 0.0,
      tally.hits ? 1.0 : 0.0,
  };
  for (const double value : values) {
    *out = value;
    out += stride;
  }
}

// `met` is scratch: which of the user's test items have been met.
void measure_user(const RankingCase& problem, const Discounts& discounts, std::int64_t user,
                  std::vector<char>& met, double* out) {
  const std::int32_t* test = problem.test_indices + problem.test_indptr[user];
  const std::int32_t* test_end = problem.test_indices + problem.test_indptr[user + 1];
  const std::int64_t n_test = test_end - test;
  const std::int64_t stride = problem.n_cuts * problem.n_users;  // from a metric to the next
  out += user;
  if (n_test == 0) {
    for (std::size_t k = 0; k < ranking_metric_names.size() * problem.n_cuts; ++k)
      out[k * problem.n_users] = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  met.assign(n_test, 0);
  const std::int32_t* list = problem.recommended + user * problem.width;
  Tally tally;
  std::int64_t rank = 0;
  for (std::int64_t c = 0; c < problem.n_cuts; ++c, out += problem.n_users) {
    const std::int64_t cut = problem.cuts[c];
    for (const std::int64_t stop = std::min(cut, problem.width); rank < stop; ++rank) {
      const std::int32_t* found = std::lower_bound(test, test_end, list[rank]);
      if (found == test_end || *found != list[rank] || met[found - test]) continue;
      met[found - test] = 1;
      tally.hits += 1;
      tally.gain += discounts.gain[rank];
      tally.precisions += static_cast<double>(tally.hits) / static_cast<double>(rank + 1);
      if (!tally.first_hit) tally.first_hit = rank + 1;
    }
    write(tally, discounts, cut, n_test, out, stride);
  }
}

}  // namespace

bool ranking_metrics(const RankingCase& problem, double* out, int n_threads,
                     const Interrupt& interrupt) {
  const Discounts discounts(ranks_needed(problem));
  const std::int64_t n_chunks = (problem.n_users + users_per_chunk - 1) / users_per_chunk;
  const std::int64_t workers = std::min<std::int64_t>(n_chunks, resolve_threads(n_threads));
  std::vector<std::vector<char>> met(workers);
  return parallel_for(n_chunks, n_threads, interrupt, [&](std::int64_t chunk, int worker) {
    const std::int64_t begin = chunk * users_per_chunk;
    const std::int64_t end = std::min(begin + users_per_chunk, problem.n_users);
    for (std::int64_t user = begin; user < end; ++user)
      measure_user(problem, discounts, user, met[worker], out);
  });
}

}  // namespace lmf
