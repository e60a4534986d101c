// ranking_metrics against the definitions, one list at a time.
#include "metrics.hpp"

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

std::vector<double> by_definition(const std::int32_t* list, std::int64_t width, const std::int32_t* test,
                                  std::int64_t n_test, std::int64_t cut) {
  double hits = 0, gain = 0, precisions = 0, first = 0, ideal = 0;
  for (std::int64_t rank = 1; rank <= std::min(cut, width); ++rank) {
    const std::int32_t item = list[rank - 1];
    const bool met_before = std::find(list, list + rank - 1, item) != list + rank - 1;
    if (met_before || std::find(test, test + n_test, item) == test + n_test) continue;
    hits += 1;
    gain += 1 / std::log2(static_cast<double>(rank) + 1);
    precisions += hits / static_cast<double>(rank);
    if (first == 0) first = static_cast<double>(rank);
  }
  const std::int64_t reachable = std::min(cut, n_test);
  for (std::int64_t rank = 1; rank <= reachable; ++rank) ideal += 1 / std::log2(static_cast<double>(rank) + 1);
  const auto most = static_cast<double>(reachable);
  return {hits / static_cast<double>(n_test), hits / most,          hits / static_cast<double>(cut),
          gain / ideal,                       precisions / most,    first > 0 ? 1 / first : 0,
          hits > 0 ? 1.0 : 0.0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::int64_t n_users = bytes.in(0, bytes.rarely(16) ? 8 : 3), width = bytes.in(0, bytes.rarely(16) ? 40 : 12), n_items = bytes.in(1, 30);
  const Rows test(bytes, n_users, n_items, 12, true);
  std::vector<std::int32_t> recommended, cuts;
  for (std::int64_t k = 0; k < n_users * width; ++k)
    recommended.push_back(static_cast<std::int32_t>(bytes.in(-1, n_items - 1)));
  std::int64_t cut = 0;
  for (std::int64_t k = bytes.in(1, 4); k > 0; --k) {
    cut += bytes.in(1, bytes.in(0, 15) ? 12 : 200'000'000);
    cuts.push_back(static_cast<std::int32_t>(cut));
  }
  const auto n_cuts = static_cast<std::int64_t>(cuts.size());
  const RankingCase problem{recommended.data(), n_users, width, test.indptr.data(), test.indices.data(),
                            cuts.data(), n_cuts};
  std::vector<double> out(ranking_metric_names.size() * cuts.size() * n_users, -7);
  expect(ranking_metrics(problem, out.data(), 1, {}), "a run that nobody stops finishes");
  for (std::int64_t user = 0; user < n_users; ++user) {
    const std::int64_t begin = test.indptr[user], n_test = test.indptr[user + 1] - begin;
    for (std::int64_t c = 0; c < n_cuts; ++c) {
      const auto expected =
          by_definition(recommended.data() + user * width, width, test.indices.data() + begin, n_test, cuts[c]);
      for (std::size_t metric = 0; metric < expected.size(); ++metric) {
        const double found = out[(static_cast<std::int64_t>(metric) * n_cuts + c) * n_users + user];
        if (n_test == 0) expect(std::isnan(found), "NaN for a user without a test item");
        else expect(std::fabs(found - expected[metric]) < 1e-12, "metrics by their definition");
      }
    }
  }
  return 0;
}
