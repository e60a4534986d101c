// csr_transpose: every entry is found again in its column, sorted by row, for any threads.
#include "csr.hpp"
#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::int64_t most = bytes.rarely(16) ? 24 : 10;
  const Rows rows(bytes, bytes.in(0, most), bytes.in(0, most), most, bytes.coin());
  const bool valued = bytes.coin();
  const int threads = bytes.threads();
  const auto values = bytes.floats(rows.nnz(), [&] { return bytes.whole(); });
  std::vector<std::int64_t> indptr(rows.n_cols + 1, -7);
  std::vector<std::int32_t> indices(rows.nnz(), -7);
  std::vector<float> moved(valued ? rows.nnz() : 0);
  csr_transpose(rows.indptr.data(), rows.indices.data(), valued ? values.data() : nullptr, rows.n_rows, rows.n_cols,
                indptr.data(), indices.data(), valued ? moved.data() : nullptr, threads);
  expect(indptr[0] == 0 && indptr[rows.n_cols] == rows.nnz(), "as many entries as before");
  std::vector<std::int64_t> next(indptr.begin(), indptr.end() - 1);
  for (std::int64_t row = 0; row < rows.n_rows; ++row)
    for (std::int64_t k = rows.indptr[row]; k < rows.indptr[row + 1]; ++k) {
      const std::int64_t to = next[rows.indices[k]]++;
      expect(to < indptr[rows.indices[k] + 1] && indices[to] == row, "entries in their order");
      expect(!valued || moved[to] == values[k], "values move along");
    }
  return 0;
}
