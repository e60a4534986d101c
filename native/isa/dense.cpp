// Gram matrix and rotation of tall factor matrices, one build per instruction set.
#include "dense.hpp"

#include "isa/linear.hpp"

namespace lmf::LMF_ISA {
extern const DenseKernels dense_kernels;

namespace {

// Large matrices are worked on by strips of as many columns as a register tile has: `depth` rows of a
// strip lie together and stay in the first-level cache while all row panels pass.
constexpr int strip = tile_vectors * width<float>;
constexpr std::int64_t depth_at_once = 192;
constexpr std::int64_t rows_at_once = 64;  // that are rotated between two reads of the basis
constexpr std::int64_t rows_per_float_sum = 1024;  // longer sums go to float64

LMF_INLINE constexpr std::int64_t strips_of(std::int64_t columns) {
  return round_up(columns, strip) / strip;
}
// Vectors of a strip that hold columns: all, but for the last strip.
LMF_INLINE int vectors_of(std::int64_t s, std::int64_t columns) {
  const std::int64_t rest = (columns - s * strip + width<float> - 1) / width<float>;
  return static_cast<int>(rest < tile_vectors ? rest : tile_vectors);
}
// Rows of a matrix should not begin a multiple of 2 KB apart: a tile's rows would compete for a set.
LMF_INLINE std::int64_t apart(std::int64_t columns) {
  const std::int64_t stride = round_up(columns, width<float>);
  return stride % 512 == 0 ? stride + width<float> : stride;
}

std::size_t workspace_bytes(int d) {
  const std::int64_t size = round_up(d, tile_rows), stride = apart(size);
  const std::int64_t gram = depth_at_once * strips_of(size) * strip + stride * size;
  const std::int64_t rotate = rows_at_once * (size + stride) + width<float>;
  return sizeof(float) * (gram > rotate ? gram : rotate);
}

void gram(const float* factors, std::int64_t n, int d, double* sum, void* workspace) {
  const std::int64_t size = round_up(d, tile_rows), stride = apart(size), strips = strips_of(size);
  float* panel = static_cast<float*>(workspace);
  float* matrix = panel + depth_at_once * strips * strip;
  for (std::int64_t first = 0; first < n; first += rows_per_float_sum) {
    const std::int64_t last = n - first < rows_per_float_sum ? n : first + rows_per_float_sum;
    std::memset(matrix, 0, sizeof(float) * stride * size);
    for (std::int64_t row = first; row < last; row += depth_at_once) {
      const std::int64_t depth = last - row < depth_at_once ? last - row : depth_at_once;
      for (std::int64_t s = 0; s < strips; ++s) {
        const std::int64_t columns = d - s * strip < strip ? d - s * strip : strip;
        for (std::int64_t r = 0; r < depth; ++r) {
          float* to = panel + (s * depth_at_once + r) * strip;
          std::memcpy(to, factors + (row + r) * d + s * strip, sizeof(float) * columns);
          for (std::int64_t k = columns; k < strip; ++k) to[k] = 0;
        }
      }
      for (std::int64_t s = 0; s < strips; ++s) {
        const std::int64_t end = size < (s + 1) * strip ? size : (s + 1) * strip;
        const int vectors = vectors_of(s, size);
        for (std::int64_t i = 0; i < end; i += tile_rows) {
          // What lies left of the diagonal is not computed.
          const int skip = i > s * strip ? static_cast<int>((i - s * strip) / width<float>) : 0;
          const float* left = panel + i / strip * depth_at_once * strip + i % strip;
          const std::int64_t column = s * strip + skip * width<float>;
          tile_of<float, Sign::plus>(vectors - skip, matrix + i * stride + column, stride, left, strip,
                                     panel + s * depth_at_once * strip + skip * width<float>, strip,
                                     depth);
        }
      }
    }
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = i; j < d; ++j) sum[i * d + j] += matrix[i * stride + j];
  }
}

// Groups of rows, their old coordinates k-major in panels of R rows, so the register tile serves.
void rotate(float* factors, std::int64_t n, int d, const float* basis, void* workspace) {
  constexpr int R = tile_rows;
  const std::int64_t stride = apart(d), panel = static_cast<std::int64_t>(d) * R;
  float* old = static_cast<float*>(workspace);  // panels of d x R
  float* fresh = old + round_up(rows_at_once / R * panel, width<float>);
  for (std::int64_t row = 0; row < n; row += rows_at_once) {
    const std::int64_t live = n - row < rows_at_once ? n - row : rows_at_once;
    const std::int64_t panels = round_up(live, R) / R;
    for (std::int64_t r = 0; r < panels * R; ++r) {
      float* to = old + r / R * panel + r % R;
      const float* from = factors + (row + r) * d;
      for (std::int64_t k = 0; k < d; ++k) to[k * R] = r < live ? from[k] : 0.0f;
    }
    std::memset(fresh, 0, sizeof(float) * panels * R * stride);
    for (std::int64_t first = 0; first < d; first += depth_at_once) {
      const std::int64_t depth = d - first < depth_at_once ? d - first : depth_at_once;
      for (std::int64_t s = 0; s < strips_of(d); ++s)
        for (std::int64_t p = 0; p < panels; ++p)
          tile_of<float, Sign::plus>(vectors_of(s, d), fresh + p * R * stride + s * strip, stride,
                                     old + p * panel + first * R, R, basis + (s * d + first) * strip,
                                     strip, depth);
    }
    for (std::int64_t r = 0; r < live; ++r)
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

const DenseKernels dense_kernels = {strip, workspace_bytes, gram, rotate, cross, subtract_product};

}  // namespace lmf::LMF_ISA
