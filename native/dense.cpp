#include "dense.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(DenseKernels, dense_kernels)

namespace lmf {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> aligned_memory(std::size_t bytes) {
  std::unique_ptr<void, Free> memory(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  if (!memory) throw std::bad_alloc();
  return memory;
}

// How many partial sums are kept: a function of the problem alone. Few where a sum is large.
std::int64_t groups_of(std::int64_t n, int d) {
  const std::int64_t affordable = (1 << 22) / (static_cast<std::int64_t>(d) * d);
  const std::int64_t useful = (n + 1023) / 1024;
  return std::max<std::int64_t>(1, std::min(useful, std::clamp<std::int64_t>(affordable, 4, 32)));
}

void scale_columns(float* factors, std::int64_t n, int d, const float* scale, int n_threads) {
  constexpr std::int64_t chunk = 4096;
  parallel_for((n + chunk - 1) / chunk, n_threads, {}, [&](std::int64_t at, int) {
    for (std::int64_t row = at * chunk; row < std::min(n, (at + 1) * chunk); ++row)
      for (int k = 0; k < d; ++k) factors[row * d + k] *= scale[k];
  });
}

}  // namespace

bool gram(const float* factors, std::int64_t n, int d, double* out, int n_threads,
          const Interrupt& interrupt) {
  if (d == 0) return true;
  const std::size_t elements = static_cast<std::size_t>(d) * d;
  const std::int64_t groups = groups_of(n, d);
  // Each group fills its own sum: pages are first touched by the thread that needs them.
  const std::unique_ptr<double[]> sums(new double[groups * elements]);
  const bool finished = parallel_for(groups, n_threads, interrupt, [&](std::int64_t group, int) {
    const auto workspace = aligned_memory(dense_kernels().workspace_bytes(d));
    const std::int64_t begin = n * group / groups, end = n * (group + 1) / groups;
    double* sum = sums.get() + group * elements;
    std::fill_n(sum, elements, 0.0);
    dense_kernels().gram(factors + begin * d, end - begin, d, sum, workspace.get());
  });
  if (!finished) return false;
  // By bands of rows, and of columns below the diagonal, so that whole cache lines are written.
  constexpr std::int64_t band = 64;
  const std::int64_t bands = (d + band - 1) / band, wide = d;
  parallel_for(bands, n_threads, {}, [&](std::int64_t at, int) {
    const std::int64_t begin = at * band, end = std::min(wide, begin + band);
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t j = i; j < wide; ++j) {
        double total = 0;
        for (std::int64_t group = 0; group < groups; ++group)
          total += sums[group * elements + i * wide + j];
        out[i * wide + j] = total;
      }
    for (std::int64_t j = begin; j < wide; ++j)
      for (std::int64_t i = begin; i < std::min(end, j); ++i) out[j * wide + i] = out[i * wide + j];
  });
  return true;
}

bool rotate(float* factors, std::int64_t n, int d, const double* basis, const std::uint8_t* skip,
            int n_threads, const Interrupt& interrupt) {
  if (d == 0) return true;
  constexpr std::int64_t chunk = 512;
  const std::int64_t strip = dense_kernels().strip, strips = (d + strip - 1) / strip;
  const auto columns = aligned_memory(static_cast<std::size_t>(strips) * strip * d * sizeof(float));
  parallel_for(strips, n_threads, {}, [&](std::int64_t at, int) {
    constexpr int line = 8;  // of the basis, read whole
    float* to = static_cast<float*>(columns.get()) + at * strip * d;
    for (int first = 0; first < d; first += line)
      for (std::int64_t j = 0; j < strip; ++j)
        for (int k = first; k < std::min(d, first + line); ++k) {
          const std::int64_t axis = at * strip + j;
          to[k * strip + j] = axis < d ? static_cast<float>(basis[axis * d + k]) : 0.0f;
        }
  });
  return parallel_for((n + chunk - 1) / chunk, n_threads, interrupt, [&](std::int64_t at, int) {
    const auto workspace = aligned_memory(dense_kernels().workspace_bytes(d));
    std::int64_t begin = at * chunk;
    const std::int64_t end = std::min(n, begin + chunk);
    while (begin < end) {  // runs of rows that are not skipped
      if (skip && skip[begin]) {
        ++begin;
        continue;
      }
      std::int64_t stop = begin + 1;
      while (stop < end && !(skip && skip[stop])) ++stop;
      dense_kernels().rotate(factors + begin * d, stop - begin, d,
                             static_cast<const float*>(columns.get()), workspace.get());
      begin = stop;
    }
  });
}

bool cross(const Blocks& left, const float* right, int w, double* out, int n_threads,
           const Interrupt& interrupt) {
  const std::size_t size = static_cast<std::size_t>(left.q()) * w;
  const std::size_t size_of_block = static_cast<std::size_t>(left.width) * w;
  const std::int64_t n = left.n, groups = std::clamp<std::int64_t>(n / 896, 1, 16);
  std::vector<double> sums(groups * size, 0.0);
  const bool finished = parallel_for(groups, n_threads, interrupt, [&](std::int64_t group, int) {
    double* sum = sums.data() + group * size;
    std::vector<float> part(size);
    const std::int64_t end = n * (group + 1) / groups;
    for (std::int64_t row = n * group / groups; row < end; row += 1024) {
      std::fill(part.begin(), part.end(), 0.0f);
      for (int block = 0; block < left.count; ++block)
        dense_kernels().cross(left.row(block, row), left.width, right + row * w, w,
                              std::min<std::int64_t>(1024, end - row), part.data() + block * size_of_block);
      for (std::size_t k = 0; k < size; ++k) sum[k] += part[k];
    }
  });
  for (std::size_t k = 0; k < size; ++k) {
    out[k] = 0;
    for (std::int64_t group = 0; group < groups; ++group) out[k] += sums[group * size + k];
  }
  return finished;
}

bool subtract_product(float* from, int w, const Blocks& left, const double* coefficients, int n_threads,
                      const Interrupt& interrupt) {
  if (left.width == 0 || w == 0) return true;  // nothing to subtract, perhaps from no memory
  constexpr std::int64_t chunk = 128;
  const std::size_t size_of_block = static_cast<std::size_t>(left.width) * w;
  const std::vector<float> narrow(coefficients, coefficients + left.count * size_of_block);
  return parallel_for((left.n + chunk - 1) / chunk, n_threads, interrupt, [&](std::int64_t at, int) {
    std::vector<float> panel(static_cast<std::size_t>(left.width) * 8);
    const std::int64_t begin = at * chunk, rows = std::min(left.n - begin, chunk);
    for (int block = 0; block < left.count; ++block)
      dense_kernels().subtract_product(from + begin * w, w, left.row(block, begin), left.width,
                                       narrow.data() + block * size_of_block, rows, panel.data());
  });
}

void column_energies(const float* factors, const double* weights, std::int64_t n, int d, double* out,
                     int n_threads) {
  const std::int64_t groups = std::clamp<std::int64_t>(n / 1024, 1, 64);
  std::vector<double> sums(groups * d, 0.0);
  parallel_for(groups, n_threads, {}, [&](std::int64_t group, int) {
    double* sum = sums.data() + group * d;
    for (std::int64_t row = n * group / groups; row < n * (group + 1) / groups; ++row)
      for (int k = 0; k < d; ++k) {
        const double value = factors[row * d + k];
        sum[k] += weights[row] * value * value;
      }
  });
  for (int k = 0; k < d; ++k) {
    out[k] = 0;
    for (std::int64_t group = 0; group < groups; ++group) out[k] += sums[group * d + k];
  }
}

void balance(float* users, const double* user_weights, std::int64_t n_users, float* items,
             const double* item_weights, std::int64_t n_items, int d, int n_threads) {
  std::vector<double> user_energy(d), item_energy(d);
  column_energies(users, user_weights, n_users, d, user_energy.data(), n_threads);
  column_energies(items, item_weights, n_items, d, item_energy.data(), n_threads);
  std::vector<float> up(d, 1.0f), down(d, 1.0f);
  for (int k = 0; k < d; ++k) {
    const double scale = std::sqrt(std::sqrt(item_energy[k] / user_energy[k]));
    if (!(scale > 1e-6 && scale < 1e6)) continue;  // a factor that one side does not use, or no penalty
    up[k] = static_cast<float>(scale);
    down[k] = static_cast<float>(1 / scale);
  }
  scale_columns(users, n_users, d, up.data(), n_threads);
  scale_columns(items, n_items, d, down.data(), n_threads);
}

}  // namespace lmf
