#include "metrics.hpp"

#include <algorithm>

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

void require_cuts(const In1<std::int32_t>& cuts) {
  require(cuts.size() > 0 && cuts.data()[0] >= 1, "cuts must be at least 1");
  for (std::size_t c = 1; c < cuts.size(); ++c)
    require(cuts.data()[c - 1] < cuts.data()[c], "cuts must increase");
}

void require_items(const In2<std::int32_t>& recommended, std::int64_t n_items) {
  std::int32_t smallest = 0, largest = -1;
  for (std::size_t k = 0; k < recommended.size(); ++k) {
    smallest = std::min(smallest, recommended.data()[k]);
    largest = std::max(largest, recommended.data()[k]);
  }
  require(smallest >= -1 && largest < n_items, "recommended item out of range");
}

Out2<double> ranking_metrics(const In2<std::int32_t>& recommended,
                             const In1<std::int64_t>& test_indptr,
                             const In1<std::int32_t>& test_indices, std::int64_t n_items,
                             const In1<std::int32_t>& cuts, int n_threads) {
  const auto n_users = static_cast<std::int64_t>(recommended.shape(0));
  require(n_items >= 0, "n_items must not be negative");
  require(test_indptr.size() == recommended.shape(0) + 1,
          "test_indptr must have one entry more than recommended has rows");
  require_csr(test_indptr.data(), n_users, test_indices.data(),
              static_cast<std::int64_t>(test_indices.size()), n_items);
  require_increasing_rows(test_indptr.data(), n_users, test_indices.data());
  require_cuts(cuts);
  require_items(recommended, n_items);

  const RankingCase problem{recommended.data(),
                            n_users,
                            static_cast<std::int64_t>(recommended.shape(1)),
                            test_indptr.data(),
                            test_indices.data(),
                            cuts.data(),
                            static_cast<std::int64_t>(cuts.size())};
  const std::size_t n_rows = ranking_metric_names.size() * cuts.size();
  Owned<double> out(n_rows * recommended.shape(0));
  bool finished = false;
  {
    WithoutGil free;
    finished = lmf::ranking_metrics(problem, out.data(), n_threads, free.interrupt());
  }
  raise_if_interrupted(finished);
  return out.matrix(n_rows, recommended.shape(0));
}

}  // namespace

void bind_metrics(nb::module_& m) {
  nb::list names;
  for (const char* name : ranking_metric_names) names.append(name);
  m.attr("ranking_metric_names") = nb::tuple(names);
  m.def("ranking_metrics", &ranking_metrics, nb::arg("recommended").noconvert(),
        nb::arg("test_indptr").noconvert(), nb::arg("test_indices").noconvert(),
        nb::arg("n_items"), nb::arg("cuts").noconvert(), nb::arg("n_threads") = 0,
        "Ranking metrics of each user (row) of recommended (int32[q, width], -1: nothing) against\n"
        "the CSR of test items, whose rows increase, at each of the increasing cuts: float64[7 *\n"
        "len(cuts), q], metrics in the order of ranking_metric_names and cuts within each metric;\n"
        "NaN for a user with no test item. The same bits for any n_threads (0: all).");
}

}  // namespace lmf::bindings
