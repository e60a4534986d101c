// Eigendecomposition of a symmetric matrix in float64, A = sum_k value_k vector_k vector_k'.
//
// Householder reduction to tridiagonal form (tridiagonal.hpp), implicit QL (ql.hpp), and the
// eigenvectors built slab by slab: a slab holds a few components of all vectors, and passes through
// the reflectors and the rotations without looking at any other slab. Threads share out the slabs,
// so the bits do not depend on their number.
#pragma once

#include "parallel.hpp"

namespace lmf {

// matrix: d x d, finite; its upper triangle is read. values: d, ascending. vectors: d x d, row k is
// the unit vector that belongs to values[k]. Returns false if the matrix is not finite (or, which
// has not been seen, if the iteration does not converge), or if interrupted; then the results are
// not filled in.
// Errors are of the order of the rounding unit times the largest |value|, for any scale of A.
bool eigen_symmetric(const double* matrix, int d, double* values, double* vectors, int n_threads,
                     const Interrupt& interrupt = {});

}  // namespace lmf
