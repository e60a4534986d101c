// The row solver: the one small problem that every squared-loss factorization is made of.
//
//   minimise over x   sum_{j observed} c_j (y_j - x.v_j)^2  +  w0 sum_{j unobserved} (x.v_j)^2
//                     +  lambda |x - mu|^2
//
// The fixed factors V come in a basis where V'V = diag(gram). Then, with D = w0 gram + lambda and
// s_j^2 = c_j - w0, the normal equations are (D + sum_j s_j^2 v_j v_j') x = sum_j c_j y_j v_j +
// lambda mu, and there are three ways to solve them:
//   primal (n >= about d): build the d x d matrix, Cholesky;          n d^2 + d^3/3
//   dual   (n <  about d): (I + S V D^-1 V' S) t = z - S V x0,         n^2 d + n^3/3
//                          x = x0 + D^-1 V' S t,  z = c y / s,  x0 = D^-1 lambda mu
//   conjugate gradients on I + D^-1/2 V' S^2 V D^-1/2, to rounding;   2 n d a step
// where V holds the row's n interactions only (Woodbury's identity). No eigenvalue of the third is below
// 1, all but n are 1, and in these axes 8 to 15 steps usually do (Hestenes & Stiefel 1952): where d
// is large they are cheaper, from where a row is (`warm`) they are fewer, and who does not ask for
// solutions makes a few of them from there. A row that would take too many is solved by one of the
// others. A draw costs the same: the primal adds a normal vector between the two triangular solves, the
// dual draws x0 from the prior and subtracts unit noise from z (Bhattacharya, Chakraborty & Mallick
// 2016). Where unobserved entries weigh w0 a_row b_j instead of w0 (He et al. 2016), diag(gram) =
// V' diag(b) V, the row's D is a_row w0 gram + lambda, and s_j^2 = c_j - w0 a_row b_j: the same forms.
// Rows are independent: one thread solves one row in a fixed order, so the bits do not depend on the
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace lmf {

enum class Form { cheapest, primal, dual, conjugate };

struct RowProblem {
  int d = 0;
  const float* fixed = nullptr;            // V: n_fixed x d
  std::int64_t n_fixed = 0;                // 0: not known, and taken for few
  std::int64_t fixed_stride = 0;           // elements between two rows of V; 0: d
  bool constant = false;                   // the last column of V is one number, as a bias's partner is
  const double* gram = nullptr;            // d; may be null where unobserved_weight is 0
  double unobserved_weight = 0;            // w0 >= 0
  const float* row_share = nullptr;        // a >= 0, multiplies w0 in a row; null: all 1
  const float* fixed_share = nullptr;      // b >= 0, multiplies w0 in a column; null: all 1
  std::int64_t n_rows = 0;
  const std::int64_t* indptr = nullptr;    // n_rows + 1
  const std::int32_t* indices = nullptr;   // into the rows of V
  const float* targets = nullptr;          // y; null: all 1
  const float* weights = nullptr;          // w of each entry; null: all 1
  double weight_base = 0, weight_slope = 1;  // c = base + slope w >= 0 (Hu, Koren & Volinsky 2008)
  const double* regularization = nullptr;  // lambda >= 0 of each row
  const float* prior = nullptr;            // mu: n_rows x d; null: 0
  bool shared_prior = false;               // mu is one row, the same for all
  // Draw each row from N(x, H^-1), H the matrix of its normal equations, instead of taking x: the
  // posterior where every c is the precision of a target and lambda that of the prior.
  bool draw = false;
  std::uint64_t seed = 0;                  // of the draws; row r has a stream of its own
  Form form = Form::cheapest;
  // Steps of conjugate gradients that a row makes from where it is in X, instead of being solved, if
  // they are cheaper; 0: every row is solved.
  int steps = 0;
  bool warm = false;                       // conjugate gradients begin where a row is, though they solve it
  int usual_passes = 0;                    // what `passes` says of such rows; 0: nobody has asked
  double relaxation = 1;                   // from where it is in X a row goes so many times as far
  float* out = nullptr;                    // X: n_rows x d
  // The minimum of each row, or sum c (y - x.v)^2 of a drawn row (for w0 = 0); may be null.
  double* objective = nullptr;
  std::uint8_t* done = nullptr;            // set to 1 for each row solved; may be null
};

// How rows were solved, for those who measure.
struct RowCounts {
  std::int64_t diagonal = 0, primal = 0, dual = 0, conjugate = 0;
  std::int64_t given_up = 0;  // by conjugate gradients, and then solved by another form
  std::int64_t refined = 0, in_double = 0;
  void add(const RowCounts& other) {
    diagonal += other.diagonal;
    primal += other.primal;
    dual += other.dual;
    conjugate += other.conjugate;
    given_up += other.given_up;
    refined += other.refined;
    in_double += other.in_double;
  }
};

// Solves every row. Returns false if interrupted (then `done` says which rows are new).
bool solve_rows(const RowProblem& problem, int n_threads, const Interrupt& interrupt,
                RowCounts* counts = nullptr);

// How many passes over its interactions conjugate gradients usually take to solve a row: three quarters
// of a few rows, those at equal distances in interactions, take no more. 0 where none would be solved
// that way.
int usual_passes(const RowProblem& problem);

// 1 for each row of a warm problem that does not begin where it is: conjugate gradients cannot solve it
// sooner, however soon they end, or not by much.
std::vector<std::uint8_t> cold_rows(const RowProblem& problem);

inline constexpr int too_many = 1 << 20;

// One build of the solver (native/isa/rows.cpp).
struct RowKernels {
  std::size_t (*workspace_bytes)(int d);
  // Solves rows [begin, end) with a 64-byte aligned workspace.
  void (*solve)(const RowProblem& problem, std::int64_t begin, std::int64_t end, void* workspace,
                RowCounts& counts);
  // Of one row; 0 if another form is cheaper beforehand, too_many where there is no end to them.
  int (*passes)(const RowProblem& problem, std::int64_t row, void* workspace);
  // Whether a row of a warm problem would begin where it is.
  bool (*is_warm)(const RowProblem& problem, std::int64_t row);
  // Whether a row is solved by conjugate gradients and so long that each of its passes would read V anew.
  bool (*is_long)(const RowProblem& problem, std::int64_t row);
  // Solves so many of such rows side by side, to the bits that `solve` gives.
  std::size_t (*together_bytes)(int d, std::int64_t count);
  void (*solve_together)(const RowProblem& problem, const std::int64_t* rows, std::int64_t count,
                         void* workspace, RowCounts& counts);
};

}  // namespace lmf
