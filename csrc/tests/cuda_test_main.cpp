// Tests of csrc/cuda: on the device if built with nvcc, on the CPU if built with MONAI_GAN_CUDA_EMULATION. `--quick`
// leaves out the half-precision types.
#include <cstring>
#include <exception>

#include "tests/cuda_report.h"

int main(int count, char** arguments) {
  monai_gan::cuda::Report report;
  const bool quick = count > 1 && std::strcmp(arguments[1], "--quick") == 0;
  try {
    monai_gan::cuda::test_plans(report);
    monai_gan::cuda::test_reference(report);
    monai_gan::cuda::test_kernels(report, quick);
  } catch (const std::exception& error) {
    report.expect(false, error.what());
  }
  return report.finish();
}
