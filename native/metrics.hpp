// Ranking metrics of each user: how a recommended list meets the items kept for the test.
//
// With L the list, T the user's test items, k a cut, hits(r) the members of T among the first r
// of L, and every test item equally relevant:
//
//   recall         hits(k) / |T|
//   recall_capped  hits(k) / min(k, |T|)
//   precision      hits(k) / k
//   ndcg           sum over hits at rank r <= k of 1 / log2(r + 1), over the same sum for a list
//                  that begins with min(k, |T|) hits
//   map            sum over hits at rank r <= k of hits(r) / r, over min(k, |T|)
//   mrr            1 / rank of the first hit, 0 where there is none up to k
//   hit_rate       1 where hits(k) > 0, else 0
//
// Each user is summed by one thread in order of rank, so the bits do not depend on the threads.
#pragma once

#include <array>
#include <cstdint>

#include "parallel.hpp"

namespace lmf {

inline constexpr std::array<const char*, 7> ranking_metric_names{
    "recall", "recall_capped", "precision", "ndcg", "map", "mrr", "hit_rate"};

struct RankingCase {
  const std::int32_t* recommended;   // n_users x width, best first; -1: nothing at this rank
  std::int64_t n_users;
  std::int64_t width;
  const std::int64_t* test_indptr;   // n_users + 1
  const std::int32_t* test_indices;  // strictly increasing within each row
  const std::int32_t* cuts;          // strictly increasing, each at least 1; may exceed width
  std::int64_t n_cuts;
};

// Writes out[metric][cut][user], metrics in the order of ranking_metric_names. An item that a
// list holds twice counts where it first appears. A user with no test item gets NaN everywhere.
// Returns false if interrupted.
bool ranking_metrics(const RankingCase& problem, double* out, int n_threads,
                     const Interrupt& interrupt);

}  // namespace lmf
