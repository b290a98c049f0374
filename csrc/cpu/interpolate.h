// Mixes two batches sample by sample: out[n, i] = w[n] * real[n, i] + (1 - w[n]) * fake[n, i].
#pragma once

#include <cstdint>

namespace monai_gan::cpu {

// real, fake, out: (batch, inner), dense, without overlap between out and the rest; weights: (batch).
template <typename T>
void interpolate(const T* real, const T* fake, const T* weights, T* out, std::int64_t batch, std::int64_t inner);

}  // namespace monai_gan::cpu
