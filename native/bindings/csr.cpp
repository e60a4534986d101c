#include "csr.hpp"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <utility>

#include "arrays.hpp"
#include "csr_build.hpp"
#include "encode.hpp"

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

using AnyRun = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
nb::tuple encode_runs(const std::vector<AnyRun>& values, int n_threads) {
  std::vector<Run<T>> runs;
  std::int64_t n = 0;
  for (const AnyRun& run : values) {
    require(run.dtype() == nb::dtype<T>(), "the runs must be all of int32 or all of int64");
    runs.push_back({static_cast<const T*>(run.data()), static_cast<std::int64_t>(run.size())});
    n += runs.back().size;
  }
  Owned<std::int32_t> codes(n);
  std::vector<std::int64_t> distinct;
  {
    WithoutGil free;
    distinct = encode_integers(runs, codes.data(), n_threads);
  }
  Owned<std::int64_t> uniques(distinct.size());
  std::copy(distinct.begin(), distinct.end(), uniques.data());
  return nb::make_tuple(codes.vector(), uniques.vector());
}

// int32 as it is, for a copy as int64 would take longer than the coding.
nb::tuple encode(const std::vector<AnyRun>& values, int n_threads) {
  if (!values.empty() && values[0].dtype() == nb::dtype<std::int32_t>())
    return encode_runs<std::int32_t>(values, n_threads);
  return encode_runs<std::int64_t>(values, n_threads);
}

template <class T>
using ManyRuns = std::optional<std::vector<In1<T>>>;

template <class T>
Runs<T> runs_of(const ManyRuns<T>& given) {
  std::vector<Run<T>> runs;
  if (given)
    for (const In1<T>& run : *given)
      runs.push_back({run.data(), static_cast<std::int64_t>(run.size())});
  return Runs<T>(std::move(runs));
}

nb::tuple from_coo(In1<std::int32_t> rows, In1<std::int32_t> cols, const ManyRuns<float>& values,
                   const ManyRuns<std::int64_t>& times,
                   std::int64_t n_rows, std::int64_t n_cols, const std::string& policy,
                   int n_threads) {
  const auto n = static_cast<std::int64_t>(rows.size());
  require(n_rows >= 0 && n_cols >= 0, "n_rows and n_cols must not be negative");
  const Entries entries{rows.data(), cols.data(), n, runs_of<float>(values),
                        runs_of<std::int64_t>(times)};
  require(cols.size() == rows.size() && (!values || entries.values.size() == n) &&
              (!times || entries.times.size() == n),
          "rows, cols, values and times must have the same length");
  {
    WithoutGil free;
    require(all_below(rows.data(), n, n_rows, n_threads), "row index out of range");
    require(all_below(cols.data(), n, n_cols, n_threads), "column index out of range");
  }
  const Duplicates how = policy_of(policy);
  BuiltRows built;
  std::int64_t first = -1;
  {
    WithoutGil free;
    built = build_rows(entries, n_rows, n_cols, how, n_threads);
    if (policy == "error" && built.merged > 0) first = first_repeated(entries, built);
  }
  nb::object kept_values = nb::none(), kept_times = nb::none();
  if (built.has_values) kept_values = nb::cast(Owned(std::move(built.values)).vector());
  if (entries.times.given()) kept_times = nb::cast(Owned(std::move(built.times)).vector());
  return nb::make_tuple(Owned(std::move(built.indptr)).vector(),
                        Owned(std::move(built.indices)).vector(), kept_values, kept_times,
                        built.merged, first);
}

nb::tuple transpose(In1<std::int64_t> indptr, In1<std::int32_t> indices,
                    std::optional<In1<float>> values, std::int64_t n_cols, int n_threads) {
  require(indptr.size() >= 1, "indptr must not be empty");
  const std::int64_t n_rows = static_cast<std::int64_t>(indptr.size()) - 1;
  const auto nnz = static_cast<std::int64_t>(indices.size());
  require(!values || values->size() == indices.size(), "values must be as long as indices");
  require_csr(indptr.data(), n_rows, indices.data(), nnz, n_cols);
  Owned<std::int64_t> out_indptr(n_cols + 1);
  Owned<std::int32_t> out_indices(nnz);
  Owned<float> out_values(values ? nnz : 0);
  {
    WithoutGil free;
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
        nb::sig("def encode_integers(values: collections.abc.Sequence[numpy.ndarray], "
                "n_threads: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]"),
        "Codes int32[n] of runs of int32 or int64, and the distinct values int64[k], rising.");
  m.def("csr_from_coo", &from_coo, "rows"_a.noconvert(), "cols"_a.noconvert(),
        "values"_a.noconvert().none(), "times"_a.noconvert().none(), "n_rows"_a, "n_cols"_a,
        "policy"_a, "n_threads"_a = 0,
        nb::sig("def csr_from_coo(rows: numpy.ndarray, cols: numpy.ndarray, "
                "values: collections.abc.Sequence[numpy.ndarray] | None, "
                "times: collections.abc.Sequence[numpy.ndarray] | None, n_rows: int, "
                "n_cols: int, policy: str, n_threads: int = 0) -> tuple[numpy.ndarray, "
                "numpy.ndarray, numpy.ndarray | None, numpy.ndarray | None, int, int]"),
        "Sorted rows (indptr, indices, values, times), how many entries were merged, and where the "
        "policy is error the position of the first that repeats another (else -1).");
  m.def("csr_transpose", &transpose, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "values"_a.noconvert().none(), "n_cols"_a, "n_threads"_a = 0,
        nb::sig("def csr_transpose(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "values: numpy.ndarray | None, n_cols: int, n_threads: int = 0) "
                "-> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None]"),
        "(indptr, indices, values) of the transposed matrix.");
}

}  // namespace lmf::bindings
