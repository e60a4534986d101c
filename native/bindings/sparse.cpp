#include "sparse.hpp"

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

Out2<float> product_of(In1<std::int64_t> indptr, In1<std::int32_t> indices,
                       std::optional<In1<float>> values, In2<float> dense, int n_threads,
                       bool check) {
  require(indptr.size() >= 1, "indptr must not be empty");
  const std::size_t rows = indptr.size() - 1, width = dense.shape(1);
  require(!values || values->size() == indices.size(), "values must be as long as indices");
  if (check) require_csr(indptr.data(), rows, indices.data(), indices.size(), dense.shape(0));
  Owned<float> out(rows * width);
  SparseProduct product;
  product.n_rows = static_cast<std::int64_t>(rows);
  product.indptr = indptr.data();
  product.indices = indices.data();
  product.values = data_or_null<float>(values);
  product.dense = dense.data();
  product.width = static_cast<int>(width);
  product.out = out.data();
  bool finished;
  {
    WithoutGil free;
    finished = multiply(product, n_threads, free.interrupt());
  }
  raise_if_interrupted(finished);
  return out.matrix(rows, width);
}

}  // namespace

void bind_sparse(nb::module_& m) {
  m.def("sparse_product", &product_of, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "values"_a.noconvert().none(), "dense"_a.noconvert(), "n_threads"_a = 0,
        "check"_a = true,
        nb::sig("def sparse_product(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "values: numpy.ndarray | None, dense: numpy.ndarray, n_threads: int = 0, "
                "check: bool = True) -> numpy.ndarray"),
        "Returns A X, float32[m, b]: A is m x n in CSR (values None: all 1), X float32[n, b]. "
        "`check` looks at every index first: needed once for a matrix that does not change.");
}

}  // namespace lmf::bindings
