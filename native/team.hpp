// A team of threads that stays together for one call and is given many small tasks.
//
// parallel_for (parallel.hpp) starts its threads anew; here the helpers spin between tasks, so
// that a task of a few microseconds is worth sharing. The chunks of a task are claimed one by one,
// also by the caller: a helper that the system has put aside delays nothing but the chunk it had
// begun. As with parallel_for, a chunk's result must depend on the chunk alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

namespace lmf {

class Team {
 public:
  explicit Team(int threads) {
    try {
      for (int k = 1; k < threads; ++k) helpers_.emplace_back([this] { help(); });
    } catch (const std::system_error&) {  // no more threads to be had: work with those there are
    }
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() {
    leave_.store(true, std::memory_order_release);
    for (auto& helper : helpers_) helper.join();
  }

  // Runs body(chunk) once for each chunk in [0, chunks), chunks < 2^20; returns when all are done.
  // The body must not throw.
  template <class Body>
  void run(std::uint32_t chunks, const Body& body) {
    if (helpers_.empty() || chunks < 2) {
      for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
      return;
    }
    const Call call = [](const void* what, std::uint32_t chunk) {
      (*static_cast<const Body*>(what))(chunk);
    };
    call_.store(call, std::memory_order_relaxed);
    body_.store(&body, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    const std::uint64_t task = (state_.load(std::memory_order_relaxed) >> 2 * bits) + 1;
    state_.store((task << bits | chunks) << bits, std::memory_order_release);
    work();
    for (unsigned turn = 0; done_.load(std::memory_order_acquire) < chunks; ++turn) rest(turn);
  }

 private:
  using Call = void (*)(const void* body, std::uint32_t chunk);

  // Claims chunks of the task at hand until none is left. What is read between loading the state
  // and claiming belongs to that task if the claim succeeds: it was not done yet, so no later task
  // can have been set up.
  void work() {
    std::uint64_t state = state_.load(std::memory_order_acquire);
    while ((state & mask) < (state >> bits & mask)) {
      const Call call = call_.load(std::memory_order_relaxed);
      const void* body = body_.load(std::memory_order_relaxed);
      if (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
        continue;
      call(body, static_cast<std::uint32_t>(state & mask));
      done_.fetch_add(1, std::memory_order_release);
      state = state_.load(std::memory_order_acquire);
    }
  }

  void help() {
    std::uint64_t seen = 0;  // the task last worked on
    for (unsigned turn = 0; !leave_.load(std::memory_order_acquire); ++turn) {
      const std::uint64_t task = state_.load(std::memory_order_acquire) >> 2 * bits;
      if (task != seen) {
        seen = task;
        work();
        turn = 0;
      } else {
        rest(turn);
      }
    }
  }

  // Waits a moment; after some 20 microseconds lets others run.
  static void rest(unsigned turn) {
    if (turn > 200) {
      std::this_thread::yield();
      return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
  }

  static constexpr int bits = 20;
  static constexpr std::uint64_t mask = (1u << bits) - 1;

  std::vector<std::thread> helpers_;
  alignas(64) std::atomic<std::uint64_t> state_{0};  // task number, its chunks, next one to claim
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> body_{nullptr};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> leave_{false};
};

}  // namespace lmf
