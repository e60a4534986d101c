// eigen_symmetric on many kinds of matrices: residual, orthogonality, order of the values, the same
// bits for any number of threads, and what it refuses.
#include "eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using Matrix = std::vector<double>;

int failures = 0;

void expect(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::printf("FAILED: %s\n", what.c_str());
}

// One matrix of each kind; element (i, j) with i <= j is asked for once.
enum class Kind {
  dense, gram, low_rank, zero, identity, diagonal, repeated, arrow, chain, graded, graded_up,
  nearly_diagonal, split, count
};

Matrix make(Kind kind, int d, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  const int rank = kind == Kind::low_rank ? std::max(1, d / 5) : 2 * d;
  Matrix a(static_cast<std::size_t>(d) * d), factor;
  if (kind == Kind::gram || kind == Kind::low_rank) {
    factor.resize(static_cast<std::size_t>(d) * rank);
    for (double& x : factor) x = normal(random);
  }
  const auto element = [&](int i, int j) -> double {
    const double noise = normal(random);
    switch (kind) {
      case Kind::dense: return noise;
      case Kind::gram:
      case Kind::low_rank: {
        double sum = 0;
        for (int k = 0; k < rank; ++k) sum += factor[i * rank + k] * factor[j * rank + k];
        return sum;
      }
      case Kind::zero: return 0;
      case Kind::identity: return i == j;
      case Kind::diagonal: return i == j ? noise : 0;
      case Kind::repeated: return i == j ? 2 : (j - i) % 3 == 0 ? 1 : 0;
      case Kind::arrow: return i == j ? i : i == 0 ? 1 : 0;
      case Kind::chain: return i == j ? 2 : j == i + 1 ? -1 : 0;
      case Kind::graded: return noise * std::pow(10.0, -20.0 * (i + j) / (2 * d));
      case Kind::graded_up: return noise * std::pow(10.0, -20.0 * (2 * d - i - j) / (2 * d));
      case Kind::nearly_diagonal: return (i == j) * (i / 3) + 1e-15 * noise;
      default: return i == j || j == i + d / 2;
    }
  };
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) a[i * d + j] = a[j * d + i] = element(i, j);
  return a;
}

void check(const Matrix& a, int d, const std::string& name) {
  Matrix values(d), vectors(a.size());
  if (!lmf::eigen_symmetric(a.data(), d, values.data(), vectors.data(), 1))
    return expect(false, name + ": no convergence");
  expect(std::is_sorted(values.begin(), values.end()), name + ": values not ascending");
  const double norm = std::max(std::abs(values.front()), std::abs(values.back()));
  double residual = 0, skew = 0;
  for (int k = 0; k < d; ++k) {
    const double* v = vectors.data() + k * d;
    for (int i = 0; i < d; ++i) {
      double product = 0;
      for (int j = 0; j < d; ++j) product += a[i * d + j] * v[j];
      residual = std::max(residual, std::abs(product - values[k] * v[i]));
    }
    for (int l = 0; l <= k; ++l) {
      double product = 0;
      for (int j = 0; j < d; ++j) product += vectors[l * d + j] * v[j];
      skew = std::max(skew, std::abs(product - (l == k)));
    }
  }
  const double bound = 1e-15 * (10 + d);
  const auto say = [](double error) { return std::to_string(error * 1e15) + "e-15"; };
  expect(residual <= bound * norm, name + ": residual " + say(residual / norm));
  expect(skew <= bound, name + ": orthogonality " + say(skew));
  for (const int threads : {2, 3, 8}) {
    Matrix again(d), rows(a.size());
    lmf::eigen_symmetric(a.data(), d, again.data(), rows.data(), threads);
    expect(std::memcmp(again.data(), values.data(), d * sizeof(double)) == 0 &&
               std::memcmp(rows.data(), vectors.data(), rows.size() * sizeof(double)) == 0,
           name + ": other bits with " + std::to_string(threads) + " threads");
  }
}

void check_refused() {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()}) {
    for (const int at : {0, 5, 15}) {
      Matrix a(16, 1.0), values(4), vectors(16);
      a[at] = bad;
      expect(!lmf::eigen_symmetric(a.data(), 4, values.data(), vectors.data(), 1), "not finite");
    }
  }
}

}  // namespace

int main() {
  std::mt19937_64 random(7);
  for (int kind = 0; kind < static_cast<int>(Kind::count); ++kind) {
    for (const int d : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 130, 193, 256})
      for (const double scale : {1.0, 1e-30, 1e30, 1e-305}) {
        if (scale != 1 && d > 100) continue;
        Matrix a = make(static_cast<Kind>(kind), d, random);
        for (double& x : a) x *= scale;
        // Elements that are denormal carry fewer digits than the bounds ask for.
        if (scale == 1e-305 && kind >= static_cast<int>(Kind::graded)) continue;
        check(a, d, "kind " + std::to_string(kind) + ", d " + std::to_string(d) + ", scale " +
                        std::to_string(std::log10(scale)));
      }
  }
  check_refused();
  std::printf(failures ? "%d failures\n" : "eigen_test passed\n", failures);
  return failures != 0;
}
