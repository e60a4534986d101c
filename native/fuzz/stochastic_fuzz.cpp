// stochastic_epoch: each block's order is a permutation, padding stays zero, modest steps stay finite.
#include "stochastic.hpp"

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

struct Side {
  std::int64_t n, stride, d;
  std::vector<float> factors, bias, penalty, sums, moments, steps;

  Side(Bytes& bytes, std::int64_t stride, std::int64_t d, bool wild)
      : n(bytes.in(1, bytes.rarely(8) ? 12 : 5)), stride(stride), d(d), factors(n * stride), sums(2 * n),
        moments(n * (2 * stride + 2)), steps(n) {
    for (std::int64_t row = 0; row < n; ++row)
      for (std::int64_t k = 0; k < d; ++k) factors[row * stride + k] = wild ? bytes.wild() : bytes.small() / 4;
    bias = bytes.floats(n, [&] { return bytes.small(); });
    penalty = bytes.floats(n, [&] { return std::fabs(bytes.small()) / 4; });
  }
  StochasticSide side() {
    return {factors.data(), bias.data(), penalty.data(), sums.data(), moments.data(), steps.data()};
  }
  bool padding_is_zero() const {
    for (std::int64_t row = 0; row < n; ++row)
      for (std::int64_t k = d; k < stride; ++k)
        if (factors[row * stride + k] != 0) return false;
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const bool wild = bytes.in(0, 7) == 0;
  const std::int64_t d = bytes.in(1, bytes.rarely(16) ? 150 : 18), stride = (d + 15) / 16 * 16;
  Side users(bytes, stride, d, wild), items(bytes, stride, d, wild);
  const std::int64_t p = bytes.in(1, 4);
  std::vector<std::int64_t> blocks{0};
  std::vector<std::int32_t> user, item;
  for (std::int64_t block = 0; block < p * p; ++block) {
    const std::int64_t row = block / p, column = block % p;
    const std::int64_t of_users = (users.n - row + p - 1) / p, of_items = (items.n - column + p - 1) / p;
    for (std::int64_t k = of_users > 0 && of_items > 0 ? bytes.in(0, 5) : 0; k > 0; --k) {
      user.push_back(static_cast<std::int32_t>(row + p * bytes.in(0, of_users - 1)));
      item.push_back(static_cast<std::int32_t>(column + p * bytes.in(0, of_items - 1)));
    }
    blocks.push_back(static_cast<std::int64_t>(user.size()));
  }
  const auto n = static_cast<std::int64_t>(user.size());
  const auto target = bytes.floats(n, [&] { return wild ? bytes.wild() : bytes.small(); });
  std::vector<std::uint32_t> order(n, 0xffffffffu);
  StochasticProblem problem;
  problem.users = users.side();
  problem.items = items.side();
  problem.stride = static_cast<int>(stride);
  problem.d = static_cast<int>(d);
  problem.grid = static_cast<int>(p);
  problem.blocks = blocks.data();
  problem.user = user.data();
  problem.item = item.data();
  problem.target = target.data();
  problem.rule = static_cast<Rule>(bytes.in(0, 2));
  problem.rate = static_cast<float>(bytes.in(0, 255)) / 25600;
  problem.seed = bytes.word();
  problem.order = order.data();
  expect(stochastic_epoch(problem, bytes.threads(), {}), "a run that nobody stops finishes");
  const double error = stochastic_error(problem, 1);
  for (std::size_t block = 0; block + 1 < blocks.size(); ++block) {
    const std::int64_t begin = blocks[block], end = blocks[block + 1];
    std::sort(order.begin() + begin, order.begin() + end);
    for (std::int64_t k = begin; k < end; ++k) expect(order[k] == k - begin, "an order is a permutation");
  }
  if (wild) return 0;
  expect(users.padding_is_zero() && items.padding_is_zero(), "padding stays zero");
  expect(all_finite(users.factors) && all_finite(items.factors) && all_finite(users.bias) &&
             std::isfinite(error) && error >= 0,
         "modest steps stay finite");
  return 0;
}
