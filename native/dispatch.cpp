#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>

namespace lmf {
namespace {

Isa best_of_cpu() {
#if defined(LMF_X86)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::baseline;
}

Isa decide() {
  const Isa best = best_of_cpu();
  const char* wish = std::getenv("LMF_ISA");
  if (!wish || !*wish) return best;
  const std::string level = wish;
  Isa wanted;
  if (level == "baseline") wanted = Isa::baseline;
  else if (level == "avx2") wanted = Isa::avx2;
  else if (level == "avx512") wanted = Isa::avx512;
  else throw std::invalid_argument("LMF_ISA=" + level + ": expected baseline, avx2 or avx512");
  return wanted < best ? wanted : best;
}

std::string name_of(Isa level) {
  switch (level) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    default: return "baseline";
  }
}

}  // namespace

Isa isa() {
  static const Isa level = decide();
  return level;
}

std::string isa_name() { return name_of(isa()); }

std::string cpu_isa_name() { return name_of(best_of_cpu()); }

}  // namespace lmf
