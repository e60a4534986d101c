#include "stochastic.hpp"

#include <vector>

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

// The arrays of one side, by the names of StochasticSide.
struct Side {
  InOut2<float> factors;
  InOut1<float> bias;
  In1<float> penalty;
  InOut2<float> sums, moments;
  InOut1<float> steps;

  explicit Side(const nb::dict& given)
      : factors(nb::cast<InOut2<float>>(given["factors"], false)),
        bias(nb::cast<InOut1<float>>(given["bias"], false)),
        penalty(nb::cast<In1<float>>(given["penalty"], false)),
        sums(nb::cast<InOut2<float>>(given["sums"], false)),
        moments(nb::cast<InOut2<float>>(given["moments"], false)),
        steps(nb::cast<InOut1<float>>(given["steps"], false)) {}

  StochasticSide checked(Rule rule, std::size_t stride) {
    const std::size_t n = factors.shape(0);
    require(factors.shape(1) == stride && stride % 16 == 0 && stride > 0,
            "factors of both sides must have the same columns, a multiple of 16");
    require(bias.size() == n && penalty.size() == n, "bias and penalty need an element a row");
    if (rule == Rule::adagrad)
      require(sums.shape(0) == n && sums.shape(1) == 2, "sums must be n x 2");
    if (rule == Rule::adam)
      require(moments.shape(0) == n && moments.shape(1) == 2 * stride + 2 && steps.size() == n,
              "moments must be n x (2 stride + 2), steps n");
    return {factors.data(), bias.data(), penalty.data(), sums.data(), moments.data(), steps.data()};
  }
};

Rule rule_of(const std::string& name) {
  if (name == "adagrad") return Rule::adagrad;
  if (name == "adam") return Rule::adam;
  require(name == "sgd", "rule must be sgd, adagrad or adam");
  return Rule::sgd;
}

void require_strata(const StochasticProblem& problem, std::size_t nnz, std::size_t users,
                    std::size_t items) {
  const std::int64_t blocks = static_cast<std::int64_t>(problem.grid) * problem.grid;
  require(problem.blocks[0] == 0 && problem.blocks[blocks] == static_cast<std::int64_t>(nnz),
          "blocks must start at 0 and end at the number of ratings");
  std::vector<int> stratum_of_user(users, -1), stratum_of_item(items, -1);
  for (std::int64_t block = 0; block < blocks; ++block) {
    const int row = static_cast<int>(block / problem.grid), column = static_cast<int>(block % problem.grid);
    require(problem.blocks[block] <= problem.blocks[block + 1], "blocks must not fall");
    require(problem.blocks[block + 1] - problem.blocks[block] < (std::int64_t{1} << 32),
            "a block has too many ratings");
    for (std::int64_t k = problem.blocks[block]; k < problem.blocks[block + 1]; ++k) {
      const auto u = static_cast<std::size_t>(static_cast<std::uint32_t>(problem.user[k]));
      const auto i = static_cast<std::size_t>(static_cast<std::uint32_t>(problem.item[k]));
      require(u < users && i < items, "user or item index out of range");
      if (stratum_of_user[u] < 0) stratum_of_user[u] = row;
      if (stratum_of_item[i] < 0) stratum_of_item[i] = column;
      // Two threads must never meet at a row.
      require(stratum_of_user[u] == row && stratum_of_item[i] == column,
              "a user or an item is in two strata");
    }
  }
}

nb::object run(nb::dict users, nb::dict items, int d, In1<std::int64_t> blocks,
               In1<std::int32_t> user, In1<std::int32_t> item, In1<float> target, int grid,
               const std::string& rule, double rate, std::uint64_t seed,
               InOut1<std::uint32_t> order, bool check, int n_threads) {
  Side left(users), right(items);
  StochasticProblem problem;
  problem.rule = rule_of(rule);
  const std::size_t stride = left.factors.shape(1);
  problem.users = left.checked(problem.rule, stride);
  problem.items = right.checked(problem.rule, stride);
  require(d >= 1 && static_cast<std::size_t>(d) <= stride, "d must lie in 1..stride");
  require(grid >= 1 && blocks.size() == static_cast<std::size_t>(grid) * grid + 1,
          "blocks must have grid * grid + 1 elements");
  require(item.size() == user.size() && target.size() == user.size() && order.size() == user.size(),
          "user, item, target and order must be as long as each other");
  problem.stride = static_cast<int>(stride);
  problem.d = d;
  problem.grid = grid;
  problem.blocks = blocks.data();
  problem.user = user.data();
  problem.item = item.data();
  problem.target = target.data();
  problem.rate = static_cast<float>(rate);
  problem.seed = seed;
  problem.order = order.data();
  if (check) require_strata(problem, user.size(), left.factors.shape(0), right.factors.shape(0));
  bool finished;
  double error = 0;
  {
    WithoutGil free;
    finished = stochastic_epoch(problem, n_threads, free.interrupt());
    if (finished) error = stochastic_error(problem, n_threads);
  }
  raise_if_interrupted(finished);
  return nb::float_(error);
}

}  // namespace

void bind_stochastic(nb::module_& m) {
  m.def("stochastic_epoch", &run, "users"_a, "items"_a, "d"_a, "blocks"_a.noconvert(),
        "user"_a.noconvert(), "item"_a.noconvert(), "target"_a.noconvert(), "grid"_a, "rule"_a,
        "rate"_a, "seed"_a, "order"_a.noconvert(), "check"_a = true, "n_threads"_a = 0,
        nb::sig("def stochastic_epoch(users: dict[str, numpy.ndarray], "
                "items: dict[str, numpy.ndarray], d: int, blocks: numpy.ndarray, "
                "user: numpy.ndarray, item: numpy.ndarray, target: numpy.ndarray, grid: int, "
                "rule: str, rate: float, seed: int, order: numpy.ndarray, check: bool = True, "
                "n_threads: int = 0) -> float"),
        "One epoch of stochastic gradient descent over ratings in a grid of blocks, in place; "
        "native/stochastic.hpp has the rules. Returns the sum of squared errors after it. `check` "
        "looks whether the blocks of a round share no user and no item.");
}

}  // namespace lmf::bindings
