#include "dense.hpp"

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

Out2<double> gram_of(In2<float> factors, int n_threads) {
  const std::size_t d = factors.shape(1);
  Owned<double> out(d * d);
  bool finished;
  {
    WithoutGil free;
    finished = gram(factors.data(), factors.shape(0), static_cast<int>(d), out.data(), n_threads,
                    free.interrupt());
  }
  raise_if_interrupted(finished);
  return out.matrix(d, d);
}

void rotate_rows(InOut2<float> factors, In2<double> basis, std::optional<In1<std::uint8_t>> skip,
                 int n_threads) {
  const std::size_t d = factors.shape(1);
  require(basis.shape(0) == d && basis.shape(1) == d, "basis must be d x d");
  require(!skip || skip->size() == factors.shape(0), "skip must have an element for each row");
  WithoutGil free;
  // Not interruptible: rows in two coordinate systems would be of no use to anybody.
  rotate(factors.data(), factors.shape(0), static_cast<int>(d), basis.data(),
         data_or_null<std::uint8_t>(skip), n_threads, {});
}

Out1<double> energies_of(In2<float> factors, In1<double> weights, int n_threads) {
  require(weights.size() == factors.shape(0), "weights must have an element for each row");
  Owned<double> out(factors.shape(1));
  {
    WithoutGil free;
    column_energies(factors.data(), weights.data(), static_cast<std::int64_t>(factors.shape(0)),
                    static_cast<int>(factors.shape(1)), out.data(), n_threads);
  }
  return out.vector();
}

void balance_sides(InOut2<float> users, In1<double> user_weights, InOut2<float> items,
                   In1<double> item_weights, int n_threads) {
  require(users.shape(1) == items.shape(1), "both sides must have the same number of factors");
  require(user_weights.size() == users.shape(0) && item_weights.size() == items.shape(0),
          "weights must have an element for each row");
  WithoutGil free;
  balance(users.data(), user_weights.data(), static_cast<std::int64_t>(users.shape(0)),
          items.data(), item_weights.data(), static_cast<std::int64_t>(items.shape(0)),
          static_cast<int>(users.shape(1)), n_threads);
}

Blocks blocks_of(const In3<float>& left, std::size_t n, std::size_t w) {
  require(left.shape(1) == n, "both must have the same number of rows");
  require(left.shape(2) % 16 == 0 && w % 16 == 0, "the widths must be multiples of 16");
  return {left.data(), static_cast<int>(left.shape(0)), static_cast<int>(left.shape(2)),
          static_cast<std::int64_t>(n)};
}

Out2<double> cross_of(In3<float> left, In2<float> right, int n_threads) {
  const std::size_t w = right.shape(1);
  const Blocks blocks = blocks_of(left, right.shape(0), w);
  Owned<double> out(static_cast<std::size_t>(blocks.q()) * w);
  bool finished;
  {
    WithoutGil free;
    finished = cross(blocks, right.data(), static_cast<int>(w), out.data(), n_threads,
                     free.interrupt());
  }
  raise_if_interrupted(finished);
  return out.matrix(blocks.q(), w);
}

void subtract(InOut2<float> from, In3<float> left, In2<double> coefficients, int n_threads) {
  const std::size_t w = from.shape(1);
  const Blocks blocks = blocks_of(left, from.shape(0), w);
  require(coefficients.shape(0) == static_cast<std::size_t>(blocks.q()) && coefficients.shape(1) == w,
          "coefficients must be q x w");
  WithoutGil free;
  subtract_product(from.data(), static_cast<int>(w), blocks, coefficients.data(), n_threads, {});
}

}  // namespace

void bind_dense(nb::module_& m) {
  m.def("cross", &cross_of, "left"_a.noconvert(), "right"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def cross(left: numpy.ndarray, right: numpy.ndarray, n_threads: int = 0) "
                "-> numpy.ndarray"),
        "Q'W in float64, q x w, for W float32[n, w] and Q given as blocks of its columns, "
        "float32[k, n, b], q = k b; w and b multiples of 16.");
  m.def("subtract_product", &subtract, "from_"_a.noconvert(), "left"_a.noconvert(),
        "coefficients"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def subtract_product(from_: numpy.ndarray, left: numpy.ndarray, "
                "coefficients: numpy.ndarray, n_threads: int = 0) -> None"),
        "W -= Q C in place, W float32[n, w], Q as for cross, C float64[q, w].");
  m.def("gram", &gram_of, "factors"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def gram(factors: numpy.ndarray, n_threads: int = 0) -> numpy.ndarray"),
        "V'V in float64 for factors float32[n, d].");
  m.def("rotate", &rotate_rows, "factors"_a.noconvert(), "basis"_a.noconvert(),
        "skip"_a.noconvert().none() = nb::none(), "n_threads"_a = 0,
        nb::sig("def rotate(factors: numpy.ndarray, basis: numpy.ndarray, "
                "skip: numpy.ndarray | None = None, n_threads: int = 0) -> None"),
        "Replaces each row v of factors float32[n, d] by basis v, basis float64[d, d].");
  m.def("column_energies", &energies_of, "factors"_a.noconvert(), "weights"_a.noconvert(),
        "n_threads"_a = 0,
        nb::sig("def column_energies(factors: numpy.ndarray, weights: numpy.ndarray, "
                "n_threads: int = 0) -> numpy.ndarray"),
        "Sum over rows of weight * factor^2 for each column: float64[d].");
  m.def("balance", &balance_sides, "users"_a.noconvert(), "user_weights"_a.noconvert(),
        "items"_a.noconvert(), "item_weights"_a.noconvert(), "n_threads"_a = 0,
        nb::sig("def balance(users: numpy.ndarray, user_weights: numpy.ndarray, "
                "items: numpy.ndarray, item_weights: numpy.ndarray, n_threads: int = 0) -> None"),
        "Scales each factor up on one side and down on the other, in place, so that the weighted "
        "squares of both sides are equal; no product of factors changes.");
}

}  // namespace lmf::bindings
