// A non-negative row with a matrix H of its own: it is built in float32, as in isa/rows.cpp, and
// the gradient is kept up to date in float64 while the coordinates move.
#pragma once

#include "isa/row.hpp"
#include "isa/transpose.hpp"
#include "nonnegative.hpp"

namespace lmf::LMF_ISA {
namespace {

// H without lambda, both triangles, rows `stride` apart; the padding of a row is zero.
struct Matrix {
  float* at;
  std::int64_t d, stride;

  const float* row(std::int64_t k) const { return at + k * stride; }
};

// Copies the upper triangle to the lower one, block by block in registers.
void mirror(const Matrix& h) {
  constexpr int W = width<float>;
  for (std::int64_t i = 0; i < h.d; i += W) {
    for (std::int64_t j = i + W; j < h.d; j += W) {
      Vector<float> block[W];
#pragma GCC unroll 16
      for (int r = 0; r < W; ++r) block[r] = load(h.at + (i + r) * h.stride + j);
      transpose<float>(block);
#pragma GCC unroll 16
      for (int r = 0; r < W; ++r) store(h.at + (j + r) * h.stride + i, block[r]);
    }
    for (std::int64_t r = i; r < i + W; ++r)  // the block on the diagonal
      for (std::int64_t k = i; k < r; ++k) h.at[r * h.stride + k] = h.at[k * h.stride + r];
  }
}

// H in work.matrix, and the right side b in work.right.
Matrix build(const NonnegativeProblem& problem, const Row& row, Workspace& work) {
  const std::int64_t d = problem.rows.d, size = round_up(d, tile_rows);
  const Matrix h{static_cast<float*>(work.matrix), d, stride_of(size)};
  std::memset(h.at, 0, sizeof(float) * h.stride * round_up(d, width<float>));
  for (std::int64_t k = 0; k < d; ++k) work.right[k] = 0;
  bool negative = false;
  for (std::int64_t e = 0; e < row.n; ++e) negative |= row.excess(e) < 0;
  accumulate<float, Sign::plus>(row, work, h.stride, size, true);
  if (negative) accumulate<float, Sign::minus>(row, work, h.stride, size, false);
  const double w0 = problem.rows.unobserved_weight;
  if (problem.gram && w0 > 0)
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = i; j < d; ++j)
        h.at[i * h.stride + j] += static_cast<float>(w0 * problem.gram[i * d + j]);
  mirror(h);
  return h;
}

// H x - b, padded as H is.
void gradient_of(const Matrix& h, double lambda, const double* x, const double* b,
                 double* gradient) {
  for (std::int64_t k = 0; k < h.d; ++k) gradient[k] = lambda * x[k] - b[k];
  for (std::int64_t i = 0; i < h.d; ++i)  // H is symmetric: its rows are its columns
    if (x[i] != 0) add_scaled(x[i], h.row(i), gradient, h.stride);
}

// Goes over the coordinates of x, at most `passes` times.
void descend(const NonnegativeProblem& problem, const Matrix& h, double lambda, const double* b,
             const double* inverse, double* x, double* gradient) {
  for (int pass = 0; pass < problem.passes; ++pass) {
    double moved = 0, length = 0;
    for (std::int64_t k = 0; k < h.d; ++k) {
      const double to = x[k] - gradient[k] * inverse[k];
      const double step = (to > 0 ? to : 0.0) - x[k];
      if (step != 0) {
        x[k] += step;
        add_scaled(step, h.row(k), gradient, h.stride);
        gradient[k] += step * lambda;
        moved += step * step;
      }
      length += x[k] * x[k];
    }
    if (!(moved > problem.tolerance * problem.tolerance * length)) break;
    if (pass % 8 == 7) gradient_of(h, lambda, x, b, gradient);  // rounding adds up
  }
}

void solve_row(const NonnegativeProblem& problem, std::int64_t index, Workspace& work) {
  const Row row(problem.rows, index);
  float* out = problem.rows.out + index * problem.rows.d;
  const Matrix h = build(problem, row, work);
  const double* b = work.right;
  double *x = work.solution, *gradient = work.residual, *inverse = work.diagonal;
  for (std::int64_t k = 0; k < h.d; ++k) {
    const double curvature = h.row(k)[k] + row.lambda;
    x[k] = out[k] > 0 ? out[k] : 0.0f;
    inverse[k] = curvature > smallest_curvature ? 1 / curvature : 0.0;
  }
  gradient_of(h, row.lambda, x, b, gradient);
  descend(problem, h, row.lambda, b, inverse, x, gradient);
  for (std::int64_t k = 0; k < h.d; ++k) x[k] = out[k] = static_cast<float>(x[k]);
  if (!problem.rows.objective) return;
  gradient_of(h, row.lambda, x, b, gradient);
  double objective = energy(row);  // x'Hx - 2 b'x = x'(gradient - b)
  for (std::int64_t k = 0; k < h.d; ++k) objective += x[k] * (gradient[k] - b[k]);
  problem.rows.objective[index] = objective;
}

}  // namespace
}  // namespace lmf::LMF_ISA
