// Half an epoch of alternating least squares: one side's factors, given the other's.
#pragma once

#include "rows.hpp"

namespace lmf {

struct Sweep {
  double objective = 0;  // sum of the minima of all rows: everything but the fixed side's own penalty
  RowCounts counts;
};

// Turns the fixed factors (problem.fixed, n_fixed x d, writable here) into the eigenbasis of their
// Gram matrix V'V (V' diag(fixed_share) V where that is given), largest eigenvalue first, and solves
// every row of problem.out there. U V' does not change when both are rotated alike, so nothing has to
// be turned back. problem.gram and usual_passes are set here; where unobserved_weight is 0 there is
// nothing to diagonalize and nothing is rotated.
//
// With a relaxation w other than 1, or with steps, each row begins where it is in problem.out, and goes
// w times as far as to its optimum, or to that of the space its steps span (successive over-relaxation
// by blocks, w from 0 to 2). A row's part of the objective is a quadratic, so what it loses is
// 1 - (w - 1)^2 of what it would with w = 1; `sweep.objective` is as if w were 1. Where problem.warm is
// set, rows that conjugate gradients solve begin there, too, and end at their optimum all the same.
//
// Returns false if interrupted. The factors are then still a pair: rows that were not solved have
// been rotated along, and those that were are where they were to go.
bool half_sweep(RowProblem problem, float* fixed, std::int64_t n_fixed, int n_threads,
                const Interrupt& interrupt, Sweep& sweep);

}  // namespace lmf
