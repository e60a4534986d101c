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

// Asks it every 50 milliseconds at most, for that takes the GIL.
class Polled {
 public:
  explicit Polled(const Interrupt& interrupt) : interrupt_(interrupt) {}
  bool operator()() {
    if (!interrupt_) return false;
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ <= std::chrono::milliseconds(50)) return false;
    asked_ = now;
    return interrupt_();
  }

 private:
  const Interrupt& interrupt_;
  std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
};

// Threads kept for several calls of parallel_for within one call from outside: while a Crew lives,
// those of the thread that made it find its members waiting. A new thread may begin on the core of
// its parent, and stay there for milliseconds; a member stays where it was last.
class Crew {
 public:
  explicit Crew(int n_threads) : outer_(mine()) {
    members_.reserve(n_threads > 1 ? n_threads - 1 : 0);
    try {
      for (int worker = 1; worker < n_threads; ++worker)
        members_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error&) {  // no more threads to be had
    }
    mine() = this;
  }
  ~Crew() {
    mine() = outer_;
    job_ = nullptr;
    call();
    for (auto& member : members_) member.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // The crew of this thread, or null; null, too, while its members are at work.
  static Crew* at_hand() { return mine() && !mine()->busy_ ? mine() : nullptr; }

  // Calls job(worker) in every member; `finish` waits for them.
  void begin(std::function<void(int)> job) {
    busy_ = true;
    job_ = std::move(job);
    working_.store(static_cast<int>(members_.size()), std::memory_order_relaxed);
    call();
  }
  void finish() {
    for (int left; (left = working_.load(std::memory_order_acquire)) > 0;) working_.wait(left);
    busy_ = false;
  }

 private:
  static Crew*& mine() {
    thread_local Crew* crew = nullptr;
    return crew;
  }
  void call() {
    calls_.fetch_add(1, std::memory_order_release);
    calls_.notify_all();
  }
  void serve(int worker) {
    for (std::uint32_t heard = 0;; ++heard) {
      calls_.wait(heard, std::memory_order_acquire);
      if (!job_) return;
      job_(worker);
      if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
    }
  }

  Crew* outer_;
  bool busy_ = false;
  std::function<void(int)> job_;
  std::atomic<std::uint32_t> calls_{0};
  std::atomic<int> working_{0};
  std::vector<std::thread> members_;
};

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

  const auto work = [&](int worker) {
    for (std::int64_t chunk; !stop.load(std::memory_order_relaxed) && (chunk = claim()) < n_chunks;)
      guarded(chunk, worker);
  };

  Crew* const standing = threads > 1 ? Crew::at_hand() : nullptr;
  std::vector<std::thread> team;
  if (standing) {
    standing->begin([&](int worker) {
      if (worker < threads) work(worker);
    });
  } else {
    team.reserve(threads > 0 ? threads - 1 : 0);
    for (int worker = 1; worker < threads; ++worker) {
      try {
        team.emplace_back([&work, worker] { work(worker); });
      } catch (const std::system_error&) {
        break;  // no more threads to be had: those there are share the chunks
      }
    }
  }
  bool interrupted = false;
  Polled asked(interrupt);
  for (std::int64_t chunk; !stop.load(std::memory_order_relaxed) && (chunk = claim()) < n_chunks;) {
    guarded(chunk, 0);
    if (asked()) {
      interrupted = true;
      stop.store(true, std::memory_order_relaxed);
    }
  }
  if (standing) standing->finish();
  for (auto& member : team) member.join();
  if (failure) std::rethrow_exception(failure);
  return !interrupted;
}

}  // namespace lmf
