// One kernel once, on one thread: `kernel_counts KERNEL`, to be run under callgrind
// (benchmarks/speed/counts.py). Prints the instruction set that was taken.
#include <cstdio>
#include <cstring>

#include "dispatch.hpp"
#include "kernel_runs.hpp"

int main(int argc, char** argv) {
  for (const lmf::runs::Kernel& kernel : lmf::runs::kernels)
    if (argc == 2 && !std::strcmp(argv[1], kernel.name)) {
      const bool found_something = !kernel.run(1).empty();
      std::printf("%s\n", lmf::isa_name().c_str());
      return found_something ? 0 : 1;
    }
  std::fprintf(stderr, "usage: kernel_counts KERNEL\n");
  return 2;
}
