// The rank-n update C += P'P of the row solver, by float32 FMA beside products of bfloat16 parts.
//
//     bf16 P.bin n d rounds folder       one thread; see bf16.py, which compiles and runs this
//
// P is n x d float32, row-major. Each kernel packs a panel of rows that fits the first-level cache
// and adds its products to the upper triangle of C, panel after panel, as native/isa/row.hpp does.
// A line a kernel and round: its name, seconds of the whole, seconds of the updates alone over panels
// packed before. C goes to folder/NAME.bin, d x d.
//
// A float is split into two bfloat16, x = hi + lo + e with |e| <= 2^-17 |x|, and
// x y = hi hi + hi lo + lo hi + O(2^-17) |x y| (Henry, Tang & Heinecke 2019): three products where
// FMA needs one. Products are exact in float32 and summed there.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bf16_amx.hpp"

namespace {

// Seconds that this thread had the processor: what else runs on the machine does not count.
double now() {
  timespec at;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + 1e-9 * static_cast<double>(at.tv_nsec);
}

std::vector<float> read(const char* path, std::size_t count) {
  std::vector<float> values(count);
  std::FILE* file = std::fopen(path, "rb");
  if (!file || std::fread(values.data(), sizeof(float), count, file) != count) {
    std::fprintf(stderr, "%s: no %zu floats\n", path, count);
    std::exit(1);
  }
  std::fclose(file);
  return values;
}

void write(const std::string& path, const float* values, std::size_t count) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(values, sizeof(float), count, file) != count || std::fclose(file)) {
    std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
    std::exit(1);
  }
}

struct Problem {
  const float* p;
  std::int64_t n, d;
};

// The seconds of a call, of as many as make a turn.
template <class Call>
double timed(Call call) {
  long calls = 0;
  const double start = now();
  double seconds;
  do {
    for (int k = 0; k < 8; ++k) call();
    calls += 8;
  } while ((seconds = now() - start) < 0.02);
  return seconds / static_cast<double>(calls);
}

template <class Kernel>
void run(const Problem& problem, Aligned& c, const std::string& folder, bool keep) {
  const std::int64_t d = problem.d, depth = Kernel::depth(d);
  const std::int64_t panels = (problem.n + depth - 1) / depth;
  const std::int64_t words = Kernel::words(d);
  Aligned packed(panels * words);
  const auto rows = [&](std::int64_t k) {
    return problem.n - k * depth < depth ? problem.n - k * depth : depth;
  };
  const auto whole = [&] {
    c.clear();
    for (std::int64_t k = 0; k < panels; ++k) {
      Kernel::pack(problem.p + k * depth * d, rows(k), d, packed.at());
      Kernel::update(c.at(), d, packed.at(), rows(k));
    }
  };
  whole();
  if (keep) return write(folder + "/" + Kernel::name + ".bin", c.at(), d * d);
  const double all = timed(whole);
  for (std::int64_t k = 0; k < panels; ++k)
    Kernel::pack(problem.p + k * depth * d, rows(k), d, packed.at() + k * words);
  const double update = timed([&] {
    c.clear();
    for (std::int64_t k = 0; k < panels; ++k)
      Kernel::update(c.at(), d, packed.at() + k * words, rows(k));
  });
  std::printf("%s %.9g %.9g\n", Kernel::name, all, update);
}

template <class... Kernels>
void run_all(const Problem& problem, int rounds, const std::string& folder) {
  Aligned c(problem.d * problem.d);
  (run<Kernels>(problem, c, folder, true), ...);
  for (int round = 0; round < rounds; ++round) (run<Kernels>(problem, c, folder, false), ...);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "bf16 P.bin n d rounds folder\n");
    return 2;
  }
  const std::int64_t n = std::atoll(arguments[2]), d = std::atoll(arguments[3]);
  if (n < 1 || d < 32 || d % 32) {
    std::fprintf(stderr, "n at least 1, d a multiple of 32\n");
    return 2;
  }
  const std::vector<float> p = read(arguments[1], static_cast<std::size_t>(n * d));
  const Problem problem{p.data(), n, d};
  const int rounds = std::atoi(arguments[4]);
  const std::string folder = arguments[5];
#if defined(EMULATE_AMX)
  run_all<Amx>(problem, rounds, folder);
#else
#if defined(__AMX_BF16__)
  if (!amx_begin()) {
    std::fprintf(stderr, "Linux does not give the tiles\n");
    return 1;
  }
#endif
  run_all<Shipped, Fma<8, 3>, Fma<8, 2>, Fma<4, 4>, Fma<4, 6>
#if defined(__AVX512BF16__)
          , Dot<1, 8, 3>, Dot<3, 8, 3>, Dot<3, 8, 2>, Dot<3, 4, 4>
#endif
#if defined(__AMX_BF16__)
          , Amx
#endif
          >(problem, rounds, folder);
#endif
  return 0;
}
