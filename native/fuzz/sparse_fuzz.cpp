// multiply: a sparse matrix times a dense one, exact on whole numbers.
#include "sparse.hpp"

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const bool wild = bytes.in(0, 7) == 0, valued = bytes.coin();
  const Rows rows(bytes, bytes.in(0, 6), bytes.in(0, 12), 14, false);
  const std::int64_t width = bytes.in(0, bytes.rarely(16) ? 100 : 20);
  const auto number = [&] { return wild ? bytes.wild() : bytes.whole(); };
  const auto values = bytes.floats(rows.nnz(), number), dense = bytes.floats(rows.n_cols * width, number);
  std::vector<float> out(rows.n_rows * width, -7.0f);
  SparseProduct product;
  product.n_rows = rows.n_rows;
  product.indptr = rows.indptr.data();
  product.indices = rows.indices.data();
  product.values = valued ? values.data() : nullptr;
  product.dense = dense.data();
  product.width = static_cast<int>(width);
  product.out = out.data();
  expect(multiply(product, bytes.threads(), {}), "a run that nobody stops finishes");
  for (std::int64_t row = 0; row < rows.n_rows && !wild; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      float sum = 0;
      for (std::int64_t k = rows.indptr[row]; k < rows.indptr[row + 1]; ++k)
        sum += (valued ? values[k] : 1) * dense[rows.indices[k] * width + column];
      expect(out[row * width + column] == sum, "the product");
    }
  return 0;
}
