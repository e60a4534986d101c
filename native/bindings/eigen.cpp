#include "eigen.hpp"

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

nb::tuple eigen(In2<double> matrix, int n_threads) {
  const std::size_t d = matrix.shape(0);
  require(d >= 1 && matrix.shape(1) == d, "matrix must be square, with at least one row");
  require(d <= 32768, "matrix must have at most 32768 rows");
  Owned<double> values(d), vectors(d * d);
  bool found;
  {
    WithoutGil free;
    found = eigen_symmetric(matrix.data(), static_cast<int>(d), values.data(), vectors.data(),
                            n_threads, free.interrupt());
  }
  raise_if_interrupted(found || !PyErr_Occurred());
  require(found, "matrix must be finite");
  return nb::make_tuple(values.vector(), vectors.matrix(d, d));
}

}  // namespace

void bind_eigen(nb::module_& m) {
  m.def("eigen_symmetric", &eigen, "matrix"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def eigen_symmetric(matrix: numpy.ndarray, n_threads: int = 0) "
                "-> tuple[numpy.ndarray, numpy.ndarray]"),
        "Eigenvalues, ascending, and unit eigenvectors, one a row, of symmetric float64[d, d].\n\n"
        "The upper triangle is read. ValueError if an element is not finite.");
}

}  // namespace lmf::bindings
