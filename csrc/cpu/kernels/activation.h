// The activations with first and second derivative, on vectors.
#pragma once

#include "cpu/kernels/lanes.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

template <typename A>
constexpr A kInverseFactorials[] = {
    A(1),        A(1),         A(1) / 2,       A(1) / 6,        A(1) / 24,        A(1) / 120,         A(1) / 720,
    A(1) / 5040, A(1) / 40320, A(1) / 362880, A(1) / 3628800, A(1) / 39916800, A(1) / 479001600, A(1) / 6227020800.0,
};

template <typename A>
struct Exponential;

// exp(x) = 2^n exp(r) with |r| <= ln(2) / 2, where the Taylor polynomial of this degree is good to the last bits. ln(2)
// is split in two so that n times the first part is exact. Below `least` the result is subnormal and set to zero.
template <>
struct Exponential<float> {
  static constexpr int degree = 7;
  static constexpr float least = -87.0F, per_log2 = 1.44269504F, log2_high = 0.693145752F, log2_low = 1.42860677e-6F;
  static constexpr float round = 12582912.0F;  // 1.5 * 2^23: after adding it, the low bits of the sum are an integer
  static constexpr int mantissa = 23;
};
template <>
struct Exponential<double> {
  static constexpr int degree = 13;
  static constexpr double least = -708.0, per_log2 = 1.4426950408889634, log2_high = 0.69314718036912382,
                          log2_low = 1.9082149292705877e-10;
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr int mantissa = 52;
};

// exp(x) for x <= 0. NaN gives NaN.
template <typename A>
MONAI_GAN_INLINE Lanes<A> exp_of_negative(const Lanes<A>& x) {
  using E = Exponential<A>;
  const Lanes<A> shifted = x * E::per_log2 + E::round;
  const Lanes<A> n = shifted - E::round;
  const Lanes<A> r = (x - n * E::log2_high) - n * E::log2_low;
  Lanes<A> series = all(kInverseFactorials<A>[E::degree]);
  for (int k = E::degree - 1; k >= 0; --k) {
    series = series * r + kInverseFactorials<A>[k];
  }
  // Adding n to the exponent multiplies by 2^n; no exponent leaves its range for what is not below `least`.
  const BitLanes<A> product = bits_as<BitLanes<A>>(series) + (bits_as<BitLanes<A>>(shifted) << E::mantissa);
  return x < E::least ? Lanes<A>{} : bits_as<Lanes<A>>(product);
}

// -|y|, by the sign bit.
template <typename A>
MONAI_GAN_INLINE Lanes<A> negative(const Lanes<A>& y) {
  return bits_as<Lanes<A>>(bits_as<BitLanes<A>>(y) | bits_as<BitLanes<A>>(all(A(-0.0))));
}

// y where it is positive and slope * y elsewhere; the derivative at 0 is the slope.
template <typename A>
struct PiecewiseLinear {
  static constexpr bool smooth = false;

  static MONAI_GAN_INLINE Lanes<A> value(const Lanes<A>& y, const Lanes<A>& slope) { return y > A(0) ? y : slope * y; }

  Lanes<A> first;

  MONAI_GAN_INLINE PiecewiseLinear(const Lanes<A>& y, const Lanes<A>& slope) : first(y > A(0) ? all(A(1)) : slope) {}
};

// SiLU: y s(y) with the sigmoid s. From e = exp(-|y|) both s and 1 - s come without cancellation or overflow.
template <typename A>
struct Smooth {
  static constexpr bool smooth = true;

  static MONAI_GAN_INLINE Lanes<A> value(const Lanes<A>& y, const Lanes<A>&) {
    const Lanes<A> e = exp_of_negative<A>(negative<A>(y));
    return y * ((y > A(0) ? all(A(1)) : e) / (e + A(1)));
  }

  Lanes<A> first, second;

  MONAI_GAN_INLINE Smooth(const Lanes<A>& y, const Lanes<A>&) {
    const Lanes<A> e = exp_of_negative<A>(negative<A>(y));
    const Lanes<A> large = A(1) / (e + A(1)), little = e * large;
    const Lanes<A> gate = y > A(0) ? large : little, rest = y > A(0) ? little : large;
    const Lanes<A> bump = large * little;
    first = gate + y * bump;
    second = bump * (A(2) + y * (rest - gate));
  }
};

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
