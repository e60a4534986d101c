// Stochastic gradient descent for biased matrix factorization of ratings:
//
//   sum over ratings  (y - mu - b_u - b_i - p_u.q_i)^2 + lambda_u (|p_u|^2 + b_u^2)
//                                                      + lambda_i (|q_i|^2 + b_i^2)
//
// where lambda_u and lambda_i are a rating's shares of its user's and its item's penalty.
//
// Ratings lie in a p x p grid of blocks, users and items in p strata each. An epoch has p rounds;
// the p blocks of a round have no user and no item in common, so they run in parallel and no order
// among them matters. p and the orders depend on the data and the seed alone: the same bits for any
// number of threads (Gemulla et al. 2011; Chin et al. 2015).
#pragma once

#include <cstdint>

#include "parallel.hpp"

namespace lmf {

// sgd:     x -= rate g
// adagrad: G += mean(g^2), x -= rate g / sqrt(G); one G for the factors of a row, one for its bias
// adam:    m = .9 m + .1 g, v = .999 v + .001 g^2, x -= rate m' / (sqrt(v') + 1e-8), with
//          m' = m / (1 - .9^t), v' = v / (1 - .999^t), t the steps of this row (only rows that a
//          rating touches take a step)
enum class Rule { sgd, adagrad, adam };

// One side: rows of `stride` floats, the factors and zeros up to a multiple of 16.
struct StochasticSide {
  float* factors = nullptr;        // n x stride
  float* bias = nullptr;           // n
  const float* penalty = nullptr;  // n: lambda of one rating
  float* sums = nullptr;           // adagrad: n x 2, of factors and of the bias
  float* moments = nullptr;        // adam: n x (2 stride + 2): m, v, m and v of the bias
  float* steps = nullptr;          // adam: n
};

struct StochasticProblem {
  StochasticSide users, items;
  int stride = 0, d = 0;
  int grid = 1;                          // p
  const std::int64_t* blocks = nullptr;  // p * p + 1: where block (row stratum, column stratum) begins
  const std::int32_t* user = nullptr;    // of each rating, block by block
  const std::int32_t* item = nullptr;
  const float* target = nullptr;         // y - mu
  Rule rule = Rule::sgd;
  float rate = 0;
  std::uint64_t seed = 0;                // of this epoch's orders
  std::uint32_t* order = nullptr;        // room for one number a rating; says the order afterwards
};

// One epoch. Returns false if interrupted between two rounds or blocks.
bool stochastic_epoch(const StochasticProblem& problem, int n_threads, const Interrupt& interrupt);

// The sum of (y - mu - b_u - b_i - p_u.q_i)^2 over all ratings.
double stochastic_error(const StochasticProblem& problem, int n_threads);

// One build (native/isa/stochastic.cpp).
struct StochasticKernels {
  void (*block)(const StochasticProblem& problem, std::int64_t block);
  double (*error)(const StochasticProblem& problem, std::int64_t begin, std::int64_t end);
};

}  // namespace lmf
