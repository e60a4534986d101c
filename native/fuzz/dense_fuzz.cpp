// gram, rotate, cross, subtract_product, column_energies: exact on whole numbers. balance: the
// weighted squares of both sides are equal afterwards, and no product of factors has changed.
#include "dense.hpp"

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

struct Matrix {
  std::int64_t n, d;
  std::vector<float> values;
  Matrix(Bytes& bytes, std::int64_t n, std::int64_t d)
      : n(n), d(d), values(bytes.floats(n * d, [&] { return bytes.whole(); })) {}
  double at(std::int64_t row, std::int64_t column) const { return values[row * d + column]; }
};

// Mostly about one vector, at times several tiles.
std::int64_t width_of(Bytes& bytes) { return bytes.in(0, bytes.rarely(16) ? 70 : 18); }

void gram_is_exact(Bytes& bytes) {
  const Matrix v(bytes, bytes.in(0, bytes.rarely(16) ? 40 : 10), width_of(bytes));
  std::vector<double> out(v.d * v.d, -7);
  gram(v.values.data(), v.n, static_cast<int>(v.d), out.data(), 1, {});
  for (std::int64_t i = 0; i < v.d; ++i)
    for (std::int64_t j = 0; j < v.d; ++j) {
      double sum = 0;
      for (std::int64_t row = 0; row < v.n; ++row) sum += v.at(row, i) * v.at(row, j);
      expect(out[i * v.d + j] == sum, "the Gram matrix");
    }
}

void rotation_is_exact(Bytes& bytes) {
  Matrix v(bytes, bytes.in(0, bytes.rarely(16) ? 20 : 6), width_of(bytes));
  const Matrix before = v, basis(bytes, v.d, v.d);
  const std::vector<double> wide(basis.values.begin(), basis.values.end());
  std::vector<std::uint8_t> skip(v.n);
  for (auto& one : skip) one = bytes.in(0, 2) == 0;
  const bool skipping = bytes.coin();
  rotate(v.values.data(), v.n, static_cast<int>(v.d), wide.data(), skipping ? skip.data() : nullptr, 1, {});
  for (std::int64_t row = 0; row < v.n; ++row)
    for (std::int64_t k = 0; k < v.d; ++k) {
      double sum = 0;
      for (std::int64_t j = 0; j < v.d; ++j) sum += basis.at(k, j) * before.at(row, j);
      expect(v.at(row, k) == (skipping && skip[row] ? before.at(row, k) : sum), "the rotation");
    }
}

void products_are_exact(Bytes& bytes) {
  const std::int64_t n = bytes.in(0, bytes.rarely(16) ? 20 : 6);
  const std::int64_t count = bytes.in(0, 2), width = 16 * bytes.in(0, bytes.rarely(4) ? 2 : 1), q = count * width;
  const Matrix left(bytes, count * n, width);  // a block below the other
  const Blocks blocks{left.values.data(), static_cast<int>(count), static_cast<int>(width), n};
  const auto left_at = [&](std::int64_t row, std::int64_t i) {
    return left.at(i / width * n + row, i % width);
  };
  Matrix right(bytes, n, 16 * bytes.in(0, bytes.rarely(4) ? 3 : 1));
  const int w = static_cast<int>(right.d);
  std::vector<double> sum(q * w, -7);
  cross(blocks, right.values.data(), w, sum.data(), 1, {});
  for (std::int64_t i = 0; i < q; ++i)
    for (std::int64_t j = 0; j < w; ++j) {
      double expected = 0;
      for (std::int64_t row = 0; row < n; ++row) expected += left_at(row, i) * right.at(row, j);
      expect(sum[i * w + j] == expected, "Q'W");
    }
  const Matrix before = right;
  subtract_product(right.values.data(), w, blocks, sum.data(), 1, {});
  for (std::int64_t row = 0; row < n; ++row)
    for (std::int64_t j = 0; j < w; ++j) {
      double expected = before.at(row, j);
      for (std::int64_t i = 0; i < q; ++i) expected -= left_at(row, i) * sum[i * w + j];
      expect(right.at(row, j) == expected, "W - QC");
    }
}

void balance_is_even(Bytes& bytes) {
  const std::int64_t d = width_of(bytes);
  Matrix u(bytes, bytes.in(1, 8), d), v(bytes, bytes.in(1, 8), d);
  std::vector<double> of_u(u.n), of_v(v.n), left(d), right(d);
  for (double& weight : of_u) weight = static_cast<double>(bytes.in(1, 255));
  for (double& weight : of_v) weight = static_cast<double>(bytes.in(1, 255));
  const Matrix u_before = u, v_before = v;
  balance(u.values.data(), of_u.data(), u.n, v.values.data(), of_v.data(), v.n, static_cast<int>(d), 1);
  column_energies(u.values.data(), of_u.data(), u.n, static_cast<int>(d), left.data(), 1);
  column_energies(v.values.data(), of_v.data(), v.n, static_cast<int>(d), right.data(), 1);
  for (std::int64_t k = 0; k < d; ++k) {
    expect(left[k] == 0 || right[k] == 0 || std::fabs(left[k] / right[k] - 1) < 1e-4, "equal energies");
    const double before = u_before.at(0, k) * v_before.at(0, k), after = u.at(0, k) * v.at(0, k);
    expect(std::fabs(after - before) <= 1e-4 * std::fabs(before), "products stay");
  }
  expect(all_finite(u.values) && all_finite(v.values), "finite factors");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  switch (bytes.in(0, 3)) {
    case 0: gram_is_exact(bytes); break;
    case 1: rotation_is_exact(bytes); break;
    case 2: products_are_exact(bytes); break;
    default: balance_is_even(bytes);
  }
  return 0;
}
