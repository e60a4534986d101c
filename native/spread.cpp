#include "spread.hpp"

#include <sched.h>

namespace lmf {
namespace {

// The calling thread goes to the processor that comes so many after `from`, of those it may use.
void move_on(int from, int steps) {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof(all), &all) != 0 || CPU_COUNT(&all) < 2) return;
  int cpu = from;
  for (steps %= CPU_COUNT(&all); steps > 0; steps -= CPU_ISSET(cpu, &all) ? 1 : 0)
    cpu = (cpu + 1) % CPU_SETSIZE;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof(one), &one) == 0) sched_setaffinity(0, sizeof(all), &all);
}

}  // namespace

void spread(Crew& crew, int n_threads) {
  if (n_threads < 2) return;
  const int here = sched_getcpu();
  if (here < 0) return;
  crew.begin([here](int worker) { move_on(here, worker); });
  crew.finish();
}

}  // namespace lmf
