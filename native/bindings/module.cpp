// The compiled module lmf._native: one bind_* function a topic, each in a file of its own.
#if defined(__linux__)
#include <malloc.h>
#endif

#include "arrays.hpp"
#include "dispatch.hpp"
#include "parallel.hpp"

namespace lmf::bindings {
void bind_csr(nb::module_& m);
void bind_rows(nb::module_& m);
void bind_stochastic(nb::module_& m);
void bind_sparse(nb::module_& m);
void bind_gibbs(nb::module_& m);
void bind_dense(nb::module_& m);
void bind_eigen(nb::module_& m);
void bind_topn(nb::module_& m);
void bind_metrics(nb::module_& m);
}  // namespace lmf::bindings

namespace {

// Other compilers may order sums otherwise: the same bits are promised for one build only.
std::string compiler() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__);
#elif defined(__GNUC__)
  return "gcc " + std::to_string(__GNUC__);
#else
  return "unknown";
#endif
}

// What the C library holds free goes back to the system, where the library knows how.
void release_free_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of lmf. Arrays in, arrays out; everything is checked before it gets here.";
  m.def("isa", &lmf::isa_name, "The instruction set in use: baseline, avx2 or avx512.");
  m.def("cpu_isa", &lmf::cpu_isa_name, "The highest instruction set that this CPU has.");
  m.def("compiler", &compiler, "What compiled this module, such as gcc 12.");
  m.def("available_threads", &lmf::available_threads,
        "Threads this process may use: its CPU affinity, lowered by a cgroup quota.");
  m.def("release_free_memory", &release_free_memory,
        "Give memory that the process holds free back to the system, as far as that can be done.");
  nanobind::set_leak_warnings(false);  // module objects that outlive the interpreter are its own affair
  lmf::isa();  // a wrong LMF_ISA is an error at import, not in the middle of a fit
  lmf::bindings::bind_csr(m);
  lmf::bindings::bind_rows(m);
  lmf::bindings::bind_stochastic(m);
  lmf::bindings::bind_sparse(m);
  lmf::bindings::bind_gibbs(m);
  lmf::bindings::bind_dense(m);
  lmf::bindings::bind_eigen(m);
  lmf::bindings::bind_topn(m);
  lmf::bindings::bind_metrics(m);
}
