#include "dense.hpp"

#include <algorithm>
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

}  // namespace

bool gram(const float* factors, std::int64_t n, int d, double* out, int n_threads,
          const Interrupt& interrupt) {
  if (d == 0) return true;
  const std::size_t elements = static_cast<std::size_t>(d) * d;
  const std::int64_t groups = groups_of(n, d);
  std::vector<double> sums(groups * elements, 0.0);
  const bool finished = parallel_for(groups, n_threads, interrupt, [&](std::int64_t group, int) {
    const auto workspace = aligned_memory(dense_kernels().workspace_bytes(d));
    const std::int64_t begin = n * group / groups, end = n * (group + 1) / groups;
    dense_kernels().gram(factors + begin * d, end - begin, d, sums.data() + group * elements,
                         workspace.get());
  });
  for (int i = 0; i < d; ++i) {
    for (int j = i; j < d; ++j) {
      double total = 0;
      for (std::int64_t group = 0; group < groups; ++group)
        total += sums[group * elements + static_cast<std::size_t>(i) * d + j];
      out[static_cast<std::size_t>(i) * d + j] = out[static_cast<std::size_t>(j) * d + i] = total;
    }
  }
  return finished;
}

bool rotate(float* factors, std::int64_t n, int d, const double* basis, const std::uint8_t* skip,
            int n_threads, const Interrupt& interrupt) {
  if (d == 0) return true;
  constexpr std::int64_t chunk = 512;
  const std::int64_t stride = (d + 15) / 16 * 16;
  const auto columns = aligned_memory(static_cast<std::size_t>(d) * stride * sizeof(float));
  auto* column = static_cast<float*>(columns.get());
  for (int k = 0; k < d; ++k)
    for (std::int64_t j = 0; j < stride; ++j)
      column[k * stride + j] = j < d ? static_cast<float>(basis[j * d + k]) : 0.0f;
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
      dense_kernels().rotate(factors + begin * d, stop - begin, d, column, stride, workspace.get());
      begin = stop;
    }
  });
}

}  // namespace lmf
