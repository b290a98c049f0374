#include "cpu/interpolate.h"

namespace monai_gan::cpu {

template <typename T>
void interpolate(const T* real, const T* fake, const T* weights, T* out, std::int64_t batch, std::int64_t inner) {
  for (std::int64_t n = 0; n < batch; ++n) {
    const T w = weights[n];
    const T v = T(1) - w;
    const T* r = real + n * inner;
    const T* f = fake + n * inner;
    T* o = out + n * inner;
    for (std::int64_t i = 0; i < inner; ++i) {
      o[i] = w * r[i] + v * f[i];
    }
  }
}

template void interpolate<float>(const float*, const float*, const float*, float*, std::int64_t, std::int64_t);
template void interpolate<double>(const double*, const double*, const double*, double*, std::int64_t, std::int64_t);

}  // namespace monai_gan::cpu
