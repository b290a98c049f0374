// CUDA's 16-bit types for compilers that lack them, rounding to nearest even.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

struct __half {
  std::uint16_t bits;
};

struct __nv_bfloat16 {
  std::uint16_t bits;
};

inline __half __float2half_rn(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (!(size < 65520.0f)) {
    return {static_cast<std::uint16_t>(sign | (std::isnan(value) ? 0x7e00 : 0x7c00))};
  }
  const int exponent = size < 0x1p-14f ? -14 : std::ilogb(size);
  // 10 bits after the point; a carry out of them is the next exponent, as it should be.
  const int mantissa = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  return {static_cast<std::uint16_t>(sign | (((exponent + 14) << 10) + mantissa))};
}

inline float __half2float(__half value) {
  const int exponent = (value.bits >> 10) & 0x1f;
  const int mantissa = value.bits & 0x3ff;
  float size = std::ldexp(static_cast<float>(mantissa + (exponent > 0 ? 1024 : 0)), (exponent > 0 ? exponent : 1) - 25);
  if (exponent == 31) {
    size = mantissa == 0 ? INFINITY : NAN;
  }
  return (value.bits & 0x8000) != 0 ? -size : size;
}

inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value)) {
    return {0x7fff};
  }
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

inline float __bfloat162float(__nv_bfloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}
