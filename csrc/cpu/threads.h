// Loops over threads.
#pragma once

#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace monai_gan::cpu {

// How many of the threads that are asked for pay for this much work: at least one, one per `grain` items, and one
// only in a forked child, where the threads of the parent's pool do not exist and waiting for them would never end.
std::int64_t useful_threads(std::int64_t asked, std::int64_t items, std::int64_t grain = 16384);

// body(index, thread) for all indices below count, in contiguous shares: a thread gets the same ones in every loop of
// this count. `threads` comes from useful_threads. body does not throw.
template <typename Body>
void parallel_for(std::int64_t threads, std::int64_t count, const Body& body) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
#pragma omp parallel num_threads(static_cast<int>(threads))
    {
      const std::int64_t thread = omp_get_thread_num(), present = omp_get_num_threads();
      const std::int64_t end = count * (thread + 1) / present;
      for (std::int64_t index = count * thread / present; index < end; ++index) {
        body(index, thread);
      }
    }
    return;
  }
#endif
  for (std::int64_t index = 0; index < count; ++index) {
    body(index, std::int64_t{0});
  }
}

// The same, but a thread takes the next index whenever it has done one: where indexes cost more or less than others, or
// other programs hold a core, nobody waits for the share of one thread.
template <typename Body>
void parallel_for_any(std::int64_t threads, std::int64_t count, const Body& body) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
#pragma omp parallel for schedule(dynamic) num_threads(static_cast<int>(threads))
    for (std::int64_t index = 0; index < count; ++index) {
      body(index, std::int64_t{omp_get_thread_num()});
    }
    return;
  }
#endif
  for (std::int64_t index = 0; index < count; ++index) {
    body(index, std::int64_t{0});
  }
}

}  // namespace monai_gan::cpu
