// top_n against brute force on whole numbers, which float32 adds exactly and which tie all the time;
// score_pairs gives the same scores. Any floats: every list is sorted and holds no item twice.
#include "topn.hpp"

#include <numeric>
#include <utility>

#include "rows_of.hpp"
#include "topn_index.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

struct Question {
  bool wild;
  std::int64_t q, m, d, n;
  std::vector<float> queries, items, bias;
  Rows excluded;
  std::vector<std::int64_t> rows;
  std::vector<std::uint8_t> allowed;
  std::vector<std::int32_t> best;
  std::vector<float> scores;

  explicit Question(Bytes& bytes)
      : wild(bytes.in(0, 7) == 0), q(bytes.in(0, bytes.rarely(64) ? 100 : 3)), m(bytes.in(0, bytes.rarely(16) ? 200 : 40)),
        d(bytes.in(0, bytes.rarely(16) ? 40 : 5)), n(bytes.in(0, bytes.rarely(16) ? 210 : 8)),
        excluded(bytes, bytes.in(1, 4), m, 8, false), best(q * n, -7), scores(q * n, -7) {
    const auto number = [&] { return wild ? bytes.wild() : bytes.whole(); };
    queries = bytes.floats(q * d, number);
    items = bytes.floats(m * d, number);
    if (bytes.coin()) bias = bytes.floats(m, number);
    if (bytes.coin())
      for (std::int64_t k = 0; k < q; ++k) rows.push_back(bytes.in(-1, excluded.n_rows - 1));
    if (bytes.coin())
      for (std::int64_t k = 0; k < m; ++k) allowed.push_back(bytes.in(0, 3) > 0);
  }

  TopnProblem problem() {
    TopnProblem problem;
    problem.queries = queries.data();
    problem.n_queries = q;
    problem.items = items.data();
    problem.n_items = m;
    problem.d = d;
    problem.n = n;
    problem.item_bias = bias.empty() ? nullptr : bias.data();
    if (!rows.empty()) {
      problem.exclude_indptr = excluded.indptr.data();
      problem.exclude_indices = excluded.indices.data();
      problem.exclude_rows = rows.data();
    }
    problem.allowed = allowed.empty() ? nullptr : allowed.data();
    problem.out_items = best.data();
    problem.out_scores = scores.data();
    return problem;
  }

  std::vector<char> listed(std::int64_t query) const {
    std::vector<char> may(m, 1);
    for (std::int64_t k = 0; k < m && !allowed.empty(); ++k) may[k] = allowed[k];
    if (!rows.empty() && rows[query] >= 0)
      for (std::int64_t k = excluded.indptr[rows[query]]; k < excluded.indptr[rows[query] + 1]; ++k)
        may[excluded.indices[k]] = 0;
    return may;
  }

  double score(std::int64_t query, std::int64_t item) const {
    double sum = bias.empty() ? 0 : bias[item];
    for (std::int64_t k = 0; k < d; ++k) sum += static_cast<double>(queries[query * d + k]) * items[item * d + k];
    return sum;
  }

  void check_exactly(std::int64_t query) const {
    const auto may = listed(query);
    std::vector<std::int32_t> order;
    std::vector<double> value(m);
    for (std::int32_t item = 0; item < m; ++item) {
      value[item] = score(query, item);
      if (may[item]) order.push_back(item);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return value[a] > value[b]; });
    for (std::int64_t rank = 0; rank < n; ++rank) {
      const bool there = rank < std::ssize(order);
      expect(best[query * n + rank] == (there ? order[rank] : -1), "the best items in their order");
      expect(there ? scores[query * n + rank] == static_cast<float>(value[order[rank]])
                   : std::isnan(scores[query * n + rank]),
             "their scores");
    }
  }

  void check_form(std::int64_t query) const {
    const auto may = listed(query);
    std::vector<char> met(m, 0);
    for (std::int64_t rank = 0; rank < n; ++rank) {
      const std::int32_t item = best[query * n + rank];
      const float value = scores[query * n + rank];
      expect(item >= -1 && item < m, "items in range");
      expect((item < 0) == std::isnan(value), "a NaN where and only where there is no item");
      if (item < 0) continue;
      expect(may[item] && !met[item]++, "no item that is excluded, none twice");
      expect(rank == 0 || best[query * n + rank - 1] >= 0, "no item after the last");
      expect(rank == 0 || scores[query * n + rank - 1] >= value, "by falling score");
    }
  }
};

void pairs_agree(const Question& asked) {
  std::vector<std::int32_t> user, item;
  std::vector<float> expected;
  for (std::int64_t k = 0; k < std::ssize(asked.best); ++k)
    if (asked.best[k] >= 0) {
      user.push_back(static_cast<std::int32_t>(k / asked.n));
      item.push_back(asked.best[k]);
      expected.push_back(asked.scores[k]);
    }
  std::vector<float> found(user.size());
  const PairProblem problem{asked.queries.data(), asked.items.data(), asked.d, user.data(), item.data(),
                            std::ssize(user), asked.bias.empty() ? nullptr : asked.bias.data(), found.data()};
  expect(score_pairs(problem, 1, {}), "a run that nobody stops finishes");
  expect(found == expected, "pairs score as lists do");  // of any floats; a list holds no NaN
}

// Many queries, through codes or without.
void codes_agree(Question& asked, Bytes& bytes) {
  const std::vector<std::int32_t> best(std::move(asked.best));
  const std::vector<float> scores(std::move(asked.scores));
  asked.best.assign(best.size(), -7);
  asked.scores.assign(scores.size(), -7);
  TopnProblem problem = asked.problem();
  problem.codes = Codes::always;
  expect(top_n(problem, bytes.threads(), {}), "a run that nobody stops finishes");
  expect(asked.best == best, "codes find what a scan finds");
  for (std::size_t k = 0; k < scores.size(); ++k)
    expect(asked.scores[k] == scores[k] || best[k] < 0, "and its scores");
}

void index_agrees(Question& asked, Bytes& bytes) {
  const TopnProblem problem = asked.problem();
  const auto index = TopnIndex::make(problem, 1, {}, bytes.coin() ? 0 : TopnIndex::usual_bytes);
  expect(index != nullptr, "a run that nobody stops finishes");
  if (!index->answers(problem)) {
    expect(asked.wild, "an index answers whatever is finite");
    return;
  }
  const std::vector<std::int32_t> best(std::move(asked.best));
  const std::vector<float> scores(std::move(asked.scores));
  asked.best.assign(best.size(), -7);
  asked.scores.assign(scores.size(), -7);
  expect(index->top_n(asked.problem(), bytes.threads(), {}), "a run that nobody stops finishes");
  expect(asked.best == best, "an index finds what a scan finds");
  for (std::size_t k = 0; k < scores.size(); ++k)
    expect(asked.scores[k] == scores[k] || best[k] < 0, "and its scores");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Question asked(bytes);
  expect(top_n(asked.problem(), bytes.threads(), {}), "a run that nobody stops finishes");
  for (std::int64_t query = 0; query < asked.q; ++query) {
    asked.check_form(query);
    if (!asked.wild) asked.check_exactly(query);
  }
  if (asked.best.empty()) return 0;
  pairs_agree(asked);
  // Both sort their items by 2^16 counters.
  if (bytes.rarely(16)) codes_agree(asked, bytes);
  if (bytes.rarely(16)) index_agrees(asked, bytes);
  return 0;
}
