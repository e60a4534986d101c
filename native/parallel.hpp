// A team of threads for one call: spawned, given chunks, joined before the call returns.
//
// Nothing outlives a call, so there is nothing to reset after fork() and nothing to stop at
// interpreter exit; starting a thread costs some 20 microseconds, which a chunk of work dwarfs.
//
// Which thread runs a chunk is left to chance. A kernel is therefore deterministic only if a
// chunk's result depends on the chunk alone; reductions are kept per chunk and joined in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lmf {

// Threads this process may use: its CPU affinity, lowered by a cgroup quota.
int available_threads();

// n_threads as the user gave it: 0 means all that are available.
inline int resolve_threads(int n_threads) { return n_threads > 0 ? n_threads : available_threads(); }

// How a call is stopped from outside; polled by the calling thread only, between chunks.
using Interrupt = std::function<bool()>;

// Runs body(chunk, worker) once for each chunk in [0, n_chunks), worker in [0, threads).
// Returns false if interrupted; chunks that had begun are finished. An exception thrown by a
// body stops the team and is thrown again here.
template <class Body>
bool parallel_for(std::int64_t n_chunks, int n_threads, const Interrupt& interrupt, Body&& body) {
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_lock;
  auto guarded = [&](std::int64_t chunk, int worker) {
    try {
      body(chunk, worker);
    } catch (...) {
      std::lock_guard<std::mutex> hold(failure_lock);
      if (!failure) failure = std::current_exception();
      stop.store(true, std::memory_order_relaxed);
    }
  };
  const auto claim = [&] { return next.fetch_add(1, std::memory_order_relaxed); };
  const int threads = static_cast<int>(
      std::min<std::int64_t>(n_chunks, std::max(1, resolve_threads(n_threads))));

  std::vector<std::thread> team;
  team.reserve(threads > 0 ? threads - 1 : 0);
  for (int worker = 1; worker < threads; ++worker) {
    try {
      team.emplace_back([&, worker] {
        for (std::int64_t chunk; !stop.load(std::memory_order_relaxed) && (chunk = claim()) < n_chunks;)
          guarded(chunk, worker);
      });
    } catch (const std::system_error&) {
      break;  // no more threads to be had: those there are share the chunks
    }
  }
  bool interrupted = false;
  auto polled = std::chrono::steady_clock::now();
  for (std::int64_t chunk; !stop.load(std::memory_order_relaxed) && (chunk = claim()) < n_chunks;) {
    guarded(chunk, 0);
    const auto now = std::chrono::steady_clock::now();
    if (interrupt && now - polled > std::chrono::milliseconds(50)) {
      polled = now;
      if (interrupt()) {
        interrupted = true;
        stop.store(true, std::memory_order_relaxed);
      }
    }
  }
  for (auto& member : team) member.join();
  if (failure) std::rethrow_exception(failure);
  return !interrupted;
}

}  // namespace lmf
