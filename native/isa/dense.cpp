// Gram matrix and rotation of tall factor matrices, one build per instruction set.
#include "dense.hpp"

#include "isa/linear.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
extern const DenseKernels dense_kernels;

namespace {

// Large matrices are worked on by strips of as many columns as a register tile has. So many rows of a
// strip stay in a first-level cache of 32 KB while what they are multiplied with passes; a strip of the
// result lies together as well.
constexpr int strip = tile_vectors * width<float>;
constexpr std::int64_t depth_at_once = 96;
constexpr std::int64_t rows_rotated = 128;  // between two reads of the basis; a multiple of tile_rows
constexpr std::int64_t rows_per_float_sum = 1920;  // longer sums go to float64
constexpr int beyond_second_cache = 384;  // columns of a square matrix that does not stay there

LMF_INLINE constexpr std::int64_t strips_of(std::int64_t columns) {
  return round_up(columns, strip) / strip;
}
// Vectors of a strip that hold columns: all, but for the last strip.
LMF_INLINE int vectors_of(std::int64_t s, std::int64_t columns) {
  const std::int64_t rest = (columns - s * strip + width<float> - 1) / width<float>;
  return static_cast<int>(rest < tile_vectors ? rest : tile_vectors);
}

// Asks for what will be needed soon, as far as from the third cache.
template <bool written>
LMF_INLINE void fetch(const float* from, std::int64_t count) {
  constexpr std::int64_t line = 16;
  for (std::int64_t k = 0; k < count; k += line) __builtin_prefetch(from + k, written, written ? 3 : 2);
}

std::size_t workspace_bytes(int d) {
  const std::int64_t size = round_up(d, tile_rows);
  const std::int64_t gram = (depth_at_once + size) * strips_of(size) * strip;
  const std::int64_t rotate = rows_rotated * (round_up(d, width<float>) + strip);
  return sizeof(float) * (gram > rotate ? gram : rotate);
}

// Rows as strips, one after another: `depth` x strip each. Whole rows are read, for those of many factors
// begin at the same place of a page.
LMF_INLINE void pack_strips(const float* rows, std::int64_t depth, std::int64_t d, float* packed) {
  constexpr int W = width<float>;
  for (std::int64_t r = 0; r < depth; ++r, rows += d)
    for (std::int64_t k = 0; k < strips_of(d) * strip; k += W) {
      float* to = packed + (k / strip * depth + r) * strip + k % strip;
      if (k + W <= d) store(to, load(rows + k));
      else store(to, k < d ? load_part(rows + k, static_cast<int>(d - k)) : Vector<float>{});
    }
}

// sums += P'P, where both are strips. What lies left of the diagonal is not computed.
LMF_INLINE void add_products(const float* packed, std::int64_t depth, std::int64_t size, float* sums) {
  const bool far = size >= beyond_second_cache;
  for (std::int64_t s = 0; s < strips_of(size); ++s) {
    const std::int64_t end = size < (s + 1) * strip ? size : (s + 1) * strip;
    for (std::int64_t i = 0; i < end; i += tile_rows) {
      const int skip = i > s * strip ? static_cast<int>((i - s * strip) / width<float>) : 0;
      float* to = sums + (s * size + i) * strip;
      if (far) fetch<true>(to, tile_rows * strip);
      tile_of<float, Sign::plus>(vectors_of(s, size) - skip, to + skip * width<float>, strip,
                                 packed + i / strip * depth * strip + i % strip, strip,
                                 packed + s * depth * strip + skip * width<float>, strip, depth);
    }
  }
}

void gram(const float* factors, std::int64_t n, int d, double* sum, void* workspace) {
  const std::int64_t size = round_up(d, tile_rows), strips = strips_of(size);
  float* packed = static_cast<float*>(workspace);
  float* sums = packed + depth_at_once * strips * strip;
  for (std::int64_t first = 0; first < n; first += rows_per_float_sum) {
    const std::int64_t last = n - first < rows_per_float_sum ? n : first + rows_per_float_sum;
    std::memset(sums, 0, sizeof(float) * size * strips * strip);
    for (std::int64_t row = first; row < last; row += depth_at_once) {
      const std::int64_t depth = last - row < depth_at_once ? last - row : depth_at_once;
      pack_strips(factors + row * d, depth, d, packed);
      add_products(packed, depth, size, sums);
    }
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t s = i / strip; s < strips; ++s) {
        const std::int64_t begin = s * strip < i ? i : s * strip;
        const std::int64_t end = d < (s + 1) * strip ? d : (s + 1) * strip;
        const float* from = sums + (s * size + i - s) * strip;
        for (std::int64_t j = begin; j < end; ++j) sum[i * d + j] += from[j];
      }
  }
}

// Rows as panels of tile_rows, k-major; rows that there are not are 0.
LMF_INLINE void pack_panels(const float* rows, std::int64_t live, std::int64_t d, float* packed) {
  constexpr int R = tile_rows, W = width<float>;
  const std::int64_t panel = d * R;
  for (std::int64_t row = 0; row < live; row += W) {
    float* to = packed + row / R * panel;
    const int there = static_cast<int>(live - row < W ? live - row : W);
    for (std::int64_t k = 0; k < d; k += W) {
      const int columns = static_cast<int>(d - k < W ? d - k : W);
      Vector<float> block[W];
      for (int r = 0; r < W; ++r) {
        const float* from = rows + (row + r) * d + k;
        block[r] = r >= there ? Vector<float>{} : columns == W ? load(from) : load_part(from, columns);
      }
      transpose<float>(block);
      for (int c = 0; c < columns; ++c)
        for (int part = 0; part < W; part += R)
          std::memcpy(to + part / R * panel + (k + c) * R, reinterpret_cast<const float*>(&block[c]) + part,
                      sizeof(float) * R);
    }
  }
}

// Groups of rows, their old coordinates in panels, so the register tile serves.
void rotate(float* factors, std::int64_t n, int d, const float* basis, void* workspace) {
  constexpr int R = tile_rows, W = width<float>;
  constexpr std::int64_t share = depth_at_once * R / rows_rotated;  // of the basis, to be asked for at a time
  const std::int64_t panel = static_cast<std::int64_t>(d) * R;
  const bool far = d >= beyond_second_cache;
  float* old = static_cast<float*>(workspace);
  float* fresh = old + rows_rotated * round_up(d, W);  // a strip
  for (std::int64_t row = 0; row < n; row += rows_rotated) {
    const std::int64_t live = n - row < rows_rotated ? n - row : rows_rotated;
    const std::int64_t panels = round_up(live, R) / R;
    pack_panels(factors + row * d, live, d, old);
    for (std::int64_t s = 0; s < strips_of(d); ++s) {
      std::memset(fresh, 0, sizeof(float) * panels * R * strip);
      for (std::int64_t first = 0; first < d; first += depth_at_once) {
        const std::int64_t depth = d - first < depth_at_once ? d - first : depth_at_once;
        const float* right = basis + (s * d + first) * strip;
        for (std::int64_t p = 0; p < panels; ++p) {
          if (far) fetch<false>(right + (depth + p * share) * strip, share * strip);
          tile_of<float, Sign::plus>(vectors_of(s, d), fresh + p * R * strip, strip,
                                     old + p * panel + first * R, R, right, strip, depth);
        }
      }
      for (std::int64_t r = 0; r < live; ++r)
        for (std::int64_t k = s * strip; k < d && k < (s + 1) * strip; k += W) {
          const Vector<float> turned = load(fresh + r * strip + k - s * strip);
          if (k + W <= d) store(factors + (row + r) * d + k, turned);
          else store_part(factors + (row + r) * d + k, turned, static_cast<int>(d - k));
        }
    }
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
