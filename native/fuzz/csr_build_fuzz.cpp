// build_rows against sorted cells, for every policy, column in one run of memory and in many.
#include "csr_build.hpp"

#include <numeric>
#include <utility>

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

template <class T>
Runs<T> cut(Bytes& bytes, const std::vector<T>& column) {
  std::vector<Run<T>> runs;
  for (std::int64_t begin = 0; begin < std::ssize(column) || runs.empty();) {
    const std::int64_t some = std::min<std::int64_t>(std::ssize(column) - begin, bytes.in(0, 9));
    runs.push_back({column.data() + begin, some});
    begin += some;
  }
  return Runs<T>(std::move(runs));
}

struct Cell {
  std::pair<std::int32_t, std::int32_t> place;
  double sum = 0, count = 0;
  float max = 0, first = 0, last = 0;
  std::int64_t oldest = 0, newest = 0;

  void add(float value, std::int64_t time) {
    if (count == 0 || time < oldest) oldest = time, first = value;
    if (count == 0 || time >= newest) newest = time, last = value;
    max = count == 0 ? value : std::max(max, value);
    sum += value;
    ++count;
  }
  float merged(Duplicates policy) const {
    switch (policy) {
      case Duplicates::sum: return static_cast<float>(sum);
      case Duplicates::mean: return static_cast<float>(sum / count);
      case Duplicates::last: return last;
      case Duplicates::first: return first;
      case Duplicates::max: break;
    }
    return max;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::int64_t n = bytes.in(0, bytes.rarely(32) ? 250 : 20), n_rows = bytes.in(1, bytes.rarely(32) ? 3000 : 10);
  const std::int64_t n_cols = bytes.in(1, bytes.rarely(4) ? 2'000'000'000 : 12);
  const bool valued = bytes.coin(), timed = bytes.coin(), in_order = bytes.coin();
  std::vector<std::int32_t> rows, cols;
  for (std::int64_t k = 0; k < n; ++k) {
    rows.push_back(static_cast<std::int32_t>(bytes.in(0, n_rows - 1)));
    cols.push_back(static_cast<std::int32_t>(bytes.in(0, n_cols - 1)));
  }
  if (in_order) std::sort(rows.begin(), rows.end());
  const auto values = bytes.floats(n, [&] { return bytes.whole(); });
  std::vector<std::int64_t> times;
  for (std::int64_t k = 0; k < n; ++k) times.push_back(bytes.in(-2, 2));
  Entries entries{rows.data(), cols.data(), n, {}, {}};
  if (valued) entries.values = cut(bytes, values);
  if (timed) entries.times = cut(bytes, times);
  std::vector<std::int64_t> order(n);  // of the entries, by cell
  std::iota(order.begin(), order.end(), 0);
  const auto place = [&](std::int64_t k) { return std::pair(rows[k], cols[k]); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return place(a) < place(b); });
  std::vector<Cell> cells;
  std::int64_t first = n;  // that is not alone in its cell
  for (std::int64_t at = 0; at < n; ++at) {
    const std::int64_t k = order[at];
    if (at == 0 || place(k) != cells.back().place) cells.push_back({place(k)});
    cells.back().add(valued ? values[k] : 1.0f, timed ? times[k] : k);
    if (cells.back().count == 2) first = std::min(first, k);
  }
  const auto policy = static_cast<Duplicates>(bytes.in(0, 4));
  const BuiltRows built = build_rows(entries, n_rows, n_cols, policy, bytes.threads());
  const auto kept = std::ssize(cells);
  expect(built.indptr[0] == 0 && built.indptr[n_rows] == kept && built.merged == n - kept, "as many as cells");
  std::int64_t k = 0;
  for (const Cell& cell : cells) {
    const auto [row, column] = cell.place;
    expect(built.indptr[row] <= k && k < built.indptr[row + 1], "rows in order");
    expect(built.indices[k] == column, "columns in order");
    expect(!built.has_values || built.values[k] == cell.merged(policy), "values merged by the policy");
    expect(!timed || built.times[k] == (policy == Duplicates::first ? cell.oldest : cell.newest), "times");
    ++k;
  }
  expect(built.has_values == (valued || (policy == Duplicates::sum && kept < n)), "values where they say more");
  expect(first_repeated(entries, built) == (first < n ? first : -1), "the first repeated entry");
  return 0;
}
