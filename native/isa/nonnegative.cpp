// Non-negative rows by coordinate descent, one build per instruction set. The equations stand in
// native/nonnegative.hpp.
#include "nonnegative.hpp"

#include "isa/row.hpp"

namespace lmf::LMF_ISA {
extern const NonnegativeKernels nonnegative_kernels;

namespace {

std::size_t workspace_bytes(int d) {
  const std::int64_t stride = stride_of(d + tile_rows);
  return Workspace::bytes(d) + sizeof(double) * stride * (d + 2 * tile_rows);
}

// H in float64, both triangles, d x stride.
void build(const NonnegativeProblem& problem, const Row& row, Workspace& work, bool shared,
           double* h, std::int64_t stride) {
  const std::int64_t d = problem.rows.d;
  if (!shared) {
    const std::int64_t size = round_up(d, tile_rows), narrow_stride = stride_of(size);
    float* sums = static_cast<float*>(work.matrix);
    std::memset(sums, 0, sizeof(float) * narrow_stride * size);
    bool negative = false;
    for (std::int64_t e = 0; e < row.n; ++e) negative |= row.excess(e) < 0;
    accumulate<float, Sign::plus>(row, work, narrow_stride, size, false);
    if (negative) accumulate<float, Sign::minus>(row, work, narrow_stride, size, false);
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = d; j < stride; ++j) h[i * stride + j] = 0;
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = i; j < d; ++j)
        h[i * stride + j] = h[j * stride + i] = sums[i * narrow_stride + j];
  } else {
    std::memset(h, 0, sizeof(double) * stride * d);
  }
  const double w0 = problem.rows.unobserved_weight;
  if (problem.gram && w0 > 0)
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = 0; j < d; ++j) h[i * stride + j] += w0 * problem.gram[i * d + j];
}

// y += a x, padded to whole vectors.
LMF_INLINE void add(double a, const double* x, double* y, std::int64_t stride) {
  const Vector<double> scale = broadcast(a);
  for (std::int64_t k = 0; k < stride; k += width<double>)
    store(y + k, load(y + k) + scale * load(x + k));
}

void gradient_of(const double* h, std::int64_t stride, std::int64_t d, double lambda,
                 const double* x, const double* b, double* gradient) {
  for (std::int64_t k = 0; k < d; ++k) gradient[k] = lambda * x[k] - b[k];
  for (std::int64_t i = 0; i < d; ++i)  // H is symmetric: its rows are its columns
    if (x[i] != 0) add(x[i], h + i * stride, gradient, stride);
}

void solve_row(const NonnegativeProblem& problem, const Row& row, Workspace& work, double* h,
               std::int64_t stride, float* out, double& objective) {
  const std::int64_t d = problem.rows.d;
  double *b = work.right, *x = work.solution, *gradient = work.residual;
  for (std::int64_t k = 0; k < d; ++k) b[k] = 0;
  double energy = 0;
  for (std::int64_t e = 0; e < row.n; ++e) {
    if (e + 8 < row.n) row.prefetch(e + 8);
    const double cy = row.weight(e) * row.target(e);
    energy += cy * row.target(e);
    add_scaled(cy, row.factors(e), b, d);
  }
  for (std::int64_t k = 0; k < d; ++k) x[k] = out[k] > 0 ? out[k] : 0.0f;
  gradient_of(h, stride, d, row.lambda, x, b, gradient);
  for (int pass = 0; pass < problem.passes; ++pass) {
    double moved = 0, length = 0;
    for (std::int64_t k = 0; k < d; ++k) {
      const double curvature = h[k * stride + k] + row.lambda;
      if (curvature > 0) {
        const double to = x[k] - gradient[k] / curvature;
        const double step = (to > 0 ? to : 0.0) - x[k];
        if (step != 0) {
          x[k] += step;
          add(step, h + k * stride, gradient, stride);
          gradient[k] += step * row.lambda;
          moved += step * step;
        }
      }
      length += x[k] * x[k];
    }
    if (!(moved > problem.tolerance * problem.tolerance * length)) break;
    if (pass % 8 == 7) gradient_of(h, stride, d, row.lambda, x, b, gradient);  // rounding adds up
  }
  for (std::int64_t k = 0; k < d; ++k) {
    out[k] = static_cast<float>(x[k]);
    x[k] = out[k];
  }
  gradient_of(h, stride, d, row.lambda, x, b, gradient);
  objective = energy;  // x'Hx - 2 b'x = x'(gradient - b)
  for (std::int64_t k = 0; k < d; ++k) objective += x[k] * (gradient[k] - b[k]);
}

void solve(const NonnegativeProblem& problem, std::int64_t begin, std::int64_t end, void* memory) {
  const RowProblem& rows = problem.rows;
  Workspace work;
  const std::size_t used = work.lay_out(memory, rows.d);
  auto* h = reinterpret_cast<double*>(static_cast<unsigned char*>(memory) + used);
  const std::int64_t stride = round_up(rows.d, 8);
  bool common = false;  // h holds w0 G alone
  for (std::int64_t index = begin; index < end; ++index) {
    const Row row(rows, index);
    bool shared = true;  // no interaction weighs more or less than an unobserved one
    for (std::int64_t e = 0; e < row.n && shared; ++e) shared = row.excess(e) == 0;
    if (!(shared && common)) build(problem, row, work, shared, h, stride);
    common = shared;
    double objective = 0;
    solve_row(problem, row, work, h, stride, rows.out + index * rows.d, objective);
    if (rows.objective) rows.objective[index] = objective;
  }
}

}  // namespace

const NonnegativeKernels nonnegative_kernels = {workspace_bytes, solve};

}  // namespace lmf::LMF_ISA
