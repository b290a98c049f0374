// Element types for the tests: names, tolerances, conversions, random numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cpu/types.h"

namespace monai_gan::tests {

using cpu::accumulator_t;
using cpu::bfloat16;

inline double widen(float value) { return value; }
inline double widen(double value) { return value; }
inline double widen(bfloat16 value) {
  const std::uint32_t bits = std::uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

template <typename T>
T narrow(double value) {
  return static_cast<T>(value);
}
template <>
inline bfloat16 narrow<bfloat16>(double value) {
  const float single = static_cast<float>(value);
  std::uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  if (std::isnan(single)) {
    return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  }
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// `rounding` is that of one result, `error` what its computation may add, both relative to the largest result.
template <typename T>
struct Limits;
template <>
struct Limits<float> {
  static constexpr double rounding = 6e-8, error = 1e-5;
  static constexpr char name[] = "float32";
};
template <>
struct Limits<double> {
  static constexpr double rounding = 1e-16, error = 1e-12;
  static constexpr char name[] = "float64";
};
template <>
struct Limits<bfloat16> {
  static constexpr double rounding = 4e-3, error = 1e-5;
  static constexpr char name[] = "bfloat16";
};

template <typename T>
std::vector<double> wide(const std::vector<T>& values) {
  std::vector<double> result;
  result.reserve(values.size());
  for (const T& value : values) {
    result.push_back(widen(value));
  }
  return result;
}

inline double largest(const std::vector<double>& values) {
  double result = 0;
  for (double value : values) {
    result = std::fmax(result, std::fabs(value));
  }
  return result;
}

template <typename T>
std::vector<T> normal(std::mt19937& generator, std::int64_t count, double mean = 0, double deviation = 1) {
  std::normal_distribution<double> distribution(mean, deviation);
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    result.push_back(narrow<T>(distribution(generator)));
  }
  return result;
}

}  // namespace monai_gan::tests
