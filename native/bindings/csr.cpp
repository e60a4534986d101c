#include "csr.hpp"

#include <algorithm>
#include <memory>

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

Duplicates policy_of(const std::string& name) {
  if (name == "sum") return Duplicates::sum;
  if (name == "mean") return Duplicates::mean;
  if (name == "first") return Duplicates::first;
  if (name == "max") return Duplicates::max;
  require(name == "last" || name == "error", "policy must be sum, mean, last, first, max or error");
  return Duplicates::last;
}

void require_indices(const std::int32_t* indices, std::int64_t n, std::int64_t limit,
                     const char* message) {
  std::uint32_t largest = 0;
  for (std::int64_t k = 0; k < n; ++k)
    largest = std::max(largest, static_cast<std::uint32_t>(indices[k]));
  require(n == 0 || largest < static_cast<std::uint64_t>(limit), message);
}

nb::tuple encode(In1<std::int64_t> values, int n_threads) {
  Owned<std::int32_t> codes(values.size());
  std::vector<std::int64_t> distinct;
  {
    nb::gil_scoped_release free;
    distinct = encode_integers(values.data(), values.size(), codes.data(), n_threads);
  }
  Owned<std::int64_t> uniques(distinct.size());
  std::copy(distinct.begin(), distinct.end(), uniques.data());
  return nb::make_tuple(codes.vector(), uniques.vector());
}

nb::tuple from_coo(In1<std::int32_t> rows, In1<std::int32_t> cols,
                   std::optional<In1<float>> values, std::optional<In1<std::int64_t>> times,
                   std::int64_t n_rows, std::int64_t n_cols, const std::string& policy,
                   int n_threads) {
  const auto n = static_cast<std::int64_t>(rows.size());
  require(n_rows >= 0 && n_cols >= 0, "n_rows and n_cols must not be negative");
  require(cols.size() == rows.size() && (!values || values->size() == rows.size()) &&
              (!times || times->size() == rows.size()),
          "rows, cols, values and times must have the same length");
  require_indices(rows.data(), n, n_rows, "row index out of range");
  require_indices(cols.data(), n, n_cols, "column index out of range");
  const Duplicates how = policy_of(policy);
  const Entries entries{rows.data(), cols.data(), data_or_null<float>(values),
                        data_or_null<std::int64_t>(times), n};
  Owned<std::int64_t> indptr(n_rows + 1);
  std::optional<CsrBuilder> builder;
  {
    nb::gil_scoped_release free;
    builder.emplace(entries, n_rows, how, indptr.data(), n_threads);
  }
  const std::size_t nnz = builder->nnz();
  Owned<std::int32_t> indices(nnz);
  Owned<float> out_values(builder->has_values() ? nnz : 0);
  Owned<std::int64_t> out_times(times ? nnz : 0);
  {
    nb::gil_scoped_release free;
    builder->write(indices.data(), builder->has_values() ? out_values.data() : nullptr,
                   times ? out_times.data() : nullptr);
  }
  nb::object kept_values = builder->has_values() ? nb::cast(out_values.vector()) : nb::none();
  nb::object kept_times = times ? nb::cast(out_times.vector()) : nb::none();
  return nb::make_tuple(indptr.vector(), indices.vector(), kept_values, kept_times,
                        builder->duplicates().merged, builder->duplicates().first_position);
}

nb::tuple transpose(In1<std::int64_t> indptr, In1<std::int32_t> indices,
                    std::optional<In1<float>> values, std::int64_t n_cols, int n_threads) {
  require(indptr.size() >= 1 && n_cols >= 0, "indptr must not be empty, n_cols not negative");
  const std::int64_t n_rows = static_cast<std::int64_t>(indptr.size()) - 1;
  const auto nnz = static_cast<std::int64_t>(indices.size());
  require(!values || values->size() == indices.size(), "values must be as long as indices");
  require_csr(indptr.data(), n_rows, indices.data(), nnz, n_cols);
  Owned<std::int64_t> out_indptr(n_cols + 1);
  Owned<std::int32_t> out_indices(nnz);
  Owned<float> out_values(values ? nnz : 0);
  {
    nb::gil_scoped_release free;
    csr_transpose(indptr.data(), indices.data(), data_or_null<float>(values), n_rows, n_cols,
                  out_indptr.data(), out_indices.data(), values ? out_values.data() : nullptr,
                  n_threads);
  }
  nb::object kept_values = values ? nb::cast(out_values.vector()) : nb::none();
  return nb::make_tuple(out_indptr.vector(), out_indices.vector(), kept_values);
}

}  // namespace

void bind_csr(nb::module_& m) {
  m.def("encode_integers", &encode, "values"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def encode_integers(values: numpy.ndarray, n_threads: int = 0) "
                "-> tuple[numpy.ndarray, numpy.ndarray]"),
        "Codes int32[n] and the distinct values int64[k] in rising order.");
  m.def("csr_from_coo", &from_coo, "rows"_a.noconvert(), "cols"_a.noconvert(),
        "values"_a.noconvert().none(), "times"_a.noconvert().none(), "n_rows"_a, "n_cols"_a,
        "policy"_a, "n_threads"_a = 0,
        nb::sig("def csr_from_coo(rows: numpy.ndarray, cols: numpy.ndarray, "
                "values: numpy.ndarray | None, times: numpy.ndarray | None, n_rows: int, "
                "n_cols: int, policy: str, n_threads: int = 0) -> tuple[numpy.ndarray, "
                "numpy.ndarray, numpy.ndarray | None, numpy.ndarray | None, int, int]"),
        "Sorted rows (indptr, indices, values, times), entries merged, first repeated position.");
  m.def("csr_transpose", &transpose, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "values"_a.noconvert().none(), "n_cols"_a, "n_threads"_a = 0,
        nb::sig("def csr_transpose(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "values: numpy.ndarray | None, n_cols: int, n_threads: int = 0) "
                "-> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None]"),
        "(indptr, indices, values) of the transposed matrix.");
}

}  // namespace lmf::bindings
