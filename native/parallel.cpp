#include "parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace lmf {
namespace {

// CPUs' worth of time that the cgroup grants, or 0 where it sets no limit.
int cgroup_limit() {
  double quota = 0, period = 0;
  std::string word;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> word >> period && word != "max") {
    quota = std::strtod(word.c_str(), nullptr);
  } else if (std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
             p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
             !(q >> quota && p >> period)) {
    return 0;
  }
  return quota > 0 && period > 0 ? static_cast<int>(std::ceil(quota / period)) : 0;
}

}  // namespace

int available_threads() {
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) threads = CPU_COUNT(&set);
  if (const int limit = cgroup_limit(); limit > 0) threads = std::min(threads, limit);
  return std::max(threads, 1);
}

}  // namespace lmf
