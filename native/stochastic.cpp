#include "stochastic.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "dispatch.hpp"
#include "spread.hpp"

LMF_DISPATCH(StochasticKernels, stochastic_kernels)

namespace lmf {

bool stochastic_epoch(const StochasticProblem& problem, int n_threads, const Interrupt& interrupt) {
  const int p = problem.grid;
  std::vector<int> rounds(p);
  std::iota(rounds.begin(), rounds.end(), 0);
  std::mt19937_64 random(problem.seed);
  for (int k = p - 1; k > 0; --k) std::swap(rounds[k], rounds[random() % (k + 1)]);
  const int threads = std::min(resolve_threads(n_threads), p);
  Crew crew(threads);  // for all rounds
  spread(crew, threads);
  for (const int shift : rounds) {
    const bool finished = parallel_for(p, threads, interrupt, [&](std::int64_t row, int) {
      stochastic_kernels().block(problem, row * p + (row + shift) % p);
    });
    if (!finished) return false;
  }
  return true;
}

double stochastic_error(const StochasticProblem& problem, int n_threads) {
  const std::int64_t blocks = static_cast<std::int64_t>(problem.grid) * problem.grid;
  std::vector<double> sums(blocks, 0.0);
  parallel_for(blocks, n_threads, {}, [&](std::int64_t block, int) {
    sums[block] = stochastic_kernels().error(problem, problem.blocks[block], problem.blocks[block + 1]);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace lmf
