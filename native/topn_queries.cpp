#include "topn_queries.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace lmf {
namespace {

float floor_of(const Shortlist& list) {
  return list.floor ? score_of(list.floor) : -std::numeric_limits<float>::infinity();
}

// Moves the n largest of the keys to the front. A quickselect whose partition has no branch to
// guess wrong, which is what std::nth_element spends its time on; keys are distinct.
void select(std::span<std::uint64_t> keys, std::int64_t n) {
  std::int64_t lower = 0, upper = std::ssize(keys);
  for (int turn = 0; turn < 64 && upper - lower > 2; ++turn) {
    const std::uint64_t a = keys[lower], b = keys[(lower + upper) / 2], c = keys[upper - 1];
    const std::uint64_t pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    std::int64_t larger = lower;  // keys of [lower, larger) are >= pivot
    for (std::int64_t k = lower; k < upper; ++k) {
      const std::uint64_t key = keys[k];
      keys[k] = keys[larger];
      keys[larger] = key;
      larger += key >= pivot;
    }
    if (larger == n) return;
    (larger < n ? lower : upper) = larger;
  }
  std::nth_element(keys.begin() + lower, keys.begin() + n - 1, keys.begin() + upper,
                   std::greater<>());
}

}  // namespace

void cut(Shortlist& list) {
  select({list.keys, static_cast<std::size_t>(list.size)}, list.n);
  list.size = list.n;
  list.floor = *std::min_element(list.keys, list.keys + list.n);
}

bool offer(Shortlist& list, float score, std::int32_t item) {
  const std::uint64_t key = key_of(score, item);
  if (std::isnan(score) || key < list.floor) return false;
  list.keys[list.size++] = key;
  if (list.size < list.capacity) return false;
  cut(list);
  return true;
}

std::span<const std::int32_t> exclusions(const TopnProblem& problem, std::int64_t query) {
  if (!problem.exclude_indptr) return {};
  const std::int64_t row = problem.exclude_rows ? problem.exclude_rows[query] : query;
  if (row < 0) return {};
  return {problem.exclude_indices + problem.exclude_indptr[row],
          problem.exclude_indices + problem.exclude_indptr[row + 1]};
}

std::int64_t list_capacity(std::int64_t n, std::int64_t n_candidates) {
  return std::min(std::max(2 * n, n + 22), n_candidates + 1);
}

void write_best(const TopnProblem& problem, std::int64_t query, std::span<std::uint64_t> keys) {
  const std::int64_t found = std::min(problem.n, std::ssize(keys));
  if (found < std::ssize(keys)) select(keys, found);
  std::sort(keys.begin(), keys.begin() + found, std::greater<>());
  std::int32_t* items = problem.out_items + query * problem.n;
  float* scores = problem.out_scores + query * problem.n;
  for (std::int64_t k = 0; k < found; ++k) {
    items[k] = static_cast<std::int32_t>(~static_cast<std::uint32_t>(keys[k]));
    scores[k] = score_of(keys[k]);
  }
  std::fill(items + found, items + problem.n, -1);
  std::fill(scores + found, scores + problem.n, std::numeric_limits<float>::quiet_NaN());
}

QueryBatch::QueryBatch(const TopnProblem& problem, const Candidates& candidates, std::int64_t most)
    : problem_(problem),
      candidates_(candidates),
      capacity_(list_capacity(problem.n, candidates.size())),
      keys_(std::make_unique_for_overwrite<std::uint64_t[]>(most * capacity_)),
      lists_(most),
      vectors_(aligned_floats((most + max_group) * problem.d)) {
  members_.reserve(most);
}

void QueryBatch::begin(std::int64_t first, std::int64_t last, bool bounded) {
  first_ = first;
  members_.clear();
  for (std::int64_t query = first; query < last; ++query) {
    Shortlist& list = lists_[query - first];
    list = {&keys_[(query - first) * capacity_], 0, capacity_, problem_.n, 0, 0};
    const float* row = problem_.queries + query * problem_.d;
    const float reach = bounded ? query_reach(norm_of(row, problem_.d), problem_.d) : 0;
    members_.push_back({query, reach, &list, 0});
  }
  exclude(first, last);
  pack();
}

// Transposes the exclusions: queries come with lists of items, panels meet them item by item.
void QueryBatch::exclude(std::int64_t first, std::int64_t last) {
  if (!problem_.exclude_indptr) return;
  excluded_begin_.assign(candidates_.n_panels() + 2, 0);
  for (std::int64_t query = first; query < last; ++query)
    for (const std::int32_t item : exclusions(problem_, query))
      if (const Place at = candidates_.place(item); at.panel >= 0) ++excluded_begin_[at.panel + 2];
  for (std::size_t p = 2; p < excluded_begin_.size(); ++p)
    excluded_begin_[p] += excluded_begin_[p - 1];
  excluded_.resize(excluded_begin_.back());
  for (std::int64_t query = first; query < last; ++query)
    for (const std::int32_t item : exclusions(problem_, query))
      if (const Place at = candidates_.place(item); at.panel >= 0)
        excluded_[excluded_begin_[at.panel + 1]++] =
            static_cast<std::uint32_t>((query - first) * max_columns + at.column);
}

void QueryBatch::pack() {
  const std::int64_t rows = topn_kernels().rows;
  groups_.resize((std::ssize(members_) + rows - 1) / rows);
  float* to = vectors_.get();
  std::span<const Member> rest = members_;
  for (QueryGroup& group : groups_) {
    group.vectors = to;
    group.count = static_cast<int>(std::min(rows, std::ssize(rest)));
    for (std::int64_t r = 0; r < rows; ++r) {
      const bool used = r < group.count;
      const Member& member = rest[used ? r : 0];
      const float* from = problem_.queries + member.query * problem_.d;
      for (std::int64_t k = 0; k < problem_.d; ++k) to[k * rows + r] = from[k];
      group.lists[r] = member.list;
      group.reach[r] = member.reach;
      group.floor[r] = used ? floor_of(*member.list) : std::numeric_limits<float>::quiet_NaN();
    }
    to += rows * problem_.d;
    rest = rest.subspan(group.count);
  }
}

void QueryBatch::code() {
  if (!coded_) coded_.emplace(problem_, std::ssize(lists_));
  coded_->begin(first_, first_ + std::ssize(members_));
  pack_codes();
}

void QueryBatch::pack_codes() {
  const std::int64_t rows = topn_kernels().rows, of_group = n_fours(problem_.d) * rows;
  codes_.resize(groups_.size() * of_group);
  coded_groups_.resize(groups_.size());
  std::int64_t numbers[max_group];
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const int count = groups_[group].count;
    for (int r = 0; r < count; ++r) numbers[r] = groups_[group].lists[r] - lists_.data();
    coded_groups_[group] = coded_->pack({numbers, static_cast<std::size_t>(count)}, &codes_[group * of_group]);
  }
}

// A first pass over the codes: where many of a tile reach their floors, as at first all do, the tile
// itself is the faster way to their scores; else they wait until some are together.
void QueryBatch::scan_codes(std::size_t g, const Panel& panel, const CodedPanel& coded) {
  constexpr int most = 16;  // scores, one by one, take as long as a tile
  QueryGroup& group = groups_[g];
  std::uint64_t bits[max_group];
  const int count = coarse_kernels().reach_many(coded, coded_groups_[g], group, n_fours(problem_.d), bits);
  if (count == 0) return;
  if (count > most) return topn_kernels().scan(panel, problem_.d, &group, 1, cut);
  for (int r = 0; r < group.count; ++r)
    for (std::uint64_t left = bits[r]; left; left &= left - 1) {
      if (waiting_.count == Waiting::most) settle();
      const std::int32_t item = panel.ids[std::countr_zero(left)];
      const float* row = problem_.items + item * problem_.d;
      for (std::int64_t k = 0; k < problem_.d; k += 16) __builtin_prefetch(row + k);
      waiting_.query[waiting_.count] = static_cast<std::int32_t>(group.lists[r] - lists_.data());
      waiting_.item[waiting_.count] = item;
      waiting_.floor[waiting_.count++] = &group.floor[r];
    }
}

void QueryBatch::settle() {
  topn_kernels().pairs({problem_.queries + first_ * problem_.d, problem_.items, problem_.d, waiting_.query,
                        waiting_.item, waiting_.count, problem_.item_bias, waiting_.scores},
                       0, waiting_.count);
  for (std::int64_t k = 0; k < waiting_.count; ++k) {
    Shortlist& list = lists_[waiting_.query[k]];
    if (offer(list, waiting_.scores[k], waiting_.item[k])) *waiting_.floor[k] = score_of(list.floor);
  }
  waiting_.count = 0;
}

void QueryBatch::scan(std::int64_t p, const Panel& panel, const CodedPanel* coded) {
  std::span<const std::uint32_t> excluded;
  if (problem_.exclude_indptr)
    excluded = std::span<const std::uint32_t>(excluded_).subspan(
        excluded_begin_[p], excluded_begin_[p + 1] - excluded_begin_[p]);
  for (const std::uint32_t at : excluded)
    lists_[at / max_columns].excluded |= std::uint64_t{1} << at % max_columns;
  if (!coded) topn_kernels().scan(panel, problem_.d, groups_.data(), std::ssize(groups_), cut);
  else
    for (std::size_t group = 0; group < groups_.size(); ++group) scan_codes(group, panel, *coded);
  for (const std::uint32_t at : excluded) lists_[at / max_columns].excluded = 0;
}

std::int64_t QueryBatch::retire(const PackedItems& items, std::int64_t p) {
  settle();
  const std::int64_t n_panels = candidates_.n_panels();
  for (Member& member : members_) {
    const float floor = floor_of(*member.list);
    std::int64_t from = p, to = n_panels;
    while (from < to) {
      const std::int64_t middle = (from + to) / 2;
      if (can_reach(member.reach, items.norm_reach(middle), items.bias_reach(middle), floor))
        from = middle + 1;
      else
        to = middle;
    }
    member.end = from;
  }
  if (std::erase_if(members_, [&](const Member& member) { return member.end == p; }) == 0)
    return std::ssize(members_);
  // Queries that will stop at about the same panel share a group, which stops when all can.
  std::sort(members_.begin(), members_.end(), [](const Member& a, const Member& b) {
    return a.end != b.end ? a.end > b.end : a.query < b.query;
  });
  pack();
  if (coded_) pack_codes();
  return std::ssize(members_);
}

}  // namespace lmf
