// Where the threads of a crew begin to work.
#pragma once

#include "parallel.hpp"

namespace lmf {

// Moves the members of a crew of `n_threads` to processors of their own, from where the system may move
// them as it likes. A new thread begins on its parent's, and if that one goes on working may wait
// there for milliseconds, which is a large part of a short call.
void spread(Crew& crew, int n_threads);

}  // namespace lmf
