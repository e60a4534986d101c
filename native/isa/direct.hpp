// The two forms that solve a row by a factorization. The equations stand in native/rows.hpp.
//
// Arithmetic is float32. The condition estimate that Cholesky gives for nothing decides whether that
// is enough; if not, the solution is refined with residuals in float64, and if the matrix is too
// ill-conditioned for that, the same code runs in float64.
#pragma once

#include "isa/row.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr double refine_above = 4;  // condition estimate from which float32 alone misses 1e-5
constexpr double double_above = 1e5;  // and from which refinement would not converge
constexpr double cancelled_below = 1e-4;  // |sum c y v|^2 against sum c y^2 and the trace
constexpr double thinned_below = 1e-3;  // t'Kt against |t|^2 times K's mean eigenvalue
constexpr std::int64_t longest_plain = 20000;  // interactions that accumulate_plain may add up
constexpr int most_refinements = 8;
constexpr double refined_enough = 1e-7;

// ---- solving ------------------------------------------------------------------------------------

enum class Verdict { fine, ill_conditioned };

template <class T>
constexpr bool is_double = sizeof(T) == sizeof(double);

LMF_INLINE double norm2(const double* x, std::int64_t n) {
  double total = 0;
  for (std::int64_t k = 0; k < n; ++k) total += x[k] * x[k];
  return total;
}

// Factors the matrix in the workspace. In float64 it must succeed, so the diagonal is raised until
// it does: a matrix that is singular to working precision then gets its smallest-norm-like answer.
template <class T>
Verdict factorize(Workspace& work, std::int64_t stride, std::int64_t size, double& condition,
                  const auto& rebuild) {
  T* matrix = static_cast<T*>(work.matrix);
  double largest = 0;
  for (std::int64_t k = 0; k < size; ++k) {
    const double value = matrix[k * stride + k];
    largest = value > largest ? value : largest;
  }
  for (double lift = 0;; lift = lift == 0 ? 4e-16 * size : lift * 10) {
    if (lift > 0) {
      rebuild();
      for (std::int64_t k = 0; k < size; ++k) matrix[k * stride + k] += static_cast<T>(lift * largest);
    }
    condition = cholesky(matrix, stride, size, static_cast<T*>(work.inverse));
    if (!is_double<T>) return condition < double_above ? Verdict::fine : Verdict::ill_conditioned;
    if (condition < 1e300) return Verdict::fine;
    if (!(lift < 1)) return Verdict::ill_conditioned;  // not finite: there is no answer
  }
}

// Solves M x = b with the factors in the workspace; refines while a correction still matters. With
// noise it draws from N(x, M^-1), whose spread dwarfs what refinement could mend.
// residual(x, r) writes b - M x in float64.
template <class T>
Verdict solve_refined(Workspace& work, std::int64_t stride, std::int64_t size, std::int64_t n,
                      const double* b, const double* noise, bool refine, RowCounts& counts,
                      const auto& residual) {
  const T* matrix = static_cast<const T*>(work.matrix);
  const T* inverse = static_cast<const T*>(work.inverse);
  T* x = static_cast<T*>(work.x);
  T* scratch = static_cast<T*>(work.scratch);
  const auto solve = [&](const double* right, const double* added) {
    for (std::int64_t k = 0; k < n; ++k) x[k] = static_cast<T>(right[k]);
    for (std::int64_t k = n; k < stride; ++k) x[k] = 0;
    solve_factored(matrix, stride, size, inverse, x, scratch, added);
  };
  solve(b, noise);
  double* solution = work.solution;
  for (std::int64_t k = 0; k < n; ++k) solution[k] = x[k];
  for (std::int64_t k = n; k < stride; ++k) solution[k] = 0;
  if (!refine) return Verdict::fine;
  ++counts.refined;
  double before = 1e300;
  for (int round = 0; round < most_refinements; ++round) {
    residual(solution, work.residual);
    solve(work.residual, nullptr);
    double step = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      step += static_cast<double>(x[k]) * x[k];
      solution[k] += x[k];
    }
    const double size2 = norm2(solution, n);
    if (step <= refined_enough * refined_enough * size2) return Verdict::fine;
    // A step must be much shorter than the one before, or the factors are no good for this matrix.
    if (!(step < 0.05 * before)) return is_double<T> ? Verdict::fine : Verdict::ill_conditioned;
    before = step;
  }
  return Verdict::fine;
}

// The right-hand side of a row in float64 and sum c y^2, straight from the data.
LMF_INLINE double exact_right(const Row& row, double* right) {
  const std::int64_t d = row.problem.d;
  for (std::int64_t k = 0; k < d; ++k) right[k] = row.prior ? row.lambda * row.prior[k] : 0.0;
  double energy = 0;
  for (std::int64_t e = 0; e < row.n; ++e) {
    const double cy = row.weight(e) * row.target(e);
    energy += cy * row.target(e);
    add_scaled(cy, row.factors(e), right, d);
  }
  return energy;
}

// sum c (y - v.x)^2 of a draw, where it is wanted: `quick`, unless that is a small difference of
// larger numbers.
LMF_INLINE double drawn_error(const Row& row, const double* x, double quick, double energy) {
  constexpr double lost_below = 0.01;
  if (!row.problem.objective || quick > lost_below * energy) return quick;
  double total = 0;
  for (std::int64_t e = 0; e < row.n; ++e) {
    const double error = row.target(e) - dot(row.factors(e), x, row.problem.d);
    total += row.weight(e) * error * error;
  }
  return total;
}

// (D + sum s^2 v v') x = b by Cholesky. `energy` is sum c y^2.
template <class T>
Verdict primal(const Row& row, Workspace& work, bool has_negative, RowCounts& counts,
               double& objective) {
  const std::int64_t d = row.problem.d;
  const std::int64_t size = round_up(d, tile_rows), stride = stride_of(size);
  T* matrix = static_cast<T*>(work.matrix);
  const auto build = [&](bool with_right) {
    std::memset(matrix, 0, sizeof(T) * stride * size);
    if (row.plain()) accumulate_plain<T>(row, work, stride, with_right);
    else accumulate<T, Sign::plus>(row, work, stride, size, with_right);
    if (has_negative) accumulate<T, Sign::minus>(row, work, stride, size, false);
    for (std::int64_t k = 0; k < d; ++k) matrix[k * stride + k] += static_cast<T>(work.diagonal[k]);
    for (std::int64_t k = d; k < size; ++k) matrix[k * stride + k] = 1;
  };
  for (std::int64_t k = 0; k < d; ++k) work.right[k] = row.prior ? row.lambda * row.prior[k] : 0.0;
  build(true);
  double energy = 0, trace = 0;
  if (row.targets || !row.unweighted()) {
    for (std::int64_t e = 0; e < row.n; ++e) energy += row.weight(e) * row.target(e) * row.target(e);
  } else {
    energy = static_cast<double>(row.n);
  }
  for (std::int64_t k = 0; k < d; ++k) trace += matrix[k * stride + k];
  // Where the terms of the right side cancel, it has lost the digits that they had in common.
  const bool cancelled = norm2(work.right, d) < cancelled_below * energy * trace;
  double condition = 0;
  if (factorize<T>(work, stride, size, condition, [&] { build(false); }) != Verdict::fine)
    return Verdict::ill_conditioned;
  // One long sum loses digits, and so does what is taken away from w0 G.
  const bool one_sum = row.plain() && row.n > longest_plain;
  const bool refine =
      !row.problem.draw &&
      (is_double<T> || condition > refine_above || one_sum || has_negative || cancelled);
  if (refine) exact_right(row, work.right);
  const double* noise = nullptr;
  if (row.problem.draw) {
    normals(row.stream, d, work.noise);
    for (std::int64_t k = d; k < size; ++k) work.noise[k] = 0;
    noise = work.noise;
  }
  const Verdict verdict = solve_refined<T>(
      work, stride, size, d, work.right, noise, refine, counts, [&](const double* x, double* residual) {
        for (std::int64_t k = 0; k < d; ++k) residual[k] = work.right[k] - work.diagonal[k] * x[k];
        for (std::int64_t e = 0; e < row.n; ++e) {
          if (e + 8 < row.n) row.prefetch(e + 8);
          const float* v = row.factors(e);
          add_scaled(-row.excess(e) * dot(v, x, d), v, residual, d);
        }
      });
  if (verdict != Verdict::fine) return verdict;
  if (row.problem.draw) {
    // |y - Vx|^2 = |y|^2 - 2 y'Vx + |Ux|^2 - x'Dx, and the solver leaves Ux behind.
    const T* turned = static_cast<const T*>(work.scratch);
    objective = energy;
    for (std::int64_t k = 0; k < d; ++k) {
      const double x = work.solution[k], prior = row.prior ? row.lambda * row.prior[k] : 0.0;
      objective += static_cast<double>(turned[k]) * turned[k] - work.diagonal[k] * x * x -
                   2 * (work.right[k] - prior) * x;
    }
    objective = drawn_error(row, work.solution, objective, energy);
    return Verdict::fine;
  }
  if (row.prior) {
    double length = 0;
    for (std::int64_t k = 0; k < d; ++k) length += static_cast<double>(row.prior[k]) * row.prior[k];
    energy += row.lambda * length;
  }
  objective = energy;
  for (std::int64_t k = 0; k < d; ++k) objective -= work.right[k] * work.solution[k];
  return Verdict::fine;
}

// Packs columns [column, column + depth) of S V D^-1/2, transposed: depth x stride.
template <class T>
void pack_transposed(const Row& row, const double* s, const T* scale, std::int64_t column,
                     std::int64_t depth, T* panel, std::int64_t stride) {
  constexpr int W = width<T>;
  const std::int64_t d = row.problem.d;
  for (std::int64_t e = 0; e < stride; e += W) {
    const float* from[W];
    Vector<T> weight[W];
    const int live = static_cast<int>(row.n - e < W ? (row.n > e ? row.n - e : 0) : W);
    for (int r = 0; r < W; ++r) {
      from[r] = r < live ? row.factors(e + r) : nullptr;
      weight[r] = broadcast(static_cast<T>(r < live ? s[e + r] : 0.0));
    }
    for (std::int64_t k = 0; k < depth; k += W) {
      const std::int64_t left = d - column - k;
      const Vector<T> scaled = load(scale + column + k);
      Vector<T> block[W];
      if (left >= W && live == W) {
#pragma GCC unroll 16
        for (int r = 0; r < W; ++r)
          block[r] = Widen<T>::load_full(from[r] + column + k) * (weight[r] * scaled);
      } else {
        for (int r = 0; r < W; ++r) {
          if (r >= live) block[r] = Vector<T>{};
          else if (left >= W) block[r] = Widen<T>::load_full(from[r] + column + k) * (weight[r] * scaled);
          else block[r] = Widen<T>::load_some(from[r] + column + k, static_cast<int>(left)) * (weight[r] * scaled);
        }
      }
      transpose<T>(block);
#pragma GCC unroll 16
      for (int r = 0; r < W; ++r) store(panel + (k + r) * stride + e, block[r]);
    }
  }
}

// (I + S V D^-1 V' S) t = z - S V x0, then x = x0 + D^-1 V' S t. Needs every c > w0 and D > 0.
template <class T>
Verdict dual(const Row& row, Workspace& work, RowCounts& counts, double& objective) {
  const std::int64_t d = row.problem.d, n = row.n;
  const std::int64_t size = round_up(n, tile_rows), stride = stride_of(size);
  T* matrix = static_cast<T*>(work.matrix);
  T* panel = static_cast<T*>(work.panel);
  T* scale = static_cast<T*>(work.scale);
  const std::int64_t d_padded = round_up(d, width<T>);
  for (std::int64_t k = 0; k < d_padded; ++k)
    scale[k] = k < d ? static_cast<T>(1.0 / __builtin_sqrt(work.diagonal[k])) : T(0);
  double* s = work.weight;
  double* z = work.target;
  double energy = 0, least = 1e300;
  for (std::int64_t e = 0; e < n; ++e) {
    least = row.excess(e) < least ? row.excess(e) : least;
    s[e] = __builtin_sqrt(row.excess(e));
    const double cy = row.weight(e) * row.target(e);
    z[e] = cy / s[e];
    energy += cy * row.target(e);
  }
  double* start = work.right;  // x0
  // Products read whole vectors: what follows a row's d numbers must not be a NaN, which no zero
  // takes away.
  const std::int64_t d_wide = round_up(d, width<double>);
  for (std::int64_t k = d; k < d_wide; ++k) start[k] = 0;
  if (row.problem.draw) {
    normals(row.stream, d, work.noise);
    for (std::int64_t k = 0; k < d; ++k)
      start[k] = (row.prior ? row.lambda * row.prior[k] / work.diagonal[k] : 0.0) +
                 work.noise[k] / __builtin_sqrt(work.diagonal[k]);
    normals(~row.stream, n, work.noise);
    for (std::int64_t e = 0; e < n; ++e)
      z[e] -= s[e] * dot(row.factors(e), start, d) + work.noise[e];
  } else if (row.prior) {
    for (std::int64_t k = 0; k < d; ++k) {
      energy += row.lambda * row.prior[k] * row.prior[k];
      start[k] = row.lambda * row.prior[k] / work.diagonal[k];
      energy -= row.lambda * row.prior[k] * start[k];
    }
    for (std::int64_t e = 0; e < n; ++e) {
      // energy - b.x, collected as b.x0 goes by: b = V'(c y) + lambda mu
      const double at_start = dot(row.factors(e), start, d);
      energy -= 2 * s[e] * z[e] * at_start - s[e] * s[e] * at_start * at_start;
      z[e] -= s[e] * at_start;
    }
  }
  const auto build = [&] {
    std::memset(matrix, 0, sizeof(T) * stride * size);
    const std::int64_t depth = panel_depth(stride);
    for (std::int64_t column = 0; column < d; column += depth) {
      const std::int64_t now = d_padded - column < depth ? d_padded - column : depth;
      pack_transposed<T>(row, s, scale, column, now, panel, stride);
      rank_update<T, Sign::plus>(matrix, stride, panel, stride, now, size);
    }
    for (std::int64_t k = 0; k < size; ++k) matrix[k * stride + k] += 1;
  };
  build();
  double condition = 0, trace = 0;  // of K, the matrix without its ones
  for (std::int64_t e = 0; e < n; ++e) trace += matrix[e * stride + e] - T(1);
  if (factorize<T>(work, stride, size, condition, build) != Verdict::fine)
    return Verdict::ill_conditioned;
  // x - x0 = D^-1 V' S t
  double* scaled = static_cast<double*>(work.scratch);  // free between two solves
  const auto primal_of = [&](const double* t, double* x) {
    for (std::int64_t k = 0; k < d_wide; ++k) x[k] = 0;
    for (std::int64_t e = 0; e < n; ++e) scaled[e] = s[e] * t[e];
    add_all(row, scaled, x);
    for (std::int64_t k = 0; k < d; ++k) x[k] /= work.diagonal[k];
  };
  double* x = reinterpret_cast<double*>(work.panel);  // free by now
  // With a prior x may be a small difference of x0 and the rest, so the rest must be exact.
  const bool refine =
      !row.problem.draw && (is_double<T> || condition > refine_above || row.prior);
  const auto solve = [&](bool refined) {
    const Verdict verdict = solve_refined<T>(
        work, stride, size, n, z, nullptr, refined, counts, [&](const double* t, double* residual) {
          primal_of(t, x);
          for (std::int64_t e = 0; e < n; ++e)
            residual[e] = z[e] - t[e] - s[e] * dot(row.factors(e), x, d);
        });
    if (verdict == Verdict::fine) primal_of(work.solution, x);
    return verdict;
  };
  // Where the terms of the right side cancel, x'Dx = t'Kt is small for that t, and t's digits are not
  // enough.
  const auto cancelled = [&] {
    double length = 0;
    for (std::int64_t k = 0; k < d; ++k) length += work.diagonal[k] * x[k] * x[k];
    return length < thinned_below * trace / n * norm2(work.solution, n);
  };
  Verdict verdict = solve(refine);
  if (verdict == Verdict::fine && !refine && !row.problem.draw && cancelled()) verdict = solve(true);
  if (verdict != Verdict::fine) return verdict;
  // The minimum is energy - z'(I + K)^-1 K z. z.(z - t) says it for nothing, but loses digits where
  // a weight is close to w0 and z therefore large against c y.
  objective = energy;
  const bool close = least < row.unobserved;
  for (std::int64_t e = 0; e < n; ++e)
    objective -= close ? s[e] * z[e] * dot(row.factors(e), x, d) : z[e] * (z[e] - work.solution[e]);
  double left = 0;  // S (y - V x) of a draw is t and the noise
  if (row.problem.draw)
    for (std::int64_t e = 0; e < n; ++e)
      left += (work.solution[e] + work.noise[e]) * (work.solution[e] + work.noise[e]);
  const bool from_start = row.prior || row.problem.draw;
  for (std::int64_t k = 0; k < d_wide; ++k) work.solution[k] = x[k] + (from_start ? start[k] : 0.0);
  if (row.problem.draw) objective = drawn_error(row, work.solution, left, energy);
  return Verdict::fine;
}

// No interaction weighs more than an unobserved one: the matrix is D.
void diagonal(const Row& row, Workspace& work, double& objective) {
  objective = exact_right(row, work.right);
  if (row.prior)
    for (std::int64_t k = 0; k < row.problem.d; ++k)
      objective += row.lambda * row.prior[k] * row.prior[k];
  for (std::int64_t k = 0; k < row.problem.d; ++k) {
    work.solution[k] = work.diagonal[k] > 0 ? work.right[k] / work.diagonal[k] : 0.0;
    objective -= work.right[k] * work.solution[k];
  }
  if (!row.problem.draw) return;
  objective = 0;  // the error of a draw over no interactions, or over some that weigh nothing
  normals(row.stream, row.problem.d, work.noise);
  for (std::int64_t k = 0; k < row.problem.d; ++k)
    if (work.diagonal[k] > 0) work.solution[k] += work.noise[k] / __builtin_sqrt(work.diagonal[k]);
}

}  // namespace
}  // namespace lmf::LMF_ISA
