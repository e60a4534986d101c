#include "topn.hpp"
#include "topn_index.hpp"

#include <algorithm>
#include <limits>

#include <nanobind/stl/unique_ptr.h>

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

template <class T>
using Maybe1 = std::optional<In1<T>>;

constexpr std::size_t most_rows = std::numeric_limits<std::int32_t>::max();

template <class Array>
std::int64_t length(const Array& array, int axis = 0) {
  return static_cast<std::int64_t>(array.shape(axis));
}

void require_one_per_item(const char* message, const auto& array, std::int64_t n_items) {
  require(!array || length(*array) == n_items, message);
}

// Only the rows that queries name are read, so only they are checked: a call for one user must not
// cost a pass over everybody's history.
void require_exclusions(TopnProblem& problem, const Maybe1<std::int64_t>& indptr,
                        const Maybe1<std::int32_t>& indices, const Maybe1<std::int64_t>& rows) {
  require(indptr.has_value() == indices.has_value(),
          "exclude_indptr and exclude_indices come together");
  require(!rows || indptr, "exclude_rows needs exclude_indptr");
  if (!indptr) return;
  require(length(*indptr) >= 1, "exclude_indptr must not be empty");
  const std::int64_t n_rows = length(*indptr) - 1, nnz = length(*indices);
  require(rows ? length(*rows) == problem.n_queries : n_rows == problem.n_queries,
          "exclude_rows (or exclude_indptr without them) must have one row a query");
  const std::int32_t* items = indices->data();
  for (std::int64_t query = 0; query < problem.n_queries; ++query) {
    const std::int64_t row = rows ? rows->data()[query] : query;
    require(row >= -1 && row < n_rows, "exclude_rows out of range");
    if (row < 0) continue;
    const std::int64_t begin = indptr->data()[row], end = indptr->data()[row + 1];
    require(begin >= 0 && begin <= end && end <= nnz,
            "exclude_indptr must not fall and must stay within exclude_indices");
    std::uint32_t largest = 0;  // a negative index is a huge unsigned one
    for (std::int64_t k = begin; k < end; ++k)
      largest = std::max(largest, static_cast<std::uint32_t>(items[k]));
    require(begin == end || largest < static_cast<std::uint64_t>(problem.n_items),
            "exclude_indices out of range");
  }
  problem.exclude_indptr = indptr->data();
  problem.exclude_indices = items;
  problem.exclude_rows = data_or_null<std::int64_t>(rows);
}

TopnProblem queries_of_items(const In2<float>& queries, const In2<float>& items,
                             const Maybe1<float>& item_bias) {
  require(queries.shape(1) == items.shape(1), "queries and items must have the same columns");
  require(items.shape(0) <= most_rows, "items: more than 2^31 - 1 rows");
  TopnProblem problem;
  problem.queries = queries.data();
  problem.n_queries = length(queries);
  problem.items = items.data();
  problem.n_items = length(items);
  problem.d = length(items, 1);
  require_one_per_item("item_bias must have one entry an item", item_bias, problem.n_items);
  problem.item_bias = data_or_null<float>(item_bias);
  return problem;
}

nb::tuple topn(const In2<float>& queries, const In2<float>& items, std::int64_t n,
               const Maybe1<float>& item_bias, const Maybe1<std::int64_t>& exclude_indptr,
               const Maybe1<std::int32_t>& exclude_indices, const Maybe1<std::int64_t>& exclude_rows,
               const Maybe1<std::uint8_t>& allowed, const TopnIndex* index, int n_threads) {
  require(n >= 0 && n <= static_cast<std::int64_t>(most_rows), "n must be in [0, 2^31)");
  TopnProblem problem = queries_of_items(queries, items, item_bias);
  problem.n = n;
  require_one_per_item("allowed must have one entry an item", allowed, problem.n_items);
  problem.allowed = data_or_null<std::uint8_t>(allowed);
  problem.index = index;
  require_exclusions(problem, exclude_indptr, exclude_indices, exclude_rows);

  require(n == 0 || queries.shape(0) < (std::size_t{1} << 60) / static_cast<std::size_t>(n),
          "queries x n is too large");
  const std::size_t cells = queries.shape(0) * static_cast<std::size_t>(n);
  Owned<std::int32_t> best(cells);
  Owned<float> scores(cells);
  problem.out_items = best.data();
  problem.out_scores = scores.data();
  bool finished = false;
  {
    WithoutGil free;
    finished = lmf::top_n(problem, n_threads, free.interrupt());
  }
  raise_if_interrupted(finished);
  const auto width = static_cast<std::size_t>(n);
  return nb::make_tuple(best.matrix(queries.shape(0), width),
                        scores.matrix(queries.shape(0), width));
}

std::unique_ptr<TopnIndex> make_index(const In2<float>& queries, const In2<float>& items,
                                      const Maybe1<float>& item_bias, std::int64_t most_bytes, int n_threads) {
  const TopnProblem problem = queries_of_items(queries, items, item_bias);
  std::unique_ptr<TopnIndex> index;
  {
    WithoutGil free;
    index = TopnIndex::make(problem, n_threads, free.interrupt(), most_bytes);
  }
  raise_if_interrupted(index != nullptr);
  return index;
}

void require_indices(const char* message, const In1<std::int32_t>& indices, std::int64_t n_rows) {
  std::uint32_t largest = 0;  // a negative index is a huge unsigned one
  for (std::size_t k = 0; k < indices.size(); ++k)
    largest = std::max(largest, static_cast<std::uint32_t>(indices.data()[k]));
  require(indices.size() == 0 || largest < static_cast<std::uint64_t>(n_rows), message);
}

Out1<float> score_pairs(const In2<float>& users, const In2<float>& items,
                        const In1<std::int32_t>& user_index, const In1<std::int32_t>& item_index,
                        const Maybe1<float>& item_bias, int n_threads) {
  require(users.shape(1) == items.shape(1), "users and items must have the same columns");
  require(user_index.size() == item_index.size(), "user_index and item_index differ in length");
  require_one_per_item("item_bias must have one entry an item", item_bias, length(items));
  require_indices("user_index out of range", user_index, length(users));
  require_indices("item_index out of range", item_index, length(items));
  Owned<float> out(user_index.size());
  const PairProblem problem{users.data(),
                            items.data(),
                            length(items, 1),
                            user_index.data(),
                            item_index.data(),
                            length(user_index),
                            data_or_null<float>(item_bias),
                            out.data()};
  bool finished = false;
  {
    WithoutGil free;
    finished = lmf::score_pairs(problem, n_threads, free.interrupt());
  }
  raise_if_interrupted(finished);
  return out.vector();
}

}  // namespace

void bind_topn(nb::module_& m) {
  nb::class_<TopnIndex>(m, "TopnIndex",
                        "Items prepared for topn of few queries at a time: as bytes, by falling norm. The arrays\n"
                        "of items must not change as long as it is used. Beyond most_bytes of codes they are kept in half\n"
                        "a byte as well, which is read first.")
      .def(nb::new_(&make_index), nb::arg("queries").noconvert(), nb::arg("items").noconvert(),
           nb::arg("item_bias").noconvert() = nb::none(),
           nb::arg("most_bytes") = TopnIndex::usual_bytes, nb::arg("n_threads") = 0,
           // It knows its items by their addresses, so nobody else may get these.
           nb::keep_alive<0, 3>(), nb::keep_alive<0, 4>())
      .def_static("pays", &TopnIndex::pays, nb::arg("n_queries"), nb::arg("n"), nb::arg("n_items"),
                  "Whether topn asks an index for so many queries and lists of n.")
      .def_prop_ro("nbytes", &TopnIndex::bytes);
  m.def("topn", &topn, nb::arg("queries").noconvert(), nb::arg("items").noconvert(), nb::arg("n"),
        nb::arg("item_bias").noconvert() = nb::none(),
        nb::arg("exclude_indptr").noconvert() = nb::none(),
        nb::arg("exclude_indices").noconvert() = nb::none(),
        nb::arg("exclude_rows").noconvert() = nb::none(),
        nb::arg("allowed").noconvert() = nb::none(), nb::arg("index") = nb::none(),
        nb::arg("n_threads") = 0,
        "The n items of highest score x.v + item_bias for each row x of queries (float32[q, d]),\n"
        "v being the rows of items (float32[m, d]): (items int32[q, n], scores float32[q, n]), by\n"
        "falling score, equal scores by rising item; -1 and NaN where items run out. Not listed:\n"
        "the items in the query's row of the CSR exclude_indptr, exclude_indices (row\n"
        "exclude_rows[query], -1: none; absent: its own), items where allowed (uint8[m]) is 0, and\n"
        "items whose score is NaN. The same bits for any n_threads (0: all) and any set of queries,\n"
        "with an index of these items or without.");
  m.def("score_pairs", &score_pairs, nb::arg("users").noconvert(), nb::arg("items").noconvert(),
        nb::arg("user_index").noconvert(), nb::arg("item_index").noconvert(),
        nb::arg("item_bias").noconvert() = nb::none(), nb::arg("n_threads") = 0,
        "The score users[user_index].items[item_index] + item_bias[item_index] of each pair:\n"
        "float32[len(user_index)], with the bits that topn gives the same pair.");
}

}  // namespace lmf::bindings
