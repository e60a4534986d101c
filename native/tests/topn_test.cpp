// Top-n without Python: against brute force on small whole numbers, which float32 adds exactly and
// which tie all the time; the same for any thread and batch; interruptible. Returns the number of
// failures.
#include "topn.hpp"
#include "topn_index.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace {

int failures = 0;

void expect(bool good, const char* what, std::int64_t q, std::int64_t m, std::int64_t d,
            std::int64_t n) {
  if (good) return;
  std::printf("FAILED: %s (%lld queries, %lld items, d = %lld, n = %lld)\n", what,
              static_cast<long long>(q), static_cast<long long>(m), static_cast<long long>(d),
              static_cast<long long>(n));
  ++failures;
}

struct Ranking {
  std::vector<std::int32_t> items;
  std::vector<float> scores;
  bool operator==(const Ranking& other) const {
    return items == other.items && scores.size() == other.scores.size() &&
           (scores.empty() ||
            std::memcmp(scores.data(), other.scores.data(), scores.size() * sizeof(float)) == 0);
  }
};

struct Case {
  std::int64_t q, m, d, n;
  std::vector<float> queries, items, bias;
  std::vector<std::int64_t> indptr{0}, rows;
  std::vector<std::int32_t> indices;
  std::vector<std::uint8_t> allowed;

  Case(std::int64_t q, std::int64_t m, std::int64_t d, std::int64_t n, std::mt19937& random)
      : q(q), m(m), d(d), n(n), queries(q * d), items(m * d) {
    const auto whole = [&](int below) { return static_cast<float>(static_cast<int>(random() % below)); };
    for (float& value : queries) value = whole(7) - 3;
    for (std::int64_t i = 0; i < m; ++i) {
      const float scale = whole(4);  // norms of all sizes, so that queries retire
      for (std::int64_t k = 0; k < d; ++k) items[i * d + k] = scale * (whole(7) - 3);
    }
    if (random() % 2)
      for (std::int64_t i = 0; i < m; ++i) bias.push_back(whole(9) - 4);
    if (random() % 2) {
      const std::int64_t n_rows = q / 2 + 1;
      for (std::int64_t row = 0; row < n_rows; ++row) {
        for (std::int64_t i = 0; i < m; ++i)
          if (random() % 4 == 0) indices.push_back(static_cast<std::int32_t>(i));
        indptr.push_back(static_cast<std::int64_t>(indices.size()));
      }
      for (std::int64_t k = 0; k < q; ++k)
        rows.push_back(static_cast<std::int64_t>(random() % (n_rows + 1)) - 1);
    }
    if (const auto share = random() % 4; share > 0)
      for (std::int64_t i = 0; i < m; ++i) allowed.push_back(random() % 4 < share);
  }

  lmf::TopnProblem problem(Ranking& out, std::int64_t first, std::int64_t count) const {
    out.items.assign(count * n, -7);
    out.scores.assign(count * n, -7);
    lmf::TopnProblem problem;
    problem.queries = queries.data() + first * d;
    problem.n_queries = count;
    problem.items = items.data();
    problem.n_items = m;
    problem.d = d;
    problem.n = n;
    if (!bias.empty()) problem.item_bias = bias.data();
    if (!rows.empty()) {
      problem.exclude_indptr = indptr.data();
      problem.exclude_indices = indices.data();
      problem.exclude_rows = rows.data() + first;
    }
    if (!allowed.empty()) problem.allowed = allowed.data();
    problem.out_items = out.items.data();
    problem.out_scores = out.scores.data();
    return problem;
  }

  Ranking found(int n_threads, std::int64_t first, std::int64_t count) const {
    Ranking out;
    const lmf::TopnProblem all = problem(out, first, count);
    expect(lmf::top_n(all, n_threads, {}), "finished", q, m, d, n);
    return out;
  }

  bool listed(std::int64_t query, std::int32_t item) const {
    if (!allowed.empty() && !allowed[item]) return false;
    if (rows.empty() || rows[query] < 0) return true;
    const auto row = rows[query];
    return !std::binary_search(indices.begin() + indptr[row], indices.begin() + indptr[row + 1], item);
  }

  Ranking brute_force() const {
    Ranking out;
    for (std::int64_t query = 0; query < q; ++query) {
      std::vector<std::int32_t> order;
      std::vector<double> score(m);
      for (std::int32_t i = 0; i < m; ++i) {
        score[i] = bias.empty() ? 0 : bias[i];
        for (std::int64_t k = 0; k < d; ++k)
          score[i] += static_cast<double>(queries[query * d + k]) * items[i * d + k];
        if (listed(query, i)) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score[a] > score[b]; });
      for (std::int64_t k = 0; k < n; ++k) {
        const bool there = k < std::ssize(order);
        out.items.push_back(there ? order[k] : -1);
        out.scores.push_back(there ? static_cast<float>(score[order[k]])
                                   : std::numeric_limits<float>::quiet_NaN());
      }
    }
    return out;
  }
};

// 300 queries are packed items first, fewer are scanned panel by panel.
void test_shapes() {
  std::mt19937 random(3);
  for (const std::int64_t q : {0, 1, 2, 9, 300})
    for (const std::int64_t m : {0, 1, 47, 49, 400})
      for (const std::int64_t d : {0, 1, 15, 16, 17, 64})
        for (const std::int64_t n : {1, 10, 500}) {
          const Case one(q, m, d, n, random);
          const Ranking expected = one.brute_force();
          expect(one.found(1, 0, q) == expected, "brute force", q, m, d, n);
          expect(one.found(3, 0, q) == expected, "three threads", q, m, d, n);
        }
}

// Norms of the items spread by `spread`, in logarithms: 0 leaves nothing to skip.
Case real_numbers(std::int64_t q, std::int64_t m, std::int64_t d, std::int64_t n, float spread) {
  std::mt19937 random(static_cast<unsigned>(d));
  Case one(q, m, d, n, random);
  std::normal_distribution<float> normal;
  for (float& value : one.queries) value = normal(random);
  for (std::int64_t i = 0; i < m; ++i) {
    const float scale = std::exp(spread * normal(random));
    for (std::int64_t k = 0; k < d; ++k) one.items[i * d + k] = scale * normal(random);
  }
  return one;
}

void test_same_bits_for_any_threads_and_batch() {
  for (const std::int64_t d : {7, 64, 100}) {
    const Case one = real_numbers(600, 2000, d, 10, 1);
    const Ranking all = one.found(1, 0, one.q);
    expect(one.found(4, 0, one.q) == all, "threads", one.q, one.m, d, one.n);
    for (const std::int64_t count : {1, 3, 60}) {
      const std::int64_t first = 200;
      const Ranking some = one.found(2, first, count);
      const auto begin = first * one.n, end = (first + count) * one.n;
      expect(some == Ranking{{all.items.begin() + begin, all.items.begin() + end},
                             {all.scores.begin() + begin, all.scores.begin() + end}},
             "a few of the queries", count, one.m, d, one.n);
    }
    std::vector<std::int32_t> user, item;
    std::vector<float> listed, score;
    for (std::int64_t k = 0; k < std::ssize(all.items); ++k) {
      if (all.items[k] < 0) continue;
      user.push_back(static_cast<std::int32_t>(k / one.n));
      item.push_back(all.items[k]);
      listed.push_back(all.scores[k]);
    }
    score.resize(user.size());
    const lmf::PairProblem pairs{one.queries.data(), one.items.data(), d, user.data(), item.data(),
                                 std::ssize(user), one.bias.empty() ? nullptr : one.bias.data(),
                                 score.data()};
    expect(lmf::score_pairs(pairs, 2, {}) && score == listed, "pairs", one.q, one.m, d, one.n);
  }
}

// All scores of all pairs, in tiles of one query and of several, whole and with a remainder.
void test_pairs_have_the_bits_of_a_list() {
  for (const std::int64_t d : {1, 2, 3, 5, 15, 16, 17, 31, 33, 50, 64, 67, 129})
    for (const std::int64_t q : {1, 7}) {
      Case one = real_numbers(q, 101, d, 101, 1);
      one.rows.clear();
      one.allowed.clear();
      const Ranking all = one.found(1, 0, q);
      std::vector<std::int32_t> user;
      for (std::int64_t k = 0; k < std::ssize(all.items); ++k)
        user.push_back(static_cast<std::int32_t>(k / one.n));
      std::vector<float> score(user.size());
      const lmf::PairProblem pairs{one.queries.data(), one.items.data(), d, user.data(),
                                   all.items.data(), std::ssize(user),
                                   one.bias.empty() ? nullptr : one.bias.data(), score.data()};
      expect(lmf::score_pairs(pairs, 1, {}) && score == all.scores, "bits of pairs", q, 101, d, 101);
    }
}

void test_not_a_number() {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t q : {1, 300}) {
    std::mt19937 random(1);
    Case one(q, 4, 1, 4, random);
    one.queries.assign(q, 1.0f);
    one.items = {-infinity, nan, infinity, 2.0f};
    one.bias.clear();
    one.rows.clear();
    one.allowed.clear();
    const Ranking found = one.found(1, 0, q);
    for (std::int64_t query = 0; query < q; ++query) {
      const std::int32_t* row = &found.items[query * 4];
      expect(row[0] == 2 && row[1] == 3 && row[2] == 0 && row[3] == -1, "infinities in order, NaN out",
             q, 4, 1, 4);
    }
  }
}

void index_has_the_bits_of_a_scan(const Case& one, std::int64_t most_bytes) {
  Ranking out;
  const auto problem = one.problem(out, 0, one.q);
  const auto index = lmf::TopnIndex::make(problem, 2, {}, most_bytes);
  expect(index && index->answers(problem), "an index answers", one.q, one.m, one.d, one.n);
  const Ranking scan = one.found(2, 0, one.q);
  for (const int threads : {1, 2, 4}) {
    Ranking found;
    expect(index->top_n(one.problem(found, 0, one.q), threads, {}), "finished", one.q, one.m, one.d, one.n);
    expect(found == scan, "the bits of a scan", one.q, one.m, one.d, threads);
  }
}

// All bytes, and halves of them first.
void index_has_the_bits_of_a_scan(const Case& one) {
  for (const std::int64_t most_bytes : {lmf::TopnIndex::usual_bytes, std::int64_t{0}})
    index_has_the_bits_of_a_scan(one, most_bytes);
}

void test_an_index_has_the_bits_of_a_scan() {
  // Norms that are alike take all threads through everything.
  for (const float spread : {0.0f, 1.0f}) index_has_the_bits_of_a_scan(real_numbers(12, 60000, 96, 10, spread));
  std::mt19937 random(7);
  for (const std::int64_t d : {0, 1, 2, 7, 8, 9})  // biases alone; a pair half full, and full; eights
    for (const std::int64_t m : {1, 63, 200}) index_has_the_bits_of_a_scan(Case(3, m, d, 5, random));
  // Nothing, and next to nothing, against what is large: halves have no code for 0.
  for (const float size : {0.0f, 1e-38f, 1e-31f})
    for (const float of_query : {-1e14f, -1.0f, 1e14f}) {
      Case one = real_numbers(2, 60000, 9, 10, 0);
      for (float& value : one.items) value = value > 0 ? size : -size;
      one.queries.assign(one.queries.size(), of_query);
      index_has_the_bits_of_a_scan(one);
    }
}

Ranking through_codes(const Case& one, lmf::Codes codes, int n_threads) {
  Ranking out;
  lmf::TopnProblem problem = one.problem(out, 0, one.q);
  problem.codes = codes;
  expect(lmf::top_n(problem, n_threads, {}), "finished", one.q, one.m, one.d, one.n);
  return out;
}

void codes_have_the_bits_of_a_scan(const Case& one) {
  const Ranking scan = through_codes(one, lmf::Codes::never, 2);
  for (const int threads : {1, 2, 4})
    expect(through_codes(one, lmf::Codes::always, threads) == scan, "the bits of a scan", one.q, one.m, one.d, threads);
}

void test_codes_have_the_bits_of_a_scan() {
  std::mt19937 random(9);
  for (const std::int64_t q : {1, 9, 300})
    for (const std::int64_t m : {0, 1, 47, 49, 400})
      for (const std::int64_t d : {0, 1, 3, 4, 5, 15, 64})
        for (const std::int64_t n : {1, 10, 500}) {
          const Case one(q, m, d, n, random);
          expect(through_codes(one, lmf::Codes::always, 1) == one.brute_force(), "brute force", q, m, d, n);
        }
  for (const std::int64_t d : {2, 7, 32, 64, 130})
    for (const float spread : {0.0f, 1.0f})
      // Too small for steps, small, as usual, too large to be bounded.
      for (const float scale : {1e-32f, 1e-19f, 1.0f, 1e16f}) {
        Case one = real_numbers(300, 3000, d, 10, spread);
        for (float& value : one.items) value *= scale;
        codes_have_the_bits_of_a_scan(one);
        // Queries of which some cannot be bounded, among others.
        for (std::int64_t query = 0; query < one.q; query += 5) one.queries[query * d] = query % 2 ? 1e30f : -1e30f;
        one.queries[7 * d] = std::numeric_limits<float>::quiet_NaN();
        one.queries[8 * d] = std::numeric_limits<float>::infinity();
        codes_have_the_bits_of_a_scan(one);
      }
}

// Scores that rise from item to item, of which the codes see nothing: all of the difference to the exact
// score lies in one direction, so that the bounds are as tight as can be.
void test_tight_bounds() {
  struct Tight {
    float query[2], item[2], more;  // a share of `more` is added to item[1], or to the bias
    bool by_bias;
  };
  for (const Tight& of : {Tight{{0, 1}, {1, 2.40f / 127}, 0.099f / 127, false},  // bytes of an item
                          Tight{{1, 1}, {1, 0.115f}, 0.0099f, false},            // its halves
                          Tight{{1, 2.499f / 127}, {0, 1}, 0.003f, true},        // bytes of a query
                          Tight{{1, 2.499f / 32767}, {0, 1}, 3e-6f, true}}) {    // its codes of 16 bits
    std::mt19937 random(1);
    Case one(3, 3000, 2, 10, random);
    one.rows.clear();
    one.allowed.clear();
    one.bias.assign(one.m, 0);
    for (std::int64_t k = 0; k < 2 * one.q; ++k) one.queries[k] = of.query[k % 2];
    for (std::int64_t i = 0; i < one.m; ++i) {
      const float more = of.more * static_cast<float>(i) / static_cast<float>(one.m);
      one.items[2 * i] = of.item[0];
      one.items[2 * i + 1] = of.item[1] + (of.by_bias ? 0 : more);
      if (of.by_bias) one.bias[i] = more;
    }
    expect(through_codes(one, lmf::Codes::never, 1).items[0] == one.m - 1, "the last is the best", 3, 3000, 2, 10);
    codes_have_the_bits_of_a_scan(one);
    index_has_the_bits_of_a_scan(one);
  }
}

void test_interruption() {
  Case one = real_numbers(8000, 20000, 64, 10, 0);
  one.allowed.clear();
  Ranking out;
  const auto problem = one.problem(out, 0, one.q);
  int asked = 0;
  const bool finished = lmf::top_n(problem, 2, [&] { return ++asked == 1; });
  // Where other work keeps the calling thread from its share, it may find all done before it asks.
  expect(asked == (finished ? 0 : 1), "stops when asked to", one.q, one.m, one.d, one.n);
}

}  // namespace

int main() {
  test_shapes();
  test_same_bits_for_any_threads_and_batch();
  test_pairs_have_the_bits_of_a_list();
  test_not_a_number();
  test_an_index_has_the_bits_of_a_scan();
  test_codes_have_the_bits_of_a_scan();
  test_tight_bounds();
  test_interruption();
  if (failures == 0) std::printf("topn: all good\n");
  return failures;
}
