// Building rows without Python: against a map of cells, for columns and rows of all lengths, input in
// order and shuffled, whole and in runs; the same for any number of threads. Returns the number of
// failures.
#include "csr_build.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "encode.hpp"

namespace {

int failures = 0;

void expect(bool good, const char* what, std::int64_t n, std::int64_t n_rows, std::int64_t n_cols) {
  if (good) return;
  std::printf("FAILED: %s (%lld entries, %lld x %lld)\n", what, static_cast<long long>(n),
              static_cast<long long>(n_rows), static_cast<long long>(n_cols));
  ++failures;
}

// Runs of random lengths, some of them empty.
template <class T>
lmf::Runs<T> cut(const std::vector<T>& column, std::mt19937& random) {
  std::vector<lmf::Run<T>> runs;
  const auto size = static_cast<std::int64_t>(column.size());
  for (std::int64_t begin = 0; begin < size || runs.empty();) {
    const auto some = std::min<std::int64_t>(size - begin, random() % (size / 3 + 2));
    runs.push_back({column.data() + begin, some});
    begin += some;
  }
  return lmf::Runs<T>(std::move(runs));
}

enum class Order { shuffled, by_row, sorted };

struct Input {
  std::vector<std::int32_t> rows, cols;
  std::vector<float> values;
  std::vector<std::int64_t> times;

  // `heavy`: a third of the entries lie in one row.
  Input(std::int64_t n, std::int64_t n_rows, std::int64_t n_cols, bool heavy, Order order,
        std::mt19937& random) {
    std::vector<std::pair<std::int32_t, std::int32_t>> places(n);
    for (auto& [row, col] : places) {
      row = static_cast<std::int32_t>(heavy && random() % 3 == 0 ? n_rows / 2 : random() % n_rows);
      col = static_cast<std::int32_t>(random() % n_cols);
    }
    if (order == Order::sorted) std::sort(places.begin(), places.end());
    if (order == Order::by_row)
      std::stable_sort(places.begin(), places.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [row, col] : places) {
      rows.push_back(row);
      cols.push_back(col);
      values.push_back(static_cast<float>(random() % 19) - 9);
      times.push_back(random() % 5);
    }
  }
};

struct Cell {
  double sum = 0;
  float max = -99, first = 0, last = 0;
  std::int64_t count = 0, oldest = 0, newest = 0;
};

using Cells = std::map<std::pair<std::int32_t, std::int32_t>, Cell>;

Cells cells_of(const Input& input, bool valued, bool timed) {
  Cells cells;
  for (std::size_t k = 0; k < input.rows.size(); ++k) {
    Cell& cell = cells[{input.rows[k], input.cols[k]}];
    const float value = valued ? input.values[k] : 1.0f;
    const std::int64_t time = timed ? input.times[k] : static_cast<std::int64_t>(k);
    if (cell.count == 0 || time < cell.oldest) cell.oldest = time, cell.first = value;
    if (cell.count == 0 || time >= cell.newest) cell.newest = time, cell.last = value;
    cell.sum += value;
    cell.max = std::max(cell.max, value);
    ++cell.count;
  }
  return cells;
}

float merged(const Cell& cell, lmf::Duplicates policy) {
  switch (policy) {
    case lmf::Duplicates::sum: return static_cast<float>(cell.sum);
    case lmf::Duplicates::mean: return static_cast<float>(cell.sum / static_cast<double>(cell.count));
    case lmf::Duplicates::last: return cell.last;
    case lmf::Duplicates::first: return cell.first;
    case lmf::Duplicates::max: break;
  }
  return cell.max;
}

bool is_right(const lmf::BuiltRows& built, const Cells& cells, std::int64_t n, std::int64_t n_rows,
              bool valued, bool timed, lmf::Duplicates policy) {
  const auto nnz = static_cast<std::int64_t>(cells.size());
  const bool has_values = valued || (policy == lmf::Duplicates::sum && nnz < n);
  if (built.indptr[0] != 0 || built.indptr[n_rows] != nnz || built.merged != n - nnz ||
      built.has_values != has_values || static_cast<std::int64_t>(built.indices.size()) != nnz)
    return false;
  std::int64_t k = 0;
  for (const auto& [place, cell] : cells) {
    if (k < built.indptr[place.first] || k >= built.indptr[place.first + 1]) return false;
    if (built.indices[k] != place.second) return false;
    if (has_values && built.values[k] != merged(cell, policy)) return false;
    if (timed && built.times[k] !=
                     (policy == lmf::Duplicates::first ? cell.oldest : cell.newest))
      return false;
    ++k;
  }
  return true;
}

void test_build(std::int64_t n, std::int64_t n_rows, std::int64_t n_cols, bool heavy,
                std::mt19937& random) {
  constexpr lmf::Duplicates policies[] = {lmf::Duplicates::sum, lmf::Duplicates::mean,
                                          lmf::Duplicates::last, lmf::Duplicates::first,
                                          lmf::Duplicates::max};
  for (const Order order : {Order::shuffled, Order::by_row, Order::sorted}) {
    const Input input(n, n_rows, n_cols, heavy, order, random);
    const bool valued = random() % 3, timed = random() % 2;
    lmf::Entries entries{input.rows.data(), input.cols.data(), n, {}, {}};
    if (valued) entries.values = cut(input.values, random);
    if (timed) entries.times = cut(input.times, random);
    const Cells cells = cells_of(input, valued, timed);
    for (const lmf::Duplicates policy : policies)
      for (const int n_threads : {1, 3})
        expect(is_right(lmf::build_rows(entries, n_rows, n_cols, policy, n_threads), cells, n, n_rows,
                        valued, timed, policy),
               "cells", n, n_rows, n_cols);
    const auto built = lmf::build_rows(entries, n_rows, n_cols, lmf::Duplicates::last, 2);
    Cells seen;
    std::int64_t first = -1;
    for (std::int64_t k = 0; k < n && first < 0; ++k)
      if (++seen[{input.rows[k], input.cols[k]}].count > 1) first = k;
    expect(lmf::first_repeated(entries, built) == first, "first repeated", n, n_rows, n_cols);
  }
}

template <class T>
void test_encode(std::int64_t n, std::int64_t spread, std::mt19937& random) {
  std::vector<T> values;
  for (std::int64_t k = 0; k < n; ++k)
    values.push_back(static_cast<T>(static_cast<std::int64_t>(random() % 500) * spread - 200 * spread));
  std::vector<T> expected = values;
  std::sort(expected.begin(), expected.end());
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const auto half = n / 2;
  const std::vector<lmf::Run<T>> runs{{values.data(), half}, {nullptr, 0}, {values.data() + half, n - half}};
  for (const int n_threads : {1, 3}) {
    std::vector<std::int32_t> codes(n);
    const auto found = lmf::encode_integers(runs, codes.data(), n_threads);
    bool good = std::equal(found.begin(), found.end(), expected.begin(), expected.end());
    for (std::int64_t k = 0; k < n && good; ++k) good = found[codes[k]] == values[k];
    expect(good, "encode", n, spread, sizeof(T));
  }
}

}  // namespace

int main() {
  std::mt19937 random(11);
  for (const std::int64_t n : {0, 1, 2, 5, 300, 9'000})
    for (const std::int64_t n_rows : {1, 3, 100'000})
      for (const std::int64_t n_cols : {1, 40, 2'000'000'000})
        for (const bool heavy : {false, true}) test_build(n, n_rows, n_cols, heavy, random);
  test_build(120'000, 5000, 700, true, random);  // many buckets, and parts that share them
  for (const std::int64_t n : {0, 1, 1000, 300'000}) {
    for (const std::int64_t spread : {1, 1'000'000}) test_encode<std::int32_t>(n, spread, random);
    for (const std::int64_t spread : {1ll, 1ll << 50}) test_encode<std::int64_t>(n, spread, random);
  }
  if (failures == 0) std::printf("csr: all good\n");
  return failures != 0;
}
