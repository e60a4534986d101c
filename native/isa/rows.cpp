// The row solver, one build per instruction set: which form solves a row.
// The equations stand in native/rows.hpp.
#include "rows.hpp"

#include <new>

#include "isa/conjugate.hpp"
#include "isa/direct.hpp"

namespace lmf::LMF_ISA {
extern const RowKernels row_kernels;

namespace {

// What forms cost, measured, in multiply-adds of the primal's rank update.
constexpr double dual_below = 0.85;  // of d: fewer interactions than that are dual
constexpr double pass_number = 2.7;  // a pass, for each of the n d numbers of a row,
constexpr double pass_entry = 200;   // for each of n,
constexpr double pass_alone = 33;    // and for each of d
constexpr double cached = 200e3;     // numbers n d that the second cache holds from pass to pass
constexpr double shared_above = 0.03;  // of V's rows: with so many interactions rows meet in what they read
constexpr int usual_passes = 16;     // of a solution by conjugate gradients, where none was tried
constexpr int fewest_passes = 10;    // what is worth a try
constexpr int most_tried = 40;
constexpr double warm_above = 0.25;  // of d: with so many interactions it pays to begin where a row is

double direct_cost(const Row& row) {
  const double n = static_cast<double>(row.n), d = row.problem.d;
  return n < dual_below * d ? n * d * (0.6 * n + 25) : n * d * d / 2 + d * d * d / 6;
}
double pass_cost(const Row& row) {
  const double n = static_cast<double>(row.n), d = row.problem.d;
  return n * (pass_number * d + pass_entry) + pass_alone * d;
}

// Whether a row is so long that conjugate gradients may solve it sooner.
bool is_worth_a_try(const Row& row) {
  return row.n > 0 && direct_cost(row) >= fewest_passes * pass_cost(row);
}
// Whether they begin where it is: a row that does has to be turned first, which takes d^2.
bool is_warm(const Row& row) {
  if (!row.problem.warm) return false;
  if (row.problem.form == Form::conjugate) return true;
  return static_cast<double>(row.n) >= warm_above * row.problem.d && is_worth_a_try(row);
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
double set_diagonal(const Row& row, double* diagonal) {
  const double* grams = row.problem.gram;
  double least = 1e300;
  for (std::int64_t k = 0; k < row.problem.d; ++k) {
    const double gram = grams && grams[k] > 0 ? grams[k] : 0.0;
    diagonal[k] = row.unobserved * gram + row.lambda;
    least = diagonal[k] < least ? diagonal[k] : least;
  }
  return least;
}

// In how many passes a row is to be solved by conjugate gradients, or moved by problem.steps of them,
// because that is asked for or cheaper; 0: in another form.
int passes_worth(const Row& row) {
  const RowProblem& problem = row.problem;
  if (problem.form == Form::primal || problem.form == Form::dual || row.prior || problem.draw) return 0;
  if (problem.form == Form::conjugate) return most_steps;
  if (!problem.gram) return 0;  // V is in no basis that would make it converge soon
  const double pass = pass_cost(row), direct = direct_cost(row);
  const int usual = problem.usual_passes > 0 ? problem.usual_passes : usual_passes;
  return (problem.steps > 0 ? problem.steps + 1 : usual) * pass < direct
             ? static_cast<int>(direct / pass)
             : 0;
}

// A row of the problem, and how it is to be solved.
struct Task {
  Row row;
  double least;  // of the diagonal w0 G + lambda
  Weights excess;
  std::int64_t index;

  Task(const RowProblem& problem, std::int64_t index, double* diagonal)
      : row(problem, index), least(set_diagonal(row, diagonal)), excess(row), index(index) {}

  bool is_diagonal() const { return row.n == 0 || (excess.low == 0 && excess.high == 0); }
  // Whether D and S can be divided by: z = c y / s loses digits where s is tiny.
  bool is_whitened() const {
    return excess.low > 1e-6 * row.unobserved && excess.low > 0 && least > 1e-30;
  }
  int passes() const { return !is_diagonal() && is_whitened() ? passes_worth(row) : 0; }

  float* out() const { return row.problem.out + index * row.problem.d; }
  void begin(Conjugate& conjugate, int passes) const {
    if (row.problem.steps > 0) conjugate.advance(out(), row.problem.steps);
    else conjugate.solve(passes, is_warm(row) ? out() : nullptr);
  }

  // By Cholesky, or without any.
  void solve_directly(Workspace& work, RowCounts& counts, double& objective) const {
    const RowProblem& problem = row.problem;
    if (is_diagonal()) {
      ++counts.diagonal;
      return diagonal(row, work, objective);
    }
    const bool by_dual = is_whitened() && row.n <= problem.d &&
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

  // Where the row goes, given where its optimum is.
  void keep(const double* solution, double objective) const {
    const RowProblem& problem = row.problem;
    float* to = out();
    if (problem.relaxation == 1) {
      for (int k = 0; k < problem.d; ++k) to[k] = static_cast<float>(solution[k]);
    } else {
      for (int k = 0; k < problem.d; ++k)
        to[k] = static_cast<float>(to[k] + problem.relaxation * (solution[k] - to[k]));
    }
    if (problem.objective) problem.objective[index] = objective;
    if (problem.done) problem.done[index] = 1;
  }
};

// How many passes it takes to solve a row by conjugate gradients.
int passes_of(const RowProblem& problem, std::int64_t index, void* memory) {
  Workspace work;
  work.lay_out(memory, problem.d);
  const Task task(problem, index, work.diagonal);
  if (!is_worth_a_try(task.row) || !task.is_whitened()) return 0;
  Conjugate conjugate(task.row, Slot::of(work));
  task.begin(conjugate, most_tried);
  conjugate.finish();
  // One before the steps, and one after them.
  return conjugate.failed() ? too_many : most_tried - conjugate.left + 2;
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
    const Task task(problem, index, work.diagonal);
    if (const int passes = task.passes()) {
      Conjugate conjugate(task.row, Slot::of(work));
      task.begin(conjugate, passes);
      conjugate.finish();
      if (!conjugate.failed()) {
        ++counts.conjugate;
        task.keep(work.solution, conjugate.energy);
        continue;
      }
      ++counts.given_up;
    }
    double objective = 0;
    task.solve_directly(work, counts, objective);
    task.keep(work.solution, objective);
  }
}

// ---- rows that do not stay in the second cache --------------------------------------------------

// One of the rows whose passes are made together.
struct Member {
  Task task;
  Slot slot;
  Conjugate conjugate;

  Member(const RowProblem& problem, std::int64_t index, const Slot& slot)
      : task(problem, index, slot.diagonal), slot(slot), conjugate(task.row, slot) {}
  static std::size_t bytes(std::int64_t d) { return (sizeof(Member) + 63) / 64 * 64 + Slot::bytes(d); }
};

bool begins_where_it_is(const RowProblem& problem, std::int64_t index) {
  return is_warm(Row(problem, index));
}

bool is_long(const RowProblem& problem, std::int64_t index) {
  const auto n = static_cast<double>(problem.indptr[index + 1] - problem.indptr[index]);
  return n * problem.d >= cached && n >= shared_above * static_cast<double>(problem.n_fixed) &&
         passes_worth(Row(problem, index)) > 0;
}

std::size_t together_bytes(int d, std::int64_t count) {
  return (Workspace::bytes(d) + 63) / 64 * 64 + count * (Member::bytes(d) + 2 * sizeof(Member*));
}

// Passes of many rows over the same part of V at once, one part after another: each is read once for all
// of them, where a row alone would read it anew in every pass. What is done for a row is the same.
void solve_together(const RowProblem& problem, const std::int64_t* rows, std::int64_t count, void* memory,
                    RowCounts& counts) {
  constexpr std::int64_t numbers_of_part = 65536;
  const std::int64_t columns = problem.d < numbers_of_part ? numbers_of_part / problem.d : 1;
  auto* next = static_cast<unsigned char*>(memory);
  Workspace work;
  next += (work.lay_out(next, problem.d) + 63) / 64 * 64;
  Member** under_way = reinterpret_cast<Member**>(next + count * Member::bytes(problem.d));
  Member** direct = under_way + count;
  std::int64_t active = 0, left_over = 0;
  for (std::int64_t k = 0; k < count; ++k, next += Member::bytes(problem.d)) {
    const Slot slot = Slot::of(next + (sizeof(Member) + 63) / 64 * 64, problem.d);
    Member* member = new (next) Member(problem, rows[k], slot);
    const int passes = member->task.passes();
    if (passes > 0) member->task.begin(member->conjugate, passes);
    (passes > 0 ? under_way[active++] : direct[left_over++]) = member;
  }
  while (active > 0) {
    bool more = true;
    for (std::int64_t until = columns; more; until += columns) {
      more = false;
      for (std::int64_t k = 0; k < active; ++k) more |= under_way[k]->conjugate.pass(until);
    }
    std::int64_t kept = 0;
    for (std::int64_t k = 0; k < active; ++k) {
      Member* member = under_way[k];
      Conjugate& conjugate = member->conjugate;
      conjugate.proceed();
      if (!conjugate.done()) {
        under_way[kept++] = member;
      } else if (conjugate.failed()) {
        ++counts.given_up;
        direct[left_over++] = member;
      } else {
        ++counts.conjugate;
        member->task.keep(member->slot.solution, conjugate.energy);
      }
    }
    active = kept;
  }
  for (std::int64_t k = 0; k < left_over; ++k) {
    const Task task(problem, direct[k]->task.index, work.diagonal);
    double objective = 0;
    task.solve_directly(work, counts, objective);
    task.keep(work.solution, objective);
  }
}

}  // namespace

const RowKernels row_kernels = {workspace_bytes, solve,          passes_of,     begins_where_it_is,
                                is_long,         together_bytes, solve_together};

}  // namespace lmf::LMF_ISA
