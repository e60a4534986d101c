// One side of a Gibbs sweep of Bayesian matrix factorization: the prior of its rows, drawn given
// the rows, and then the rows, drawn given the prior and the other side.
//
//   mu, Lambda | X  ~  Gauss-Wishart, from N(mu | mu0, (beta0 Lambda)^-1) W(Lambda | W0, nu0) with
//                      mu0 = 0, beta0 = 1, W0 = I, nu0 = d   (Salakhutdinov & Mnih 2008)
//   x | V, y        ~  N(H^-1 b, H^-1),  H = Lambda + alpha sum v v',  b = Lambda mu + alpha sum y v
//
// With Lambda^-1 = T T' and x = T z the prior of z is N(m, I), m = T^-1 mu, and its features are
// T'v: so the row solver draws z with the identity as its prior precision, primal or dual. T is lower
// triangular: where the last element of every v is one number (the partner of a bias), so is that of
// every feature, and the row solver knows how to make use of it.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel.hpp"
#include "rows.hpp"

namespace lmf {

struct RowPrior {
  int d;
  std::vector<double> map;   // T, d x d, lower triangular
  std::vector<double> mean;  // m, d
};

// Draws mu and Lambda given n rows with these sums (d) and this Gram matrix (d x d).
RowPrior draw_prior(std::int64_t n, int d, const double* sums, const double* gram,
                    std::uint64_t seed);

// Draws the prior from the present rows of problem.out, then every row of problem.out anew, and adds up
// the squared error of the targets under the new rows.
// `precision` is alpha; problem.targets, indptr, indices, d, n_rows and out are read, `fixed` is
// n_fixed x d. `bias`, n_fixed or null, is taken from the targets of its rows. Returns false if
// interrupted: then out is as it was.
bool gibbs_sweep(RowProblem problem, const float* fixed, const float* bias, std::int64_t n_fixed,
                 double precision, std::uint64_t seed, int n_threads, const Interrupt& interrupt,
                 RowPrior& prior, double& squared_error);

}  // namespace lmf
