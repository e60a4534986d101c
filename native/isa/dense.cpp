// Gram matrix and rotation of tall factor matrices, one build per instruction set.
#include "dense.hpp"

#include "isa/linear.hpp"

namespace lmf::LMF_ISA {
extern const DenseKernels dense_kernels;

namespace {

constexpr std::int64_t panel_rows = 64;
constexpr std::int64_t rows_per_float_sum = 1024;  // longer sums go to float64

std::size_t workspace_bytes(int d) {
  const std::int64_t stride = round_up(d + tile_rows, width<float>);
  return sizeof(float) * stride * (panel_rows + stride + 2 * tile_rows);
}

void gram(const float* factors, std::int64_t n, int d, double* sum, void* workspace) {
  const std::int64_t size = round_up(d, tile_rows), stride = round_up(size, width<float>);
  float* panel = static_cast<float*>(workspace);
  float* matrix = panel + panel_rows * stride;
  for (std::int64_t first = 0; first < n; first += rows_per_float_sum) {
    const std::int64_t last = n - first < rows_per_float_sum ? n : first + rows_per_float_sum;
    std::memset(matrix, 0, sizeof(float) * stride * size);
    for (std::int64_t row = first; row < last; row += panel_rows) {
      const std::int64_t depth = last - row < panel_rows ? last - row : panel_rows;
      for (std::int64_t r = 0; r < depth; ++r) {
        std::memcpy(panel + r * stride, factors + (row + r) * d, sizeof(float) * d);
        for (std::int64_t k = d; k < stride; ++k) panel[r * stride + k] = 0;
      }
      rank_update<float, Sign::plus>(matrix, stride, panel, stride, depth, size);
    }
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = i; j < d; ++j) sum[i * d + j] += matrix[i * stride + j];
  }
}

// R rows at a time: their old coordinates lie k-major in the panel, so the register tile serves.
void rotate(float* factors, std::int64_t n, int d, const float* basis, std::int64_t stride,
            void* workspace) {
  constexpr int R = tile_rows, W = width<float>;
  float* old = static_cast<float*>(workspace);  // d x R
  float* fresh = old + round_up(static_cast<std::int64_t>(d) * R, W);
  for (std::int64_t row = 0; row < n; row += R) {
    const int live = static_cast<int>(n - row < R ? n - row : R);
    for (std::int64_t k = 0; k < d; ++k)
      for (int r = 0; r < R; ++r) old[k * R + r] = r < live ? factors[(row + r) * d + k] : 0.0f;
    std::memset(fresh, 0, sizeof(float) * R * stride);
    for (std::int64_t j = 0; j < stride;) {
      const std::int64_t rest = (stride - j) / W;
      const int vectors = static_cast<int>(rest < tile_vectors ? rest : tile_vectors);
      tile_of<float, Sign::plus>(vectors, fresh + j, stride, old, R, basis + j, stride, d);
      j += vectors * W;
    }
    for (int r = 0; r < live; ++r)
      std::memcpy(factors + (row + r) * d, fresh + r * stride, sizeof(float) * d);
  }
}

void cross(const float* left, int q, const float* right, int w, std::int64_t n, float* sum) {
  constexpr std::int64_t panel = 256;  // rows of both that stay in the second cache
  constexpr int W = width<float>;
  for (std::int64_t row = 0; row < n; row += panel) {
    const std::int64_t depth = n - row < panel ? n - row : panel;
    for (int j = 0; j < w;) {
      const int rest = (w - j) / W;
      const int vectors = rest < tile_vectors ? rest : tile_vectors;
      for (int i = 0; i < q; i += tile_rows)
        tile_of<float, Sign::plus>(vectors, sum + static_cast<std::int64_t>(i) * w + j, w,
                                   left + row * q + i, q, right + row * w + j, w, depth);
      j += vectors * W;
    }
  }
}

void subtract_product(float* from, int w, const float* left, int q, const float* coefficients,
                      std::int64_t n, float* panel) {
  constexpr int R = tile_rows, W = width<float>;
  float target[R * tile_vectors * W];
  for (std::int64_t row = 0; row < n; row += R) {
    const int live = static_cast<int>(n - row < R ? n - row : R);
    for (int k = 0; k < q; ++k)
      for (int r = 0; r < R; ++r) panel[k * R + r] = r < live ? left[(row + r) * q + k] : 0.0f;
    for (int j = 0; j < w;) {
      const int rest = (w - j) / W;
      const int vectors = rest < tile_vectors ? rest : tile_vectors;
      const int columns = vectors * W;
      for (int r = 0; r < R; ++r)
        for (int c = 0; c < columns; ++c)
          target[r * columns + c] = r < live ? from[(row + r) * w + j + c] : 0.0f;
      tile_of<float, Sign::minus>(vectors, target, columns, panel, R, coefficients + j, w, q);
      for (int r = 0; r < live; ++r)
        std::memcpy(from + (row + r) * w + j, target + r * columns, sizeof(float) * columns);
      j += columns;
    }
  }
}

}  // namespace

const DenseKernels dense_kernels = {workspace_bytes, gram, rotate, cross, subtract_product};

}  // namespace lmf::LMF_ISA
