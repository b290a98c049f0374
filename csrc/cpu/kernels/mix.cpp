// The mixture of two rows. Compiled without contraction to fused multiply-adds: float32 and float64 have the bits of
// the same formula in torch.
#include "cpu/kernels/combine.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

template <typename T>
void mix(const T* real, const T* fake, accumulator_t<T> weight, T* out, std::int64_t count, bool past_caches) {
  write(Sum<T>{{real, weight}, {fake, 1 - weight}}, out, count, past_caches);
}

}  // namespace

extern const ForEachType<MixKernels> mixtures;
const ForEachType<MixKernels> mixtures = {MixKernels<float>{mix<float>}, MixKernels<double>{mix<double>},
                                          MixKernels<bfloat16>{mix<bfloat16>}};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
