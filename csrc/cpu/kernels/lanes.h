// Vectors of as many numbers as a register holds, with the usual operators on all lanes at once.
//
// GCC and Clang have such types for every processor. Elsewhere a vector has one lane, so the same sources compile.
// Everything is static: see tables.h.
#pragma once

#include <cstdint>
#include <cstring>

#ifndef MONAI_GAN_ONE_LANE
#define MONAI_GAN_VECTORS 1
#define MONAI_GAN_INLINE __attribute__((always_inline)) inline
#if defined(__AVX512F__)
#define MONAI_GAN_REGISTER 64
#elif defined(__AVX2__)
#define MONAI_GAN_REGISTER 32
#else
#define MONAI_GAN_REGISTER 16
#endif
#else
#define MONAI_GAN_INLINE inline
#endif

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

#ifdef MONAI_GAN_VECTORS
template <typename N, int count>
struct VectorOf {
  typedef N type __attribute__((vector_size(count * sizeof(N))));
};
template <typename A>
constexpr int kLanes = MONAI_GAN_REGISTER / sizeof(A);
#else
template <typename N, int count>
struct VectorOf {
  using type = N;
};
template <typename A>
constexpr int kLanes = 1;
#endif

template <typename A>
struct Unsigned;
template <>
struct Unsigned<float> {
  using type = std::uint32_t;
};
template <>
struct Unsigned<double> {
  using type = std::uint64_t;
};

template <typename A>
using Lanes = typename VectorOf<A, kLanes<A>>::type;
template <typename A>
using BitLanes = typename VectorOf<typename Unsigned<A>::type, kLanes<A>>::type;

template <typename To, typename From>
MONAI_GAN_INLINE To bits_as(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// value in every lane. Subtracting zero, not adding: -0 + 0 is +0.
template <typename A>
MONAI_GAN_INLINE Lanes<A> all(A value) {
  return value - Lanes<A>{};
}

// The sum of all lanes, by halves.
template <typename A, int count = kLanes<A>>
MONAI_GAN_INLINE A sum(const typename VectorOf<A, count>::type& lanes) {
  if constexpr (count == 1) {
    return bits_as<A>(lanes);
  } else {
    typename VectorOf<A, count / 2>::type halves[2];
    std::memcpy(halves, &lanes, sizeof halves);
    return sum<A, count / 2>(halves[0] + halves[1]);
  }
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
