#include <limits>

#include "cpu/kernels/activation.h"
#include "cpu/kernels/memory.h"
#include "tests/check.h"
#include "tests/tests.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

template <typename A>
A scalar_exp(A x) {
  A result[kLanes<A>];
  store(result, exp_of_negative<A>(all(x)));
  return result[0];
}

template <typename A>
void check_accuracy(double tolerance, const char* what) {
  double worst = 0;
  for (double x = 0; x > Exponential<A>::least; x -= 0.00731) {
    const double wanted = std::exp(static_cast<double>(static_cast<A>(x)));
    worst = std::fmax(worst, std::fabs(scalar_exp(static_cast<A>(x)) / wanted - 1));
  }
  tests::check(worst <= tolerance, std::string(what) + ": relative error " + std::to_string(worst / tolerance));
}

template <typename A>
void check_ends(const char* what) {
  const A infinity = std::numeric_limits<A>::infinity();
  tests::check(scalar_exp(A(0)) == 1, std::string(what) + " of 0");
  tests::check(scalar_exp(A(-1e30)) == 0 && scalar_exp(-infinity) == 0, std::string(what) + " of minus infinity");
  tests::check(std::isnan(scalar_exp(std::numeric_limits<A>::quiet_NaN())), std::string(what) + " of NaN");
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA

namespace monai_gan::tests {

void test_exponential() {
  using namespace cpu::MONAI_GAN_ISA;
  check_accuracy<float>(1.5e-7, "float32 exponential");
  check_accuracy<double>(1e-14, "float64 exponential");
  check_ends<float>("float32 exponential");
  check_ends<double>("float64 exponential");
}

}  // namespace monai_gan::tests
