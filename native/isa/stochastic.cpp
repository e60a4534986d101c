// Steps of stochastic gradient descent, one build per instruction set. The rules stand in
// native/stochastic.hpp.
#include "stochastic.hpp"

#include "isa/normals.hpp"

namespace lmf::LMF_ISA {
extern const StochasticKernels stochastic_kernels;

namespace {

using V = Vector<float>;
constexpr int W = width<float>;
constexpr std::int64_t ahead = 4;  // ratings between a prefetch and its use

// The sum over the lanes by halves, which stay in registers.
LMF_INLINE float total(V value) {
  typedef float Quarter __attribute__((vector_size(16)));
  Quarter part[vector_bytes / 16];
  std::memcpy(part, &value, sizeof(value));
  for (int half = vector_bytes / 32; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) part[k] += part[k + half];
  return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}

// Calls body(column) for each vector of a row; N > 0 is their number, known when compiled.
template <int N, class Body>
LMF_INLINE void for_columns(int stride, Body&& body) {
  if constexpr (N > 0) {
#pragma GCC unroll 16
    for (int k = 0; k < N; ++k) body(k * W);
  } else {
    for (int k = 0; k < stride; k += W) body(k);
  }
}

template <int N>
LMF_INLINE float predicted(const float* p, const float* q, int stride) {
  V even{}, odd{};  // two sums, so that one addition need not wait for the other
  if constexpr (N == 0) {
    for (int k = 0; k < stride; k += W) even += load(p + k) * load(q + k);
  } else {
#pragma GCC unroll 16
    for (int k = 0; k < N; ++k) (k % 2 ? odd : even) += load(p + k * W) * load(q + k * W);
  }
  return total(even + odd);
}

struct Sgd {
  template <int N>
  static LMF_INLINE void step(const StochasticProblem& t, std::int64_t u, std::int64_t i, float y) {
    float* p = t.users.factors + u * t.stride;
    float* q = t.items.factors + i * t.stride;
    float &b = t.users.bias[u], &c = t.items.bias[i];
    const float error = y - b - c - predicted<N>(p, q, t.stride);
    const float scaled = t.rate * error;
    const float keep_u = 1 - t.rate * t.users.penalty[u], keep_i = 1 - t.rate * t.items.penalty[i];
    b = b * keep_u + scaled;
    c = c * keep_i + scaled;
    const V e = broadcast(scaled), ku = broadcast(keep_u), ki = broadcast(keep_i);
    for_columns<N>(t.stride, [&](int k) {
      const V a = load(p + k), z = load(q + k);
      store(p + k, a * ku + z * e);
      store(q + k, z * ki + a * e);
    });
  }
};

struct AdaGrad {
  template <int N>
  static LMF_INLINE void step(const StochasticProblem& t, std::int64_t u, std::int64_t i, float y) {
    float* p = t.users.factors + u * t.stride;
    float* q = t.items.factors + i * t.stride;
    float &b = t.users.bias[u], &c = t.items.bias[i];
    const float error = y - b - c - predicted<N>(p, q, t.stride);
    const float lu = t.users.penalty[u], li = t.items.penalty[i];
    // The gradients are -(e q - l p) and -(e p - l q).
    V squares_u{}, squares_i{};
    const V e = broadcast(error), vu = broadcast(lu), vi = broadcast(li);
    for_columns<N>(t.stride, [&](int k) {
      const V a = load(p + k), z = load(q + k);
      const V gu = e * z - vu * a, gi = e * a - vi * z;
      squares_u += gu * gu;
      squares_i += gi * gi;
    });
    float* sums_u = t.users.sums + 2 * u;
    float* sums_i = t.items.sums + 2 * i;
    const float gb = error - lu * b, gc = error - li * c;
    const float share = 1.0f / static_cast<float>(t.d);
    sums_u[0] += total(squares_u) * share;
    sums_i[0] += total(squares_i) * share;
    sums_u[1] += gb * gb;
    sums_i[1] += gc * gc;
    const float ru = t.rate / __builtin_sqrtf(sums_u[0]), ri = t.rate / __builtin_sqrtf(sums_i[0]);
    b += t.rate / __builtin_sqrtf(sums_u[1] + 1e-12f) * gb;
    c += t.rate / __builtin_sqrtf(sums_i[1] + 1e-12f) * gc;
    const V su = broadcast(sums_u[0] > 0 ? ru : 0.0f), si = broadcast(sums_i[0] > 0 ? ri : 0.0f);
    for_columns<N>(t.stride, [&](int k) {
      const V a = load(p + k), z = load(q + k);
      store(p + k, a + su * (e * z - vu * a));
      store(q + k, z + si * (e * a - vi * z));
    });
  }
};

constexpr float first_decay = 0.9f, second_decay = 0.999f, epsilon = 1e-8f;

// 1 - decay^t.
LMF_INLINE float correction(float decay, float t) {
  return 1.0f - static_cast<float>(__builtin_exp(static_cast<double>(t) * __builtin_log(static_cast<double>(decay))));
}

struct Adam {
  struct Row {
    float *x, *m, *v, *bias, *bias_moments;
    float penalty, rate, root;  // rate / (1 - .9^t), 1 / sqrt(1 - .999^t)

    LMF_INLINE Row(const StochasticProblem& t, const StochasticSide& side, std::int64_t row)
        : x(side.factors + row * t.stride),
          m(side.moments + row * (2 * t.stride + 2)),
          v(m + t.stride),
          bias(side.bias + row),
          bias_moments(v + t.stride),
          penalty(side.penalty[row]) {
      const float steps = side.steps[row] += 1;
      rate = t.rate / correction(first_decay, steps);
      root = 1.0f / __builtin_sqrtf(correction(second_decay, steps));
    }
    LMF_INLINE void step_bias(float error) {
      const float g = penalty * *bias - error;
      bias_moments[0] = first_decay * bias_moments[0] + (1 - first_decay) * g;
      bias_moments[1] = second_decay * bias_moments[1] + (1 - second_decay) * g * g;
      *bias -= rate * bias_moments[0] / (__builtin_sqrtf(bias_moments[1]) * root + epsilon);
    }
    LMF_INLINE void step(int k, V g) {
      const V first = load(m + k) * first_decay + g * (1 - first_decay);
      const V second = load(v + k) * second_decay + g * g * (1 - second_decay);
      store(m + k, first);
      store(v + k, second);
      V spread;
      for (int lane = 0; lane < W; ++lane) spread[lane] = __builtin_sqrtf(second[lane]);
      store(x + k, load(x + k) - rate * first / (spread * root + epsilon));
    }
  };

  template <int N>
  static LMF_INLINE void step(const StochasticProblem& t, std::int64_t u, std::int64_t i, float y) {
    Row user(t, t.users, u), item(t, t.items, i);
    const float error = y - *user.bias - *item.bias - predicted<N>(user.x, item.x, t.stride);
    user.step_bias(error);
    item.step_bias(error);
    for_columns<N>(t.stride, [&](int k) {
      const V a = load(user.x + k), z = load(item.x + k);
      user.step(k, user.penalty * a - error * z);
      item.step(k, item.penalty * z - error * a);
    });
  }
};

template <class StepRule, int N>
void steps(const StochasticProblem& t, std::int64_t begin, std::int64_t end) {
  const std::uint32_t* order = t.order + begin;
  const std::int64_t count = end - begin;
  const std::int64_t bytes = static_cast<std::int64_t>(t.stride) * 4;
  for (std::int64_t k = 0; k < count; ++k) {
    if (k + ahead < count) {
      const std::int64_t next = begin + order[k + ahead];
      const char* p = reinterpret_cast<const char*>(t.users.factors + t.user[next] * static_cast<std::int64_t>(t.stride));
      const char* q = reinterpret_cast<const char*>(t.items.factors + t.item[next] * static_cast<std::int64_t>(t.stride));
      for (std::int64_t byte = 0; byte < bytes; byte += 64) {
        __builtin_prefetch(p + byte, 1);
        __builtin_prefetch(q + byte, 1);
      }
    }
    const std::int64_t at = begin + order[k];
    StepRule::template step<N>(t, t.user[at], t.item[at], t.target[at]);
  }
}

// Calls body with the number of vectors in a row where that is a common one, else with 0.
LMF_INLINE void with_vectors(int stride, const auto& body) {
  switch (stride / W) {
    case 1: return body.template operator()<1>();
    case 2: return body.template operator()<2>();
    case 4: return body.template operator()<4>();
    case 8: return body.template operator()<8>();
    default: return body.template operator()<0>();
  }
}

template <class StepRule>
void steps_of(const StochasticProblem& t, std::int64_t begin, std::int64_t end) {
  with_vectors(t.stride, [&]<int N>() { steps<StepRule, N>(t, begin, end); });
}

// A permutation of the block's ratings (Fisher & Yates), drawn by the seed and the block alone.
void shuffle(const StochasticProblem& t, std::int64_t block, std::int64_t begin, std::int64_t end) {
  std::uint32_t* order = t.order + begin;
  const std::int64_t count = end - begin;
  std::uint64_t state = mixed(t.seed ^ mixed(static_cast<std::uint64_t>(block) + golden));
  for (std::int64_t k = 0; k < count; ++k) {
    state += golden;
    const std::uint64_t at = ((mixed(state) >> 32) * static_cast<std::uint64_t>(k + 1)) >> 32;
    order[k] = order[at];
    order[at] = static_cast<std::uint32_t>(k);
  }
}

void block(const StochasticProblem& t, std::int64_t block) {
  const std::int64_t begin = t.blocks[block], end = t.blocks[block + 1];
  shuffle(t, block, begin, end);
  switch (t.rule) {
    case Rule::sgd: return steps_of<Sgd>(t, begin, end);
    case Rule::adagrad: return steps_of<AdaGrad>(t, begin, end);
    case Rule::adam: return steps_of<Adam>(t, begin, end);
  }
}

template <int N>
double error_of(const StochasticProblem& t, std::int64_t begin, std::int64_t end) {
  double sum = 0;
  for (std::int64_t at = begin; at < end; ++at) {
    const std::int64_t u = t.user[at], i = t.item[at];
    const float* p = t.users.factors + u * t.stride;
    const float* q = t.items.factors + i * t.stride;
    const double left =
        t.target[at] - t.users.bias[u] - t.items.bias[i] - predicted<N>(p, q, t.stride);
    sum += left * left;
  }
  return sum;
}

double error(const StochasticProblem& t, std::int64_t begin, std::int64_t end) {
  double sum = 0;
  with_vectors(t.stride, [&]<int N>() { sum = error_of<N>(t, begin, end); });
  return sum;
}

}  // namespace

const StochasticKernels stochastic_kernels = {block, error};

}  // namespace lmf::LMF_ISA
