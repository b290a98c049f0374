// Runs all tests once per instruction set, each in a process of its own because a process chooses only once. The last
// line tells the counts.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "cpu/isa.h"
#include "tests/check.h"
#include "tests/tests.h"

namespace {

constexpr char kVariable[] = "MONAI_GAN_CPU_ISA";

void run() {
  using namespace monai_gan::tests;
  test_exponential();
  test_interpolate();
  test_gradient_norm_penalty();
  test_group_norm_act();
  test_perceptual_distance();
  test_ssim();
  test_winograd();
  test_fork();
}

// What this program says when it runs with one instruction set; false if it ended badly.
bool run_with(const char* program, const std::string& isa, int& passed, int& failed) {
  setenv(kVariable, isa.c_str(), 1);
  FILE* pipe = popen(("'" + std::string(program) + "' " + isa).c_str(), "r");
  char line[1024];
  int p = 0, f = 0;
  bool counted = false;
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) {
    std::printf("%s: %s", isa.c_str(), line);
    counted = std::sscanf(line, "%d passed, %d failed", &p, &f) == 2;
  }
  passed += p;
  failed += f;
  return pipe != nullptr && pclose(pipe) == 0 && counted;
}

bool refuses_unknown_set() {
  setenv(kVariable, "abacus", 1);
  try {
    monai_gan::cpu::tables();
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    return text.find("abacus") != std::string::npos && text.find("baseline") != std::string::npos;
  }
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    run();
    const auto& [passed, failed] = monai_gan::tests::counts();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
  }
  int passed = 0, failed = 0;
  ++(refuses_unknown_set() ? passed : failed);
  for (const std::string& isa : monai_gan::cpu::isas()) {
    if (!run_with(arguments[0], isa, passed, failed)) {
      std::printf("FAILED %s: the tests did not run to a good end\n", isa.c_str());
      failed += failed == 0 ? 1 : 0;
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
