// Sums over long rows and their linear combinations.
#include "cpu/kernels/combine.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

// As many numbers as doubles fit a register, as doubles.
using Floats = VectorOf<float, kLanes<double>>::type;

template <typename V>
MONAI_GAN_INLINE V bits_at(const void* from) {
  V lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

MONAI_GAN_INLINE Lanes<double> load_double(const double* from) { return load(from); }

MONAI_GAN_INLINE Lanes<double> load_double(const float* from) {
  return MONAI_GAN_CONVERT(bits_at<Floats>(from), Lanes<double>);
}

MONAI_GAN_INLINE Lanes<double> load_double(const bfloat16* from) {
  using Bits = VectorOf<std::uint16_t, kLanes<double>>::type;
  using FloatBits = VectorOf<std::uint32_t, kLanes<double>>::type;
  const FloatBits bits = MONAI_GAN_CONVERT(bits_at<Bits>(from), FloatBits) << 16;
  return MONAI_GAN_CONVERT(bits_as<Floats>(bits), Lanes<double>);
}

// In double whatever T is: squares of any float32 neither overflow nor vanish.
template <typename T>
double dot(const T* a, const T* b, std::int64_t count) {
  constexpr std::int64_t width = kLanes<double>, chains = 4;
  Lanes<double> sums[chains] = {};
  std::int64_t i = 0;
  for (; i + chains * width <= count; i += chains * width) {
    for (std::int64_t k = 0; k < chains; ++k) {
      sums[k] += load_double(a + i + k * width) * load_double(b + i + k * width);
    }
  }
  T rest[2][chains * width] = {};
  for (std::int64_t k = 0; i + k < count; ++k) {
    rest[0][k] = a[i + k];
    rest[1][k] = b[i + k];
  }
  for (std::int64_t k = 0; k < chains; ++k) {
    sums[k] += load_double(rest[0] + k * width) * load_double(rest[1] + k * width);
  }
  return sum<double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// The sum of squares. Blocks are summed in float32, which is faster, unless the sum leaves its range: from the lower
// limit on, less than a rounding error is lost to squares that are too small to be normal numbers. NaN is out of range.
template <typename T>
double squares(const T* x, std::int64_t count) {
  if constexpr (sizeof(accumulator_t<T>) == sizeof(double)) {
    return dot(x, x, count);
  } else {
    constexpr std::int64_t width = kLanes<float>, chains = 4, block = 64 * chains * width;
    constexpr float lower = 1e-30F, upper = 3e38F;
    double total = 0;
    for (; count >= block; x += block, count -= block) {
      Lanes<float> sums[chains] = {};
      for (std::int64_t i = 0; i < block; i += chains * width) {
        for (std::int64_t k = 0; k < chains; ++k) {
          const Lanes<float> lanes = load(x + i + k * width);
          sums[k] += lanes * lanes;
        }
      }
      const float part = sum<float>((sums[0] + sums[1]) + (sums[2] + sums[3]));
      total += part > lower && part < upper ? part : dot(x, x, block);
    }
    return total + dot(x, x, count);
  }
}

template <typename T>
void scale(const T* x, accumulator_t<T> a, T* out, std::int64_t count, bool past_caches) {
  write(Scaled<T>{x, a}, out, count, past_caches);
}

template <typename T>
void combine(const T* x, accumulator_t<T> a, const T* y, accumulator_t<T> b, T* out, std::int64_t count,
             bool past_caches) {
  write(Sum<T>{{x, a}, {y, b}}, out, count, past_caches);
}

template <typename T>
constexpr RowKernels<T> kernels() {
  return {dot<T>, squares<T>, scale<T>, combine<T>};
}

}  // namespace

extern const ForEachType<RowKernels> rows;
const ForEachType<RowKernels> rows = {kernels<float>(), kernels<double>(), kernels<bfloat16>()};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
