// The row solver, one build per instruction set: which form solves a row.
// The equations stand in native/rows.hpp.
#include "rows.hpp"

#include "isa/conjugate.hpp"
#include "isa/direct.hpp"

namespace lmf::LMF_ISA {
extern const RowKernels row_kernels;

namespace {

// What forms cost, measured, in multiply-adds of the primal's rank update.
constexpr double dual_below = 0.85;  // of d: fewer interactions than that are dual
constexpr double pass_near = 5.5;    // a pass, for each of the n d numbers of a row in the cache,
constexpr double pass_far = 8.6;     // or beyond it,
constexpr double pass_alone = 33;    // and for each of d
constexpr double cached = 200e3;     // numbers that the second cache holds
constexpr int usual_passes = 16;     // of a solution by conjugate gradients, where none was tried
constexpr int fewest_passes = 8;     // what is worth a try
constexpr int most_tried = 40;

double direct_cost(const Row& row) {
  const double n = static_cast<double>(row.n), d = row.problem.d;
  return n < dual_below * d ? n * d * (0.6 * n + 25) : n * d * d / 2 + d * d * d / 6;
}
double pass_cost(const Row& row) {
  const double n = static_cast<double>(row.n), d = row.problem.d;
  return n * d * (n * d < cached ? pass_near : pass_far) + pass_alone * d;
}

// What is known of a row before it is solved.
struct Weights {
  double low, high;  // of c - w0

  explicit Weights(const Row& row) {
    low = high = (row.weights ? 1 : row.weight(0)) - row.unobserved;
    if (!(row.weights || row.problem.fixed_share) || row.n == 0) return;
    low = high = row.excess(0);
    for (std::int64_t e = 1; e < row.n; ++e) {
      const double excess = row.excess(e);
      low = excess < low ? excess : low;
      high = excess > high ? excess : high;
    }
  }
};

// The diagonal w0 G + lambda of a row's problem; returns its least element.
double set_diagonal(const Row& row, Workspace& work) {
  const double* grams = row.problem.gram;
  double least = 1e300;
  for (std::int64_t k = 0; k < row.problem.d; ++k) {
    const double gram = grams && grams[k] > 0 ? grams[k] : 0.0;
    work.diagonal[k] = row.unobserved * gram + row.lambda;
    least = work.diagonal[k] < least ? work.diagonal[k] : least;
  }
  return least;
}

// Whether D and S can be divided by: z = c y / s loses digits where s is tiny.
bool is_whitened(const Row& row, const Weights& excess, double least) {
  return excess.low > 1e-6 * row.unobserved && excess.low > 0 && least > 1e-30;
}

// Goes on from `begun`, or solves the row, by conjugate gradients where that is asked for or cheaper;
// false: it is not.
bool by_conjugate(const Row& row, const float* begun, Workspace& work, RowCounts& counts,
                  double& objective) {
  const RowProblem& problem = row.problem;
  if (problem.form == Form::primal || problem.form == Form::dual || row.prior || problem.draw) return false;
  const bool asked = problem.form == Form::conjugate;
  if (!asked && !problem.gram) return false;  // V is in no basis that would make it converge soon
  const double pass = pass_cost(row), direct = asked ? 1e300 : direct_cost(row);
  const bool some = problem.steps > 0;
  const int usual = problem.usual_passes > 0 ? problem.usual_passes : usual_passes;
  if (!((some ? problem.steps + 1 : usual) * pass < direct)) return false;
  Conjugate conjugate(row, work);
  if (some) {
    conjugate.advance(begun, problem.steps);
  } else if (conjugate.solve(asked ? most_steps : static_cast<int>(direct / pass)) < 0) {
    ++counts.given_up;
    return false;
  }
  ++counts.conjugate;
  objective = conjugate.energy;
  return true;
}

void solve_row(const Row& row, const float* begun, Workspace& work, RowCounts& counts,
               double& objective) {
  const RowProblem& problem = row.problem;
  const double least = set_diagonal(row, work);
  const Weights excess(row);
  if (row.n == 0 || (excess.low == 0 && excess.high == 0)) {
    ++counts.diagonal;
    return diagonal(row, work, objective);
  }
  const bool whitened = is_whitened(row, excess, least);
  if (whitened && by_conjugate(row, begun, work, counts, objective)) return;
  const bool by_dual = whitened && row.n <= problem.d &&
                       (problem.form == Form::dual ||
                        (problem.form != Form::primal && row.n < dual_below * problem.d));
  ++(by_dual ? counts.dual : counts.primal);
  const Verdict verdict = by_dual ? dual<float>(row, work, counts, objective)
                                  : primal<float>(row, work, excess.low < 0, counts, objective);
  if (verdict == Verdict::fine) return;
  ++counts.in_double;
  if (by_dual) dual<double>(row, work, counts, objective);
  else primal<double>(row, work, excess.low < 0, counts, objective);
}

// How many passes it takes to solve a row by conjugate gradients.
int passes_of(const RowProblem& problem, std::int64_t index, void* memory) {
  Workspace work;
  work.lay_out(memory, problem.d);
  const Row row(problem, index);
  const double least = set_diagonal(row, work);
  if (row.n == 0 || direct_cost(row) < fewest_passes * pass_cost(row)) return 0;
  if (!is_whitened(row, Weights(row), least)) return 0;
  const int left = Conjugate(row, work).solve(most_tried);
  return left < 0 ? too_many : most_tried - left + 2;  // one before the steps, and one after them
}

std::size_t workspace_bytes(int d) { return Workspace::bytes(d); }

void solve(const RowProblem& problem, std::int64_t begin, std::int64_t end, void* memory,
           RowCounts& counts) {
  Workspace work;
  work.lay_out(memory, problem.d);
  for (std::int64_t index = begin; index < end; ++index) {
    if (index + 1 < end) {
      const Row next(problem, index + 1);
      for (std::int64_t k = 0; k < next.n && k < 32; ++k) next.prefetch(k);
    }
    const Row row(problem, index);
    float* out = problem.out + index * problem.d;
    double objective = 0;
    solve_row(row, out, work, counts, objective);
    if (problem.relaxation == 1) {
      for (int k = 0; k < problem.d; ++k) out[k] = static_cast<float>(work.solution[k]);
    } else {
      for (int k = 0; k < problem.d; ++k)
        out[k] = static_cast<float>(out[k] + problem.relaxation * (work.solution[k] - out[k]));
    }
    if (problem.objective) problem.objective[index] = objective;
    if (problem.done) problem.done[index] = 1;
  }
}

}  // namespace

const RowKernels row_kernels = {workspace_bytes, solve, passes_of};

}  // namespace lmf::LMF_ISA
