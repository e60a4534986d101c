// The third form of a row: conjugate gradients on I + D^-1/2 V' S^2 V D^-1/2, whose least eigenvalue
// is 1 because V's Gram matrix is diagonal here. The equations stand in native/rows.hpp.
//
// A row is a state that asks for passes over its interactions, one after another, until it is done:
// who makes them, row by row or of many rows at once, is another's business.
#pragma once

#include "isa/passes.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr double solved_enough = 5e-7;    // |D^-1/2 r| against |x|: where the iteration ends
constexpr double solved_at_last = 1e-6;   // and what the residual of the float32 result may be
constexpr double rounding = 1e-8;         // |r| against the first one: there is nothing left to do
constexpr int most_restarts = 2;
constexpr int most_steps = 200;           // where nothing else is asked for
constexpr int watched_steps = 2;          // between two looks at whether it is worth going on
constexpr std::int64_t every_column = INT64_MAX;

// What a row's iteration holds; each part has d elements, padded to whole vectors.
struct Slot {
  double *diagonal, *solution, *residual, *direction, *image, *narrow, *at_first;
  float *u, *part;

  // Of one part: a line more than it needs, so that not all begin at the same place of a page.
  static std::int64_t stride(std::int64_t d) { return round_up(d, width<float>) + 8; }
  static std::size_t bytes(std::int64_t d) { return 9 * stride(d) * sizeof(double); }

  static Slot of(const Workspace& work) {
    return {work.diagonal, work.solution, work.residual, work.right, work.target, work.weight, work.noise,
            static_cast<float*>(work.x), static_cast<float*>(work.scratch)};
  }
  static Slot of(void* memory, std::int64_t d) {
    auto* at = static_cast<double*>(memory);
    const auto next = [&] {
      double* part = at;
      at += stride(d);
      return part;
    };
    return {next(), next(), next(), next(), next(), next(), next(), reinterpret_cast<float*>(next()),
            reinterpret_cast<float*>(next())};
  }
};

// The iteration's state: everything is in the whitened axes, y = D^1/2 x, and padded with zeros.
class Conjugate {
 public:
  int left = 0;       // how many steps are left when it is done
  double energy = 0;  // the row's objective when it is done

  Conjugate(const Row& row, const Slot& slot)
      : row(row), slot(slot), y(slot.solution), d(row.problem.d), padded(round_up(d, width<float>)),
        uniform(!row.weights && !row.problem.fixed_share),
        made_by{row, slot.u, slot.part, slot.image} {
    for (std::int64_t k = 0; k < padded; ++k)
      slot.narrow[k] = k < d ? 1.0 / __builtin_sqrt(slot.diagonal[k]) : 0.0;
  }

  // Begins to solve the row to float32's accuracy, in so many steps at most, from somewhere or from 0.
  void solve(int steps, const float* from) {
    left = steps;
    bool zero = true;
    for (std::int64_t k = 0; k < padded; ++k) {
      y[k] = from && k < d ? from[k] / slot.narrow[k] : 0.0;
      zero = zero && y[k] == 0;
    }
    look(zero);
  }

  // Begins to make so many steps from where the row is. They span a space, and their result is the best in
  // it, so that what the objective falls by is still 1 - (w - 1)^2 of it if the row goes w times as far. Of
  // a badly conditioned row that is so only once the whole way has been scaled: rounding bends it.
  void advance(const float* from, int steps) {
    begun = from;
    left = steps;
    for (std::int64_t k = 0; k < padded; ++k) y[k] = k < d ? begun[k] / slot.narrow[k] : 0.0;
    look(false);
  }

  bool done() const { return state == State::solved || state == State::failed; }
  bool failed() const { return state == State::failed; }

  // Makes the pass that is asked for, over the interactions of columns before `until`; returns whether
  // there are more.
  bool pass(std::int64_t until = every_column) {
    if (state == State::stepping) {
      made_by.go(until, [&](std::int64_t e, Vector<float> s, int live) { return excess(e, live) * s; });
    } else if (state == State::beginning) {
      sum_errors<false>(until);
    } else {
      sum_errors<true>(until);
    }
    return made_by.at < row.n;
  }

  // Takes what the pass gave, and asks for the next one if it is not done.
  void proceed() {
    made_by.flush();
    if (state == State::stepping) return begun ? advanced(step()) : converging(step());
    looked();
    if (begun) begin_way();
    else if (state == State::looking && rounds == 0 && !(energy < lmf::LMF_ISA::energy(row)))
      solve(left, nullptr);  // 0 is the better start
    else if (state == State::looking && within(solved_at_last)) settle();
    else if (++rounds > most_restarts + 1) state = State::failed;
    else if (product(slot.residual, slot.residual) > 0) converge();
    else look(false);
  }

  // The whole of it, this row alone.
  void finish() {
    while (!done()) {
      pass();
      proceed();
    }
  }

 private:
  enum class State { beginning, looking, stepping, solved, failed };

  const Row& row;
  Slot slot;
  double* y;
  std::int64_t d, padded;
  bool uniform;       // whether every c - w0 is the same, and every c
  Pass made_by;
  State state = State::beginning;
  const float* begun = nullptr;  // where the row was, if it only advances
  int rounds = 0, made = 0;
  double length = 0, watched = 0, length_at_first = 0;

  Vector<float> excess(std::int64_t e, int live) const {
    if (uniform) return broadcast(static_cast<float>(row.excess(0)));
    return lanes(e, live, [&](std::int64_t at) { return row.excess(at); });
  }

  // The sum of so many lanes, or of all if there are not so many.
  static double sum_of(const Vector<double>& values, int count) {
    if (count >= width<double>) return sum<double>(values);
    double total = 0;
    for (int lane = 0; lane < count; ++lane) total += values[lane];
    return total;
  }

  // Asks for the residual at y, and what the objective is there; y is rounded to what x can be.
  void look(bool at_zero) {
    state = at_zero ? State::beginning : State::looking;
    for (std::int64_t k = 0; k < padded; ++k) {
      slot.u[k] = static_cast<float>(slot.narrow[k] * y[k]);
      y[k] = slot.narrow[k] > 0 ? slot.u[k] / slot.narrow[k] : 0.0;
    }
    energy = 0;
    made_by.begin();
    made_by.prefetched = true;  // the first pass of a row finds nothing in the cache
  }

  // What the residual is made of at u, and the errors there.
  template <bool multiplied>
  void sum_errors(std::int64_t until) {
    constexpr int W = width<float>;
    const bool alike = uniform && !row.targets && row.n > 0;
    const double c = alike ? row.weight(0) : 0.0, rest = alike ? row.excess(0) : 0.0;
    made_by.go<multiplied>(until, [&](std::int64_t e, Vector<float> s, int live) {
      float products[W], t[W] = {};
      store(products, s);
      if (alike) {
        for (int first = 0; first < live; first += width<double>) {
          const Vector<double> product = Widen<double>::load_full(products + first), error = 1.0 - product;
          energy += sum_of(c * error * error - (c - rest) * product * product, live - first);
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
  }
  void looked() {
    for (std::int64_t k = 0; k < padded; ++k) {
      slot.residual[k] = slot.narrow[k] * slot.image[k] - y[k];
      energy += y[k] * y[k];
    }
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
      const Vector<double> part = load(a + k) * load(slot.narrow + k);
      total += part * part;
    }
    return sum<double>(total);
  }
  bool within(double bound) const { return narrowed(slot.residual) <= bound * bound * narrowed(y); }

  double first_direction() {
    for (std::int64_t k = 0; k < padded; ++k) slot.direction[k] = slot.residual[k];
    return product(slot.residual, slot.residual);
  }

  // Asks for (I + D^-1/2 V' S^2 V D^-1/2) direction.
  void ask_step() {
    state = State::stepping;
    for (std::int64_t k = 0; k < padded; ++k)
      slot.u[k] = static_cast<float>(slot.narrow[k] * slot.direction[k]);
    made_by.begin();
    made_by.prefetched = row.n * d > 65536;
  }

  // A step from y along the direction, and the next direction. Returns |r|^2, which was `length`.
  double step() {
    for (std::int64_t k = 0; k < padded; ++k)
      slot.image[k] = slot.direction[k] + slot.narrow[k] * slot.image[k];
    const double along = length / product(slot.direction, slot.image);
    for (std::int64_t k = 0; k < padded; ++k) {
      y[k] += along * slot.direction[k];
      slot.residual[k] -= along * slot.image[k];
    }
    const double next = product(slot.residual, slot.residual), share = next / length;
    for (std::int64_t k = 0; k < padded; ++k)
      slot.direction[k] = slot.residual[k] + share * slot.direction[k];
    ++made;
    return next;
  }

  // Steps until the residual is small, or they are too few at the pace of the last ones.
  void converge() {
    length = watched = first_direction();
    made = 0;
    if (left > 0) ask_step();
    else state = State::failed;
  }
  void converging(double next) {
    length = next;
    --left;
    if (within(solved_enough)) return look(false);
    state = left > 0 ? State::stepping : State::failed;
    if (made % watched_steps == 0) {
      const double pace = length / watched;
      double expected = narrowed(slot.residual);
      for (int later = 0; later < left; later += watched_steps) expected *= pace;
      if (!(expected <= solved_enough * solved_enough * narrowed(y))) state = State::failed;
      watched = length;
    }
    if (state == State::stepping) ask_step();
  }
  void settle() {
    for (std::int64_t k = 0; k < padded; ++k) y[k] = slot.u[k];  // which is x
    state = State::solved;
  }

  // The way from where the row was.
  void begin_way() {
    length = length_at_first = first_direction();
    for (std::int64_t k = 0; k < padded; ++k) {
      slot.at_first[k] = slot.residual[k];
      y[k] = 0;
    }
    advanced(length);
  }
  void advanced(double next) {
    length = next;
    if (made < left && length > length_at_first * rounding * rounding) return ask_step();
    const double fallen = product(y, slot.at_first), curved = fallen - product(y, slot.residual);
    const double scale = curved > 0 ? fallen / curved : 0.0;
    energy -= scale * fallen;
    for (std::int64_t k = 0; k < padded; ++k)
      y[k] = (k < d ? begun[k] : 0.0) + scale * slot.narrow[k] * y[k];
    state = State::solved;
  }
};

}  // namespace
}  // namespace lmf::LMF_ISA
