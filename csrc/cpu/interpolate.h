// Mixes two batches sample by sample: out[n, i] = w[n] * real[n, i] + (1 - w[n]) * fake[n, i].
#pragma once

#include "cpu/row_chunks.h"
#include "cpu/types.h"

namespace monai_gan::cpu {

// real, fake, out: (batch, inner), dense, without overlap between out and the rest; weights: (batch).
template <typename T>
void interpolate(const Rows& rows, const T* real, const T* fake, const accumulator_t<T>* weights, T* out,
                 std::int64_t threads);

// The same with weights drawn uniformly from [0, 1), multiples of 2^-24, and written to `weights`. state: seed, offset.
template <typename T>
void interpolate_random(const Rows& rows, const T* real, const T* fake, const std::int64_t* state,
                        accumulator_t<T>* weights, T* out, std::int64_t threads);

}  // namespace monai_gan::cpu
