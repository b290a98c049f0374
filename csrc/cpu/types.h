// Element types and the types that they are computed in.
#pragma once

#include <cstdint>

namespace monai_gan::cpu {

// The upper half of a float32.
struct bfloat16 {
  std::uint16_t bits;
};

// float32 for bfloat16 and float32, float64 for float64: statistics and parameters have this type as well.
template <typename T>
struct Accumulator {
  using type = T;
};
template <>
struct Accumulator<bfloat16> {
  using type = float;
};
template <typename T>
using accumulator_t = typename Accumulator<T>::type;

// One K<T> per element type.
template <template <typename> class K>
struct ForEachType : K<float>, K<double>, K<bfloat16> {};

}  // namespace monai_gan::cpu
