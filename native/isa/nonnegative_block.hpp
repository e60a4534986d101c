// Non-negative rows that share one matrix H = w0 G + lambda I: a block of rows at a time, a row in
// each lane of the vectors. A coordinate's gradient is a fresh sum over the others, so no error is
// carried along, and neighbouring rows hide the latency that one row's coordinates have in turn.
#pragma once

#include "isa/row.hpp"
#include "nonnegative.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr int block_vectors = 4;
constexpr int block_rows = block_vectors * width<double>;

// d x block_rows each: element k of every row lies together.
struct Block {
  double *x, *right, *inverse;  // inverse: 1 / H_kk; 0 where H_kk is 0, so that nothing moves

  static constexpr std::size_t bytes(std::int64_t d) { return 3 * sizeof(double) * d * block_rows; }
  Block(void* memory, std::int64_t d)
      : x(static_cast<double*>(memory)), right(x + d * block_rows), inverse(right + d * block_rows) {}
};

using Lanes = Vector<double>[block_vectors];

// Columns [column, column + Vectors * W) of sum_j c_j y_j v_j. Sums of at most `short_sum` terms
// are made in float32 and added up in float64. `kept`: the last so many columns are new.
template <int Vectors>
void right_columns(const Row& row, std::int64_t column, std::int64_t kept, double* right) {
  constexpr int W = width<float>;
  constexpr std::int64_t short_sum = 64, ahead = 12;
  float sums[Vectors * W];
  const std::int64_t skipped = Vectors * W - kept;
  for (std::int64_t from = 0; from < row.n; from += short_sum) {
    const std::int64_t to = from + short_sum < row.n ? from + short_sum : row.n;
    Vector<float> sum[Vectors] = {};
    for (std::int64_t e = from; e < to; ++e) {
      if (e + ahead < row.n) {
        const char* next = reinterpret_cast<const char*>(row.factors(e + ahead) + column);
        for (int byte = 0; byte < Vectors * vector_bytes; byte += 64) __builtin_prefetch(next + byte);
      }
      const float* v = row.factors(e) + column;
      const Vector<float> cy = broadcast(static_cast<float>(row.weight(e) * row.target(e)));
#pragma GCC unroll 8
      for (int k = 0; k < Vectors; ++k) sum[k] += cy * load(v + k * W);
    }
#pragma GCC unroll 8
    for (int k = 0; k < Vectors; ++k) store(sums + k * W, sum[k]);
    for (std::int64_t k = skipped; k < Vectors * W; ++k) right[column + k] += sums[k];
  }
}

// sum_j c_j y_j v_j of one row.
void right_side(const Row& row, double* right) {
  constexpr int W = width<float>;
  const std::int64_t d = row.problem.d;
  for (std::int64_t k = 0; k < d; ++k) right[k] = 0;
  std::int64_t column = 0;
  for (; column + 8 * W <= d; column += 8 * W) right_columns<8>(row, column, 8 * W, right);
  for (; column + 4 * W <= d; column += 4 * W) right_columns<4>(row, column, 4 * W, right);
  for (; column + 2 * W <= d; column += 2 * W) right_columns<2>(row, column, 2 * W, right);
  for (; column + W <= d; column += W) right_columns<1>(row, column, W, right);
  if (column == d) return;
  if (d >= W) return right_columns<1>(row, d - W, d - column, right);
  for (std::int64_t e = 0; e < row.n; ++e)
    add_scaled(row.weight(e) * row.target(e), row.factors(e), right, d);
}

// (G x)_k of every row.
LMF_INLINE void product(const double* gram_row, const double* x, std::int64_t d, Lanes& sum) {
  Lanes even = {}, odd = {};
  std::int64_t j = 0;
  for (; j + 2 <= d; j += 2) {
    const Vector<double> g = broadcast(gram_row[j]), h = broadcast(gram_row[j + 1]);
#pragma GCC unroll 8
    for (int v = 0; v < block_vectors; ++v) {
      even[v] += g * load(x + j * block_rows + v * width<double>);
      odd[v] += h * load(x + (j + 1) * block_rows + v * width<double>);
    }
  }
  const Vector<double> g = broadcast(j < d ? gram_row[j] : 0.0);
  const double* last = x + (j < d ? j : 0) * block_rows;
#pragma GCC unroll 8
  for (int v = 0; v < block_vectors; ++v)
    sum[v] = even[v] + odd[v] + g * load(last + v * width<double>);
}

struct SharedMatrix {
  const double* gram;  // G: d x d, or null for 0
  double w0;
  std::int64_t d;
  alignas(64) double lambda[block_rows];

  // (H x)_k of every row.
  LMF_INLINE void times(const double* x, std::int64_t k, Lanes& result) const {
    Lanes sum = {};
    if (gram) product(gram + k * d, x, d, sum);
    for (int v = 0; v < block_vectors; ++v)
      result[v] = broadcast(w0) * sum[v] + load(lambda + v * width<double>) *
                                               load(x + k * block_rows + v * width<double>);
  }
};

// 1 / H_kk of every row, or 0 where nothing bends the objective.
void invert_diagonal(const SharedMatrix& h, double* inverse) {
  for (std::int64_t k = 0; k < h.d; ++k) {
    const Vector<double> common = broadcast(h.gram ? h.w0 * h.gram[k * h.d + k] : 0.0);
    for (std::int64_t lane = 0; lane < block_rows; lane += width<double>) {
      const Vector<double> curvature = common + load(h.lambda + lane);
      store(inverse + k * block_rows + lane,
            curvature > smallest_curvature ? 1 / curvature : Vector<double>{});
    }
  }
}

// One pass over the coordinates; `going` is 1 for the rows that still move, else 0. Returns whether
// any of them does after it.
bool pass_over(const SharedMatrix& h, Block& block, double tolerance, double* going) {
  constexpr int W = width<double>;
  Lanes moved = {}, length = {};
  for (std::int64_t k = 0; k < h.d; ++k) {
    Lanes hx;
    h.times(block.x, k, hx);
#pragma GCC unroll 8
    for (int v = 0; v < block_vectors; ++v) {
      const std::int64_t at = k * block_rows + v * W;
      const Vector<double> x = load(block.x + at), rate = load(block.inverse + at);
      const Vector<double> to = x - (hx[v] - load(block.right + at)) * rate;
      const Vector<double> step = ((to > 0 ? to : Vector<double>{}) - x) * load(going + v * W);
      store(block.x + at, x + step);
      moved[v] += step * step;
      length[v] += (x + step) * (x + step);
    }
  }
  bool any = false;
  for (int v = 0; v < block_vectors; ++v)
    for (int lane = 0; lane < W; ++lane) {
      if (!(moved[v][lane] > tolerance * tolerance * length[v][lane])) going[v * W + lane] = 0;
      any |= going[v * W + lane] != 0;
    }
  return any;
}

// x'Hx - 2 b'x of every row.
void quadratic(const SharedMatrix& h, const Block& block, double* result) {
  constexpr int W = width<double>;
  Lanes total = {};
  for (std::int64_t k = 0; k < h.d; ++k) {
    Lanes hx;
    h.times(block.x, k, hx);
#pragma GCC unroll 8
    for (int v = 0; v < block_vectors; ++v) {
      const std::int64_t at = k * block_rows + v * W;
      total[v] += load(block.x + at) * (hx[v] - 2 * load(block.right + at));
    }
  }
  for (int v = 0; v < block_vectors; ++v) store(result + v * W, total[v]);
}

// Rows [begin, end), at most block_rows of them. `right` is scratch for one row.
void solve_block(const NonnegativeProblem& problem, std::int64_t begin, std::int64_t end,
                 Block block, double* right) {
  const RowProblem& rows = problem.rows;
  const std::int64_t d = rows.d;
  SharedMatrix h{rows.unobserved_weight > 0 ? problem.gram : nullptr, rows.unobserved_weight, d, {}};
  double going[block_rows] = {}, value[block_rows];
  if (end - begin < block_rows) std::memset(block.x, 0, Block::bytes(d));
  for (std::int64_t index = begin; index < end; ++index) {
    const std::int64_t lane = index - begin;
    const Row row(rows, index);
    h.lambda[lane] = row.lambda;
    going[lane] = 1;
    right_side(row, right);
    const float* from = rows.out + index * d;
    for (std::int64_t k = 0; k < d; ++k) {
      block.x[k * block_rows + lane] = from[k] > 0 ? from[k] : 0.0f;
      block.right[k * block_rows + lane] = right[k];
    }
  }
  invert_diagonal(h, block.inverse);
  for (int pass = 0; pass < problem.passes; ++pass)
    if (!pass_over(h, block, problem.tolerance, going)) break;
  for (std::int64_t index = begin; index < end; ++index)
    for (std::int64_t k = 0; k < d; ++k) {
      double& x = block.x[k * block_rows + index - begin];
      x = rows.out[index * d + k] = static_cast<float>(x);
    }
  if (!rows.objective) return;
  quadratic(h, block, value);
  for (std::int64_t index = begin; index < end; ++index)
    rows.objective[index] = value[index - begin] + energy(Row(rows, index));
}

}  // namespace
}  // namespace lmf::LMF_ISA
