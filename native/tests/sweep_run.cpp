// Sweeps of a data set on nothing but the kernels, to be run under perf (benchmarks/speed/phases.py):
//
//     sweep_run sweeps FOLDER D THREADS SECONDS
//     sweep_run primal FOLDER D THREADS
//
// FOLDER holds a matrix and its transpose as `by_user.indptr` (int64), `by_user.indices` (int32),
// `by_item.indptr`, `by_item.indices`. `sweeps` makes sweeps of weighted matrix factorization (w0 0.1,
// lambda 1) from random factors for so many seconds, one at least; `primal` solves the rows that have at
// least D interactions, in that form. Prints a line of JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "memory.hpp"
#include "sweep.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
std::vector<T> contents(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) std::exit(2);
  std::fseek(file, 0, SEEK_END);
  std::vector<T> values(static_cast<std::size_t>(std::ftell(file)) / sizeof(T));
  std::rewind(file);
  if (std::fread(values.data(), sizeof(T), values.size(), file) != values.size()) std::exit(2);
  std::fclose(file);
  return values;
}

struct Side {
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> indices;
  std::vector<double> regularization;
  lmf::Buffer<float> factors;
  int d;

  Side(const std::string& path, int d)
      : indptr(contents<std::int64_t>(path + ".indptr")), indices(contents<std::int32_t>(path + ".indices")),
        regularization(indptr.size() - 1, 1.0), factors((indptr.size() - 1) * d), d(d) {
    std::uint32_t state = 1;
    for (std::size_t k = 0; k < factors.size(); ++k) {
      state = state * 1664525u + 1013904223u;
      factors[k] = 0.2f * (static_cast<float>(state >> 8) / 16777216.0f - 0.5f);
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(indptr.size()) - 1; }
  lmf::RowProblem problem() {
    lmf::RowProblem problem;
    problem.d = d;
    problem.unobserved_weight = 0.1;
    problem.n_rows = size();
    problem.indptr = indptr.data();
    problem.indices = indices.data();
    problem.regularization = regularization.data();
    problem.out = factors.data();
    problem.warm = true;
    return problem;
  }
};

// GFLOP/s of the rows that have at least d interactions, each n d (d + 1) and a factorization.
double primal_rate(Side& side, const Side& fixed, int threads) {
  lmf::RowProblem problem = side.problem();
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;
  double operations = 0;
  const double d = side.d;
  for (std::int64_t row = 0; row < side.size(); ++row) {
    const std::int64_t begin = side.indptr[row], end = side.indptr[row + 1];
    if (end - begin < side.d) continue;
    indices.insert(indices.end(), side.indices.begin() + begin, side.indices.begin() + end);
    indptr.push_back(static_cast<std::int64_t>(indices.size()));
    operations += static_cast<double>(end - begin) * d * (d + 1) + d * d * d / 3 + 2 * d * d;
  }
  const std::vector<double> gram(side.d, 1.0);
  problem.n_rows = static_cast<std::int64_t>(indptr.size()) - 1;
  problem.indptr = indptr.data();
  problem.indices = indices.data();
  problem.fixed = fixed.factors.data();
  problem.gram = gram.data();
  problem.form = lmf::Form::primal;
  double best = 1e300;
  for (int round = 0; round < 5; ++round) {
    const auto start = Clock::now();
    lmf::solve_rows(problem, threads, {});
    best = std::min(best, since(start));
  }
  return problem.n_rows ? operations / best / 1e9 : 0.0;
}

void make_sweeps(Side& users, Side& items, int threads, double seconds) {
  std::vector<double> sweeps;
  lmf::RowCounts counts;
  for (const auto start = Clock::now(); sweeps.empty() || since(start) < seconds;) {
    const auto begun = Clock::now();
    lmf::Sweep sweep;
    lmf::half_sweep(users.problem(), items.factors.data(), items.size(), threads, {}, sweep);
    lmf::half_sweep(items.problem(), users.factors.data(), users.size(), threads, {}, sweep);
    sweeps.push_back(since(begun));
    counts = sweep.counts;
  }
  std::nth_element(sweeps.begin(), sweeps.begin() + sweeps.size() / 2, sweeps.end());
  std::printf("{\"seconds\": %.6g, \"sweeps\": %zu, \"primal\": %lld, \"dual\": %lld, \"conjugate\": %lld}\n",
              sweeps[sweeps.size() / 2], sweeps.size(), static_cast<long long>(counts.primal),
              static_cast<long long>(counts.dual), static_cast<long long>(counts.conjugate));
}

}  // namespace

int main(int argc, char** argv) {
  const bool primal = argc == 5 && !std::strcmp(argv[1], "primal");
  if (!primal && !(argc == 6 && !std::strcmp(argv[1], "sweeps"))) {
    std::fprintf(stderr, "usage: sweep_run sweeps FOLDER D THREADS SECONDS | primal FOLDER D THREADS\n");
    return 2;
  }
  const std::string folder = argv[2];
  const int d = std::atoi(argv[3]), threads = std::atoi(argv[4]);
  Side users(folder + "/by_user", d), items(folder + "/by_item", d);
  if (!primal) make_sweeps(users, items, threads, std::atof(argv[5]));
  else
    std::printf("{\"primal_gflops\": %.4g}\n",
                std::max(primal_rate(users, items, threads), primal_rate(items, users, threads)));
}
