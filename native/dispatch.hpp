// Which build of the kernels runs: decided once, from the CPU and the variable LMF_ISA.
#pragma once

#include <string>

namespace lmf {

enum class Isa { baseline, avx2, avx512 };

// The level in use. LMF_ISA=baseline|avx2|avx512 lowers it (never above what the CPU has).
// Throws std::invalid_argument for any other value of LMF_ISA.
Isa isa();
std::string isa_name();

// The highest level that this CPU has, whatever LMF_ISA says.
std::string cpu_isa_name();

// Picks the table of the level in use out of the builds of one kernel file.
template <class Table>
const Table& pick([[maybe_unused]] const Table& baseline, [[maybe_unused]] const Table& avx2,
                  [[maybe_unused]] const Table& avx512) {
  switch (isa()) {
    case Isa::avx512: return avx512;
    case Isa::avx2: return avx2;
    default: return baseline;
  }
}

}  // namespace lmf

// Declares the builds of TABLE (a struct of function pointers, defined by each native/isa/*.cpp
// as `extern const TABLE NAME` in its own namespace) and the function NAME() that picks one.
#if defined(LMF_X86)
#define LMF_DISPATCH(TABLE, NAME)                                             \
  namespace lmf {                                                             \
  namespace baseline { extern const TABLE NAME; }                             \
  namespace avx2 { extern const TABLE NAME; }                                 \
  namespace avx512 { extern const TABLE NAME; }                               \
  const TABLE& NAME() { return pick(baseline::NAME, avx2::NAME, avx512::NAME); } \
  }
#else
#define LMF_DISPATCH(TABLE, NAME)                   \
  namespace lmf {                                   \
  namespace baseline { extern const TABLE NAME; }   \
  const TABLE& NAME() { return baseline::NAME; }    \
  }
#endif
