#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "cpu/interpolate.h"
#include "tests/check.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

bool mixes(std::int64_t inner) {
  const std::vector<float> real(4 * inner, 2.0F), fake(4 * inner, 0.0F), weights(4, 0.5F);
  std::vector<float> out(4 * inner);
  cpu::interpolate<float>({4, inner}, real.data(), fake.data(), weights.data(), out.data(), 3);
  return out == std::vector<float>(4 * inner, 1.0F);
}

}  // namespace

// A child has none of its parent's threads: a parallel loop that waits for them hangs.
void test_fork() {
  constexpr std::int64_t inner = 100000;
  check(mixes(inner), "a parallel loop before a fork");
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(mixes(inner) ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a loop in a forked child");
  check(mixes(inner), "a parallel loop after a fork");
}

}  // namespace monai_gan::tests
