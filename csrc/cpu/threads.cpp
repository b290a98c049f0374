#include "cpu/threads.h"

#include <algorithm>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define MONAI_GAN_FORKS 1
#endif

namespace monai_gan::cpu {

namespace {

bool forked = false;

#ifdef MONAI_GAN_FORKS
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
#endif

}  // namespace

std::int64_t useful_threads(std::int64_t asked, std::int64_t items, std::int64_t grain) {
  if (forked) {
    return 1;
  }
#ifdef _OPENMP
  if (omp_in_parallel()) {
    return 1;
  }
#endif
  return std::max<std::int64_t>(1, std::min(asked, items / grain));
}

}  // namespace monai_gan::cpu
