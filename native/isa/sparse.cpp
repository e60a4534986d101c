// Sparse times dense, one build per instruction set. A row of the result stays in registers while
// the rows of X that it needs pass by, up to eight vectors of columns at a time.
#include "sparse.hpp"

#include "isa/simd.hpp"

namespace lmf::LMF_ISA {
extern const SparseKernels sparse_kernels;

namespace {

constexpr int most_vectors = 8;
constexpr std::int64_t ahead = 12;  // entries between a prefetch and its use

// So many sums of a vector take turns, so that an addition need not wait for the one before it.
template <int Vectors>
constexpr int turns = Vectors < most_vectors ? most_vectors / Vectors : 1;

// sum += value * (row of X), for entry e of the matrix.
template <int Vectors>
LMF_INLINE void add_entry(const SparseProduct& p, std::int64_t e, std::int64_t stop, std::int64_t column,
                          Vector<float>* sum) {
  if (e + ahead < stop) {
    const char* next = reinterpret_cast<const char*>(
        p.dense + static_cast<std::int64_t>(p.indices[e + ahead]) * p.width + column);
    for (int byte = 0; byte < Vectors * vector_bytes; byte += 64) __builtin_prefetch(next + byte);
  }
  const float* from = p.dense + static_cast<std::int64_t>(p.indices[e]) * p.width + column;
  const Vector<float> value = broadcast(p.values ? p.values[e] : 1.0f);
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) sum[v] += value * load(from + v * width<float>);
}

template <int Vectors>
void block_of_row(const SparseProduct& p, std::int64_t row, std::int64_t column) {
  constexpr int Turns = turns<Vectors>;
  Vector<float> sum[Turns][Vectors] = {};
  const std::int64_t last = p.indptr[row + 1], stop = p.indptr[p.n_rows];
  std::int64_t e = p.indptr[row];
  for (; e + Turns <= last; e += Turns) {
#pragma GCC unroll 8
    for (int turn = 0; turn < Turns; ++turn)
      add_entry<Vectors>(p, e + turn, stop, column, sum[turn]);
  }
  for (; e < last; ++e) add_entry<Vectors>(p, e, stop, column, sum[0]);
  float* to = p.out + row * p.width + column;
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    for (int turn = 1; turn < Turns; ++turn) sum[0][v] += sum[turn][v];
    store(to + v * width<float>, sum[0][v]);
  }
}

// The last columns, fewer than a vector.
void rest_of_row(const SparseProduct& p, std::int64_t row, std::int64_t column) {
  const int count = static_cast<int>(p.width - column);
  Vector<float> sum{};
  for (std::int64_t e = p.indptr[row]; e < p.indptr[row + 1]; ++e)
    sum += broadcast(p.values ? p.values[e] : 1.0f) *
           load_part(p.dense + static_cast<std::int64_t>(p.indices[e]) * p.width + column, count);
  store_part(p.out + row * p.width + column, sum, count);
}

void multiply(const SparseProduct& p, std::int64_t begin, std::int64_t end) {
  constexpr int W = width<float>;
  for (std::int64_t row = begin; row < end; ++row) {
    std::int64_t column = 0;
    for (; column + most_vectors * W <= p.width; column += most_vectors * W)
      block_of_row<most_vectors>(p, row, column);
    for (; column + 4 * W <= p.width; column += 4 * W) block_of_row<4>(p, row, column);
    for (; column + 2 * W <= p.width; column += 2 * W) block_of_row<2>(p, row, column);
    for (; column + W <= p.width; column += W) block_of_row<1>(p, row, column);
    if (column < p.width) rest_of_row(p, row, column);
  }
}

}  // namespace

const SparseKernels sparse_kernels = {multiply};

}  // namespace lmf::LMF_ISA
