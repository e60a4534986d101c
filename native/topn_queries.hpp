// Some queries of a top-n on one thread: their shortlists, what they exclude, their packed vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "topn_coded.hpp"

namespace lmf {

// Keys a shortlist has room for: beyond n so that cuts are rare, and where it may hold every
// candidate so much that it never fills.
std::int64_t list_capacity(std::int64_t n, std::int64_t n_candidates);

// Keeps the best n; from now on only what beats the last of them gets in.
void cut(Shortlist& list);

// Lists a scored item unless it is below the floor or its score is no number; whether that raised the floor.
bool offer(Shortlist& list, float score, std::int32_t item);

// The items that a query excludes.
std::span<const std::int32_t> exclusions(const TopnProblem& problem, std::int64_t query);

// Writes the best n of the keys, best first, and the padding.
void write_best(const TopnProblem& problem, std::int64_t query, std::span<std::uint64_t> keys);

class QueryBatch {
 public:
  // Room for `most` queries at a time. Both arguments must outlive the batch.
  QueryBatch(const TopnProblem& problem, const Candidates& candidates, std::int64_t most);

  // Takes up queries [first, last). `bounded`: panels will say what they can reach.
  void begin(std::int64_t first, std::int64_t last, bool bounded);

  // From now on scan() takes the codes of a panel, too.
  void code();

  // Offers panel p of the candidates. With codes, a few that reach a floor wait to be scored.
  void scan(std::int64_t p, const Panel& panel, const CodedPanel* coded = nullptr);

  // Scores those that wait.
  void settle();

  // Lets the queries go that nothing from panel p on can reach; returns how many are left.
  std::int64_t retire(const PackedItems& items, std::int64_t p);

  std::span<std::uint64_t> keys(std::int64_t query) const {
    const Shortlist& list = lists_[query - first_];
    return {list.keys, static_cast<std::size_t>(list.size)};
  }

 private:
  struct Member {
    std::int64_t query;
    float reach;
    Shortlist* list;
    std::int64_t end;  // the first panel that cannot reach the floor
  };
  void exclude(std::int64_t first, std::int64_t last);
  void pack();
  void pack_codes();
  void scan_codes(std::size_t group, const Panel& panel, const CodedPanel& coded);

  const TopnProblem& problem_;
  const Candidates& candidates_;
  std::int64_t capacity_, first_ = 0;
  std::unique_ptr<std::uint64_t[]> keys_;
  std::vector<Shortlist> lists_;
  std::vector<Member> members_;  // the queries still going
  Floats vectors_;
  std::vector<QueryGroup> groups_;
  // What the queries exclude, panel after panel: list * max_columns + column.
  std::vector<std::int64_t> excluded_begin_;
  std::vector<std::uint32_t> excluded_;
  // Where there are codes.
  std::optional<CodedQueries> coded_;
  std::vector<std::uint32_t> codes_;
  std::vector<CodedGroup> coded_groups_;
  struct Waiting {
    static constexpr std::int64_t most = 64;
    std::int64_t count = 0;
    std::int32_t query[most], item[most];  // the query as its number within the block
    float* floor[most];                    // of its group
    float scores[most];
  } waiting_;
};

}  // namespace lmf
