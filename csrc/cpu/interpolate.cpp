#include "cpu/interpolate.h"

#include "cpu/isa.h"
#include "cpu/philox.h"

namespace monai_gan::cpu {

template <typename T>
void interpolate(const Rows& rows, const T* real, const T* fake, const accumulator_t<T>* weights, T* out,
                 std::int64_t threads) {
  const MixKernels<T>& kernels = tables().mix;
  const bool past_caches = rows.past_caches(3, out);
  RowChunks(rows).for_each(threads, [&](std::int64_t, std::int64_t row, std::int64_t start, std::int64_t elements) {
    kernels.mix(real + start, fake + start, weights[row], out + start, elements, past_caches);
  });
}

template <typename T>
void interpolate_random(const Rows& rows, const T* real, const T* fake, const std::int64_t* state,
                        accumulator_t<T>* weights, T* out, std::int64_t threads) {
  for (std::int64_t row = 0; row < rows.batch; ++row) {
    weights[row] = uniform(static_cast<std::uint64_t>(state[0]), static_cast<std::uint64_t>(state[1]),
                           static_cast<std::uint64_t>(row));
  }
  interpolate(rows, real, fake, weights, out, threads);
}

#define MONAI_GAN_INSTANTIATE(T)                                                                                 \
  template void interpolate<T>(const Rows&, const T*, const T*, const accumulator_t<T>*, T*, std::int64_t);      \
  template void interpolate_random<T>(const Rows&, const T*, const T*, const std::int64_t*, accumulator_t<T>*, T*, \
                                      std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
