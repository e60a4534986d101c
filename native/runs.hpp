// A column in as many runs of memory as its owner keeps it in, so that nobody has to join them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace lmf {

template <class T>
struct Run {
  const T* values;
  std::int64_t size;
};

// Runs as one column; without any, there is no such column.
template <class T>
class Runs {
 public:
  Runs() = default;
  explicit Runs(std::vector<Run<T>> runs) : runs_(std::move(runs)) {
    for (const Run<T>& run : runs_) {
      begins_.push_back(size_);
      size_ += run.size;
    }
  }
  bool given() const { return !runs_.empty(); }
  std::int64_t size() const { return size_; }
  // From element k on, as far as its run goes.
  Run<T> from(std::int64_t k) const {
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), k) - begins_.begin();
    const Run<T>& run = runs_[next - 1];
    const std::int64_t at = k - begins_[next - 1];
    return {run.values + at, run.size - at};
  }

 private:
  std::vector<Run<T>> runs_;
  std::vector<std::int64_t> begins_;
  std::int64_t size_ = 0;
};

}  // namespace lmf
