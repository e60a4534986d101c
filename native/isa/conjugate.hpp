// The third form of a row: conjugate gradients on I + D^-1/2 V' S^2 V D^-1/2, whose least eigenvalue
// is 1 because V's Gram matrix is diagonal here. The equations stand in native/rows.hpp.
#pragma once

#include "isa/row.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr double solved_enough = 3e-7;    // |D^-1/2 r| against |x|: where the iteration ends
constexpr double solved_at_last = 1e-6;   // and what the residual of the float32 result may be
constexpr double rounding = 1e-8;         // |r| against the first one: there is nothing left to do
constexpr int most_restarts = 2;
constexpr int most_steps = 200;           // where nothing else is asked for
constexpr int watched_steps = 2;          // between two looks at whether it is worth going on
constexpr std::int64_t summed_alone = 256;  // rows whose sum is float32 before it goes to float64

LMF_INLINE Vector<float> part_of(const float* v, std::int64_t k, std::int64_t d) {
  return k + width<float> <= d ? load(v + k) : load_part(v + k, static_cast<int>(d - k));
}

// The products of some rows with u, in parts: a vector of sums each. Two sums of a row are under way at
// once, for one would wait for itself.
template <int Rows>
LMF_INLINE void multiply(const float* const* rows, const float* u, std::int64_t d, Vector<float>* products) {
  constexpr int W = width<float>;
  const float* v[Rows];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) v[r] = rows[r];
  Vector<float> even[Rows] = {}, odd[Rows] = {};
  std::int64_t k = 0;
  for (; k + 2 * W <= d; k += 2 * W) {
    const Vector<float> first = load(u + k), second = load(u + k + W);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) even[r] += load(v[r] + k) * first;
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) odd[r] += load(v[r] + k + W) * second;
  }
  for (; k < d; k += W) {
    const Vector<float> along = load(u + k);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) even[r] += part_of(v[r], k, d) * along;
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) products[r] = even[r] + odd[r];
}

// part += sum of t_r v_r, for so many vectors of numbers, whose sums stay in registers.
template <int Rows, int Vectors>
LMF_INLINE void add_some(const float* const* rows, std::int64_t from, const float* t, float* part) {
  constexpr int W = width<float>;
  Vector<float> total[Vectors];
#pragma GCC unroll 16
  for (int k = 0; k < Vectors; ++k) total[k] = load(part + k * W);
#pragma GCC unroll 1
  for (int r = 0; r < Rows; ++r) {
    const Vector<float> scale = broadcast(t[r]);
    const float* v = rows[r] + from;
#pragma GCC unroll 16
    for (int k = 0; k < Vectors; ++k) total[k] += scale * load(v + k * W);
  }
#pragma GCC unroll 16
  for (int k = 0; k < Vectors; ++k) store(part + k * W, total[k]);
}
template <int Rows>
LMF_INLINE void add(const float* const* rows, const float* t, std::int64_t d, float* part) {
  constexpr int W = width<float>, many = W == 16 ? 16 : 8;
  std::int64_t k = 0;
  for (; k + many * W <= d; k += many * W) add_some<Rows, many>(rows, k, t, part + k);
  for (; k + 4 * W <= d; k += 4 * W) add_some<Rows, 4>(rows, k, t, part + k);
  for (; k + W <= d; k += W) add_some<Rows, 1>(rows, k, t, part + k);
  if (k < d) {
    Vector<float> total = load(part + k);
    for (int r = 0; r < Rows; ++r) total += broadcast(t[r]) * part_of(rows[r], k, d);
    store(part + k, total);
  }
}

// A vector of the sums of as many vectors as it has lanes: each round adds two halves of two vectors and
// leaves half as many, so that it takes half the shuffles of a transpose.
template <int Half>
LMF_INLINE Vector<float> sums_of(Vector<float>* parts) {
  constexpr int W = width<float>;
  if constexpr (Half == 0) {
    return parts[0];
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < Half; ++r) {
      Vector<float> lower = parts[r], upper = parts[r + Half];
      exchange<float, Half>(lower, upper, std::make_index_sequence<W>{});
      parts[r] = lower + upper;
    }
    return sums_of<Half / 2>(parts);
  }
}

// sum += sum_e t_e v_e, where t = coefficient(e, s) of as many interactions as a vector has lanes and
// s = v_e.u of each, or 0 where u is. `part` and `sum` have d elements, padded to whole vectors; so has
// u, with zeros.
template <bool multiplied = true, class Coefficient>
LMF_INLINE void pass(const Row& row, const float* u, float* part, double* sum, bool far,
                     Coefficient&& coefficient) {
  constexpr int W = width<float>;
  constexpr int together = W == 16 ? 8 : 4;  // there are registers for two sums of each
  const std::int64_t d = row.problem.d, padded = round_up(d, W);
  const std::int64_t following = row.following();
  const auto flush = [&] {
    for (std::int64_t k = 0; k < padded; ++k) sum[k] += part[k];
    for (std::int64_t k = 0; k < padded; ++k) part[k] = 0;
  };
  for (std::int64_t k = 0; k < padded; ++k) part[k] = 0;
  std::int64_t alone = 0;
  for (std::int64_t e = 0; e < row.n; e += W) {
    const int live = static_cast<int>(row.n - e < W ? row.n - e : W);
    const float* v[W];
    for (int r = 0; r < W; ++r) v[r] = row.factors(r < live ? e + r : e);
    if (far)
      for (int r = 0; r < W; ++r)
        if (e + W + r < following) row.prefetch(e + W + r);
    Vector<float> s{};  // lane r: the product of row r
    if constexpr (multiplied) {
      Vector<float> products[W];
#pragma GCC unroll 4
      for (int first = 0; first < W; first += together)
        multiply<together>(v + first, u, d, products + first);
      s = sums_of<W / 2>(products);
    }
    float t[W];
    store(t, coefficient(e, s, live));
    for (int r = live; r < W; ++r) t[r] = 0;
    add<W>(v, t, d, part);
    alone += W;
    if (alone >= summed_alone) {
      flush();
      alone = 0;
    }
  }
  flush();
}

// A number of each of the interactions from e on, a lane each; the lanes after them are 0.
template <class Number>
LMF_INLINE Vector<float> lanes(std::int64_t e, int live, Number&& number) {
  float values[width<float>] = {};
  for (int r = 0; r < live; ++r) values[r] = static_cast<float>(number(e + r));
  return load(values);
}

// The iteration's state: everything is in the whitened axes, y = D^1/2 x, and padded with zeros.
struct Conjugate {
  const Row& row;
  double* narrow;     // D^-1/2
  double* y;
  double* residual;
  double* direction;
  double* image;      // of the direction
  double* at_first;   // the residual where steps begin
  float* u;           // what a pass multiplies by: D^-1/2 of something
  float* part;
  std::int64_t d, padded;
  bool far;           // whether the interactions' factors do not stay in the second cache
  bool uniform;       // whether every c - w0 is the same, and every c
  double energy = 0;  // the row's objective after `begin`, and after `advance`

  Conjugate(const Row& row, Workspace& work)
      : row(row), narrow(work.weight), y(work.solution), residual(work.residual),
        direction(work.right), image(work.target), at_first(work.noise), u(static_cast<float*>(work.x)),
        part(static_cast<float*>(work.scratch)), d(row.problem.d), padded(round_up(d, width<float>)),
        far(row.n * d > 65536), uniform(!row.weights && !row.problem.fixed_share) {
    for (std::int64_t k = 0; k < padded; ++k)
      narrow[k] = k < d ? 1.0 / __builtin_sqrt(work.diagonal[k]) : 0.0;
  }

  Vector<float> excess(std::int64_t e, int live) const {
    if (uniform) return broadcast(static_cast<float>(row.excess(0)));
    return lanes(e, live, [&](std::int64_t at) { return row.excess(at); });
  }

  // What the residual is made of at u, and the errors there.
  template <bool multiplied>
  void look() {
    constexpr int W = width<float>;
    const bool alike = uniform && !row.targets && row.n > 0;
    const double c = alike ? row.weight(0) : 0.0, rest = alike ? row.excess(0) : 0.0;
    Vector<double> errors{};  // of whole vectors, where all weigh alike and every target is 1
    pass<multiplied>(row, u, part, image, true, [&](std::int64_t e, Vector<float> s, int live) {
      float products[W], t[W] = {};
      store(products, s);
      if (alike && live == W) {
        for (int half = 0; half < W; half += width<double>) {
          const Vector<double> product = Widen<double>::load_full(products + half), error = 1.0 - product;
          errors += c * error * error - (c - rest) * product * product;
        }
        return static_cast<float>(c) - static_cast<float>(rest) * s;
      }
      for (int r = 0; r < live; ++r) {
        const double product = products[r], target = row.target(e + r), weight = row.weight(e + r);
        const double excess = row.excess(e + r);
        t[r] = static_cast<float>(weight * target - excess * product);
        energy += weight * (target - product) * (target - product) - (weight - excess) * product * product;
      }
      return load(t);
    });
    energy += sum<double>(errors);
  }

  // The residual at y, and what the objective is there; y is rounded to what x can be.
  template <bool multiplied = true>
  void begin() {
    for (std::int64_t k = 0; k < padded; ++k) {
      u[k] = static_cast<float>(narrow[k] * y[k]);
      y[k] = narrow[k] > 0 ? u[k] / narrow[k] : 0.0;
      image[k] = 0;
    }
    energy = 0;
    look<multiplied>();
    for (std::int64_t k = 0; k < padded; ++k) {
      residual[k] = narrow[k] * image[k] - y[k];
      energy += y[k] * y[k];
    }
  }

  // image = (I + D^-1/2 V' S^2 V D^-1/2) direction
  void apply() {
    for (std::int64_t k = 0; k < padded; ++k) {
      u[k] = static_cast<float>(narrow[k] * direction[k]);
      image[k] = 0;
    }
    pass(row, u, part, image, far,
         [&](std::int64_t e, Vector<float> s, int live) { return excess(e, live) * s; });
    for (std::int64_t k = 0; k < padded; ++k) image[k] = direction[k] + narrow[k] * image[k];
  }

  double product(const double* a, const double* b) const {
    Vector<double> total{};
    for (std::int64_t k = 0; k < padded; k += width<double>) total += load(a + k) * load(b + k);
    return sum<double>(total);
  }
  // |D^-1/2 a|^2
  double narrowed(const double* a) const {
    Vector<double> total{};
    for (std::int64_t k = 0; k < padded; k += width<double>) {
      const Vector<double> part = load(a + k) * load(narrow + k);
      total += part * part;
    }
    return sum<double>(total);
  }
  bool within(double bound) const { return narrowed(residual) <= bound * bound * narrowed(y); }

  // A step from y along the direction, and the next direction. Returns |r|^2, which was `length`.
  double step(double length) {
    apply();
    const double along = length / product(direction, image);
    for (std::int64_t k = 0; k < padded; ++k) {
      y[k] += along * direction[k];
      residual[k] -= along * image[k];
    }
    const double next = product(residual, residual), share = next / length;
    for (std::int64_t k = 0; k < padded; ++k) direction[k] = residual[k] + share * direction[k];
    return next;
  }

  double first_direction() {
    for (std::int64_t k = 0; k < padded; ++k) direction[k] = residual[k];
    return product(residual, residual);
  }

  // Makes so many steps from where the row is. They span a space, and their result is the best in it, so
  // that what the objective falls by is still 1 - (w - 1)^2 of it if the row goes w times as far. Of a
  // badly conditioned row that is so only once the whole way has been scaled: rounding bends it.
  void advance(const float* begun, int steps) {
    for (std::int64_t k = 0; k < padded; ++k) y[k] = k < d ? begun[k] / narrow[k] : 0.0;
    begin();
    const double length_at_first = first_direction(), least = length_at_first * rounding * rounding;
    for (std::int64_t k = 0; k < padded; ++k) {
      at_first[k] = residual[k];
      y[k] = 0;  // the way from here on
    }
    double length = length_at_first;
    for (int made = 0; made < steps && length > least; ++made) length = step(length);
    const double fallen = product(y, at_first), curved = fallen - product(y, residual);
    const double scale = curved > 0 ? fallen / curved : 0.0;
    energy -= scale * fallen;
    for (std::int64_t k = 0; k < padded; ++k) y[k] = (k < d ? begun[k] : 0.0) + scale * narrow[k] * y[k];
  }

  // Steps until the residual is small. Returns how many are left, or -1 where they are too few at the
  // pace of the last ones.
  int converge(int steps) {
    double length = first_direction(), watched = length;
    for (int made = 1; made <= steps; ++made) {
      length = step(length);
      if (within(solved_enough)) return steps - made;
      if (made % watched_steps != 0) continue;
      const double pace = length / watched;
      double expected = narrowed(residual);
      for (int later = made; later < steps; later += watched_steps) expected *= pace;
      if (!(expected <= solved_enough * solved_enough * narrowed(y))) return -1;
      watched = length;
    }
    return -1;
  }

  // Solves the row to float32's accuracy. Returns how many of the steps are left, or -1 where it would
  // take more.
  int solve(int steps) {
    for (std::int64_t k = 0; k < padded; ++k) y[k] = 0;
    begin<false>();
    for (int round = 0; round <= most_restarts; ++round) {
      if (product(residual, residual) > 0) steps = converge(steps);
      if (steps < 0) return -1;
      begin();
      if (within(solved_at_last)) {
        for (std::int64_t k = 0; k < padded; ++k) y[k] = u[k];  // which is x
        return steps;
      }
    }
    return -1;
  }
};

}  // namespace
}  // namespace lmf::LMF_ISA
