// Every kernel that shares its work out, on one seeded problem each. The problems are large enough for
// several chunks, so that the thread sanitizer sees them run side by side, and small enough to run
// under callgrind.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "csr.hpp"
#include "csr_build.hpp"
#include "dense.hpp"
#include "eigen.hpp"
#include "encode.hpp"
#include "gibbs.hpp"
#include "metrics.hpp"
#include "nonnegative.hpp"
#include "sparse.hpp"
#include "stochastic.hpp"
#include "sweep.hpp"
#include "topn.hpp"

namespace lmf::runs {

using Bytes = std::string;

// What a kernel has found, as bytes: NaN is then equal to itself, and -0 is not 0.
class Found {
 public:
  template <class Range>
  Found& operator<<(const Range& range) {
    bytes.append(reinterpret_cast<const char*>(range.data()), range.size() * sizeof(range[0]));
    return *this;
  }
  Found& operator<<(double value) { return *this << std::vector<double>{value}; }
  Bytes bytes;
};

inline constexpr int d = 32, grid = 8;
inline constexpr std::int64_t n_rows = 4096, n_fixed = 2048;

inline std::vector<float> random_floats(std::size_t size, unsigned seed, bool nonnegative = false) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) value = nonnegative ? std::fabs(normal(random)) : normal(random);
  return values;
}

// Rows of 0 to 63 entries, their columns rising; some 130,000 entries.
struct Table {
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> rows, indices;

  Table() {
    std::mt19937 random(1);
    for (std::int32_t row = 0; row < n_rows; ++row) {
      const auto length = static_cast<std::int32_t>(random() % 64);
      for (std::int32_t k = 0; k < length; ++k) {
        rows.push_back(row);
        indices.push_back(32 * k + static_cast<std::int32_t>(random() % 32));
      }
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
    }
  }
  std::int64_t nnz() const { return static_cast<std::int64_t>(indices.size()); }
};

inline const Table table;
inline const std::vector<float> targets = random_floats(table.nnz(), 2);
inline const std::vector<double> lambda(n_rows, 0.5);

inline lmf::RowProblem row_problem(const std::vector<float>& fixed, std::vector<float>& out) {
  lmf::RowProblem problem;
  problem.d = d;
  problem.fixed = fixed.data();
  problem.n_rows = n_rows;
  problem.indptr = table.indptr.data();
  problem.indices = table.indices.data();
  problem.targets = targets.data();
  problem.regularization = lambda.data();
  problem.out = out.data();
  return problem;
}

inline Bytes sweep(int n_threads) {
  std::vector<float> fixed = random_floats(n_fixed * d, 3), out = random_floats(n_rows * d, 4);
  std::vector<double> objective(n_rows);
  lmf::RowProblem problem = row_problem(fixed, out);
  problem.unobserved_weight = 0.2;
  problem.objective = objective.data();
  lmf::Sweep swept;
  lmf::half_sweep(problem, fixed.data(), n_fixed, n_threads, {}, swept);
  return (Found() << fixed << out << objective << swept.objective).bytes;
}

inline Bytes rows_by(lmf::Form form, int n_threads) {
  const auto fixed = random_floats(n_fixed * d, 26);
  const std::vector<double> gram(d, n_fixed);
  std::vector<float> out(n_rows * d);
  lmf::RowProblem problem = row_problem(fixed, out);
  problem.unobserved_weight = 0.2;
  problem.gram = gram.data();
  problem.form = form;
  lmf::solve_rows(problem, n_threads, {});
  return (Found() << out).bytes;
}

inline Bytes primal(int n_threads) { return rows_by(lmf::Form::primal, n_threads); }
inline Bytes dual(int n_threads) { return rows_by(lmf::Form::dual, n_threads); }

// Weights that differ give each row a matrix of its own; equal ones are solved a block at a time.
inline Bytes nonnegative_with(double unobserved_weight, int n_threads) {
  const auto fixed = random_floats(n_fixed * d, 5, true);
  auto out = random_floats(n_rows * d, 6, true);
  std::vector<double> gram(d * d), objective(n_rows);
  lmf::gram(fixed.data(), n_fixed, d, gram.data(), 1, {});
  lmf::NonnegativeProblem problem;
  problem.rows = row_problem(fixed, out);
  problem.rows.unobserved_weight = unobserved_weight;
  problem.rows.objective = objective.data();
  problem.gram = gram.data();
  problem.passes = 3;
  lmf::nonnegative_rows(problem, n_threads, {});
  return (Found() << out << objective).bytes;
}

inline Bytes nonnegative(int n_threads) {
  return nonnegative_with(0.3, n_threads) + nonnegative_with(1.0, n_threads);
}

inline Bytes gibbs(int n_threads) {
  const auto fixed = random_floats(n_fixed * d, 7), bias = random_floats(n_fixed, 8);
  auto out = random_floats(n_rows * d, 9);
  lmf::RowPrior prior{};
  double error = 0;
  lmf::gibbs_sweep(row_problem(fixed, out), fixed.data(), bias.data(), n_fixed, 2.0, 10, n_threads, {},
                   prior, error);
  return (Found() << out << prior.map << prior.mean << error).bytes;
}

inline Bytes sparse(int n_threads) {
  const auto dense = random_floats(n_fixed * d, 12);
  std::vector<float> out(n_rows * d);
  lmf::SparseProduct product;
  product.n_rows = n_rows;
  product.indptr = table.indptr.data();
  product.indices = table.indices.data();
  product.values = targets.data();
  product.dense = dense.data();
  product.width = d;
  product.out = out.data();
  lmf::multiply(product, n_threads, {});
  return (Found() << out).bytes;
}

// One side of the stochastic trainer, with room for every rule.
struct Side {
  std::vector<float> factors, bias, penalty, sums, moments, steps;
  Side(std::int64_t n, unsigned seed)
      : factors(random_floats(n * d, seed)), bias(n), penalty(n, 0.05f), sums(2 * n),
        moments(n * (2 * d + 2)), steps(n) {}
  lmf::StochasticSide side() {
    return {factors.data(), bias.data(), penalty.data(), sums.data(), moments.data(), steps.data()};
  }
};

inline Bytes stochastic_by(lmf::Rule rule, int n_threads) {
  Side users(n_rows, 13), items(n_fixed, 14);
  std::vector<std::int64_t> blocks{0};
  std::vector<std::int32_t> user, item;
  std::vector<float> target;
  for (int block = 0; block < grid * grid; ++block) {
    for (std::int64_t k = 0; k < table.nnz(); ++k)
      if (table.rows[k] % grid == block / grid && table.indices[k] % grid == block % grid) {
        user.push_back(table.rows[k]);
        item.push_back(table.indices[k]);
        target.push_back(targets[k]);
      }
    blocks.push_back(static_cast<std::int64_t>(user.size()));
  }
  std::vector<std::uint32_t> order(user.size());
  lmf::StochasticProblem problem;
  problem.users = users.side();
  problem.items = items.side();
  problem.stride = problem.d = d;
  problem.grid = grid;
  problem.blocks = blocks.data();
  problem.user = user.data();
  problem.item = item.data();
  problem.target = target.data();
  problem.rule = rule;
  problem.rate = 0.005f;
  problem.seed = 15;
  problem.order = order.data();
  lmf::stochastic_epoch(problem, n_threads, {});
  const double error = lmf::stochastic_error(problem, n_threads);
  return (Found() << users.factors << users.bias << items.factors << items.bias << order << error).bytes;
}

inline Bytes stochastic(int n_threads) {
  return stochastic_by(lmf::Rule::sgd, n_threads) + stochastic_by(lmf::Rule::adagrad, n_threads) +
         stochastic_by(lmf::Rule::adam, n_threads);
}

inline Bytes dense(int n_threads) {
  auto left = random_floats(2 * n_rows * d, 16), right = random_floats(n_rows * d, 17);
  auto factors = random_floats(n_rows * d, 18), others = random_floats(n_fixed * d, 19);
  const std::vector<double> weights(n_rows, 0.7);
  std::vector<double> gram(d * d), cross(2 * d * d), energies(d);
  lmf::gram(factors.data(), n_rows, d, gram.data(), n_threads, {});
  lmf::rotate(factors.data(), n_rows, d, gram.data(), nullptr, n_threads, {});
  lmf::column_energies(factors.data(), weights.data(), n_rows, d, energies.data(), n_threads);
  lmf::balance(factors.data(), weights.data(), n_rows, others.data(), weights.data(), n_fixed, d,
               n_threads);
  const lmf::Blocks blocks{left.data(), 2, d, n_rows};
  lmf::cross(blocks, right.data(), d, cross.data(), n_threads, {});
  lmf::subtract_product(right.data(), d, blocks, cross.data(), n_threads, {});
  return (Found() << factors << others << right << gram << cross << energies).bytes;
}

inline Bytes eigen(int n_threads) {
  constexpr int size = 200;
  const auto some = random_floats(size * size, 20);
  std::vector<double> matrix(some.begin(), some.end()), values(size), vectors(size * size);
  lmf::eigen_symmetric(matrix.data(), size, values.data(), vectors.data(), n_threads);
  return (Found() << values << vectors).bytes;
}

// One query, few and many take three ways; the scores of pairs are asked for beside them.
inline Bytes top(int n_threads) {
  constexpr std::int64_t n = 10;
  const auto users = random_floats(n_rows * d, 21), items = random_floats(n_fixed * d, 22);
  const auto bias = random_floats(n_fixed, 23);
  Found found;
  for (const std::int64_t queries : {std::int64_t{1}, std::int64_t{20}, n_rows}) {
    std::vector<std::int32_t> best(queries * n);
    std::vector<float> scores(queries * n);
    lmf::TopnProblem problem;
    problem.queries = users.data();
    problem.n_queries = queries;
    problem.items = items.data();
    problem.n_items = n_fixed;
    problem.d = d;
    problem.n = n;
    problem.item_bias = bias.data();
    problem.exclude_indptr = table.indptr.data();
    problem.exclude_indices = table.indices.data();
    problem.out_items = best.data();
    problem.out_scores = scores.data();
    lmf::top_n(problem, n_threads, {});
    found << best << scores;
  }
  std::vector<float> scores(table.nnz());
  lmf::score_pairs({users.data(), items.data(), d, table.rows.data(), table.indices.data(), table.nnz(),
                    bias.data(), scores.data()},
                   n_threads, {});
  return (found << scores).bytes;
}

inline Bytes metrics(int n_threads) {
  constexpr std::int64_t width = 8;
  std::vector<std::int32_t> recommended(n_rows * width);
  for (std::int64_t k = 0; k < n_rows * width; ++k)
    recommended[k] = static_cast<std::int32_t>(k * 37 % n_fixed);
  const std::vector<std::int32_t> cuts{3, 8};
  std::vector<double> out(lmf::ranking_metric_names.size() * cuts.size() * n_rows);
  lmf::ranking_metrics({recommended.data(), n_rows, width, table.indptr.data(), table.indices.data(),
                        cuts.data(), static_cast<std::int64_t>(cuts.size())},
                       out.data(), n_threads, {});
  return (Found() << out).bytes;
}

inline Bytes building(int n_threads) {
  constexpr std::int64_t n = 300000;
  std::mt19937 random(24);
  std::vector<std::int32_t> entry_rows(n), entry_cols(n), codes(n);
  std::vector<std::int64_t> ids(n);
  for (std::int64_t k = 0; k < n; ++k) {
    entry_rows[k] = static_cast<std::int32_t>(random() % n_rows);
    entry_cols[k] = static_cast<std::int32_t>(random() % n_fixed);
    ids[k] = static_cast<std::int64_t>(random() % 100000) * 1000003;
  }
  const auto values = random_floats(n, 25);
  Found found;
  found << lmf::encode_integers<std::int64_t>({{ids.data(), n}}, codes.data(), n_threads) << codes;
  const bool below = lmf::all_below(entry_rows.data(), n, n_rows, n_threads);
  found << (below ? 1.0 : 0.0);
  const lmf::Entries entries{entry_rows.data(), entry_cols.data(), n,
                             lmf::Runs<float>({{values.data(), n}}), {}};
  const auto built = lmf::build_rows(entries, n_rows, n_fixed, lmf::Duplicates::sum, n_threads);
  std::vector<std::int64_t> indptr(n_fixed + 1);
  std::vector<std::int32_t> indices(built.indices.size());
  std::vector<float> turned(built.indices.size());
  lmf::csr_transpose(built.indptr.data(), built.indices.data(), built.values.data(), n_rows, n_fixed,
                     indptr.data(), indices.data(), turned.data(), n_threads);
  found << built.indptr << built.indices << built.values << indptr << indices << turned;
  return found.bytes;
}

struct Kernel {
  const char* name;
  Bytes (*run)(int n_threads);
};

inline constexpr Kernel kernels[] = {
    {"sweep", sweep},   {"primal", primal},         {"dual", dual},   {"nonnegative", nonnegative},
    {"gibbs", gibbs},   {"sparse", sparse},         {"dense", dense}, {"stochastic", stochastic},
    {"eigen", eigen},   {"top", top},               {"metrics", metrics}, {"building", building},
};

}  // namespace lmf::runs
