// Every kernel that shares its work out, with four threads: the bits of one. Returns the number of
// failures.
#include <cstdio>

#include "kernel_runs.hpp"

int main() {
  int failures = 0;
  for (const lmf::runs::Kernel& kernel : lmf::runs::kernels) {
    const lmf::runs::Bytes one = kernel.run(1);
    for (int turn = 0; turn < 2; ++turn)
      if (one.empty() || kernel.run(4) != one) {
        std::printf("FAILED: %s has other bits with 4 threads\n", kernel.name);
        ++failures;
        break;
      }
  }
  std::printf(failures ? "%d failures\n" : "threads: all good\n", failures);
  return failures;
}
