// Letting the GIL go for the time of a kernel, also when the interpreter ends meanwhile.
//
// A daemon thread that asks for the GIL of an interpreter which shuts down is ended there by
// pthread_exit (before Python 3.14, which has it wait for ever). That unwinds the stack, and what
// lies on it forbids that: destructors and nanobind's functions are noexcept, and a team's threads
// have not been joined. So the unwinding is caught where it begins and the thread waits, without
// the GIL, for the end of the process. Nothing of its stack is touched: threads of its team that
// still work find all they use where it was.
#pragma once

#include <Python.h>

#include <chrono>
#include <thread>

#include "parallel.hpp"

namespace lmf::bindings {

// Runs a few calls of Python's C interface that may end the thread. They throw nothing else.
template <class Calls>
void or_wait_for_the_end(const Calls& calls) noexcept {
  try {
    calls();
  } catch (...) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    or_wait_for_the_end([&] { PyEval_RestoreThread(state_); });
  }

  // Asks Python whether Ctrl-C was pressed, for which the GIL is taken. To be called by the thread
  // that let it go, as kernels do. The signal's handler runs here, and what it raises is pending
  // when the kernel returns.
  Interrupt interrupt() {
    return [this] {
      bool pressed = false;
      or_wait_for_the_end([&] {
        PyEval_RestoreThread(state_);
        pressed = PyErr_CheckSignals() != 0;
        state_ = PyEval_SaveThread();
      });
      return pressed;
    };
  }

 private:
  PyThreadState* state_;
};

}  // namespace lmf::bindings
