// Vectors from and to memory of any alignment.
#pragma once

#include "cpu/kernels/lanes.h"
#include "cpu/types.h"

#if defined(__x86_64__) && defined(MONAI_GAN_VECTORS)
#define MONAI_GAN_X86_64 1
#include <immintrin.h>
#endif

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

#ifdef MONAI_GAN_VECTORS
#define MONAI_GAN_CONVERT(lanes, type) __builtin_convertvector(lanes, type)
#define MONAI_GAN_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define MONAI_GAN_CONVERT(lanes, type) static_cast<type>(lanes)
#define MONAI_GAN_PREFETCH(address) static_cast<void>(address)
#endif

// A vector of Lanes<accumulator_t<T>> as it lies in memory.
template <typename T>
struct Stored {
  using type = Lanes<T>;
};
template <>
struct Stored<bfloat16> {
  using type = VectorOf<std::uint16_t, kLanes<float>>::type;
};
using Halves = Stored<bfloat16>::type;
using Words = BitLanes<float>;

// 16 bits to 32 and back: the general conversion takes GCC several instructions.
#if defined(MONAI_GAN_X86_64) && defined(__AVX512F__)
constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns of uninitialised memory inside the others
MONAI_GAN_INLINE Words widen(const Halves& halves) {
  return bits_as<Words>(_mm512_maskz_cvtepu16_epi32(kAll, bits_as<__m256i>(halves)));
}
MONAI_GAN_INLINE Halves narrow(const Words& words) {
  return bits_as<Halves>(_mm512_maskz_cvtepi32_epi16(kAll, bits_as<__m512i>(words)));
}
#elif defined(MONAI_GAN_X86_64) && defined(__AVX2__)
MONAI_GAN_INLINE Words widen(const Halves& halves) {
  return bits_as<Words>(_mm256_cvtepu16_epi32(bits_as<__m128i>(halves)));
}
MONAI_GAN_INLINE Halves narrow(const Words& words) {
  __m128i parts[2];
  std::memcpy(parts, &words, sizeof parts);
  return bits_as<Halves>(_mm_packus_epi32(parts[0], parts[1]));
}
#else
MONAI_GAN_INLINE Words widen(const Halves& halves) { return MONAI_GAN_CONVERT(halves, Words); }
MONAI_GAN_INLINE Halves narrow(const Words& words) { return MONAI_GAN_CONVERT(words, Halves); }
#endif

MONAI_GAN_INLINE Lanes<float> decode(const Lanes<float>& lanes) { return lanes; }
MONAI_GAN_INLINE Lanes<double> decode(const Lanes<double>& lanes) { return lanes; }
MONAI_GAN_INLINE Lanes<float> decode(const Halves& halves) { return bits_as<Lanes<float>>(widen(halves) << 16); }

// bfloat16: to the nearest, ties to even; a NaN stays one and becomes quiet.
template <typename T>
MONAI_GAN_INLINE typename Stored<T>::type encode(const Lanes<accumulator_t<T>>& lanes) {
  if constexpr (sizeof(T) == sizeof(accumulator_t<T>)) {
    return lanes;
  } else {
    const Words words = bits_as<Words>(lanes);
    const Words rounded = (words + 0x7fffU + ((words >> 16) & 1U)) >> 16;
    const Words quiet = (words >> 16) | 0x40U;
    return narrow(lanes == lanes ? rounded : quiet);
  }
}

template <typename T>
MONAI_GAN_INLINE Lanes<accumulator_t<T>> load(const T* from) {
  typename Stored<T>::type stored;
  std::memcpy(&stored, from, sizeof stored);
  return decode(stored);
}

template <typename T>
MONAI_GAN_INLINE void store(T* to, const Lanes<accumulator_t<T>>& lanes) {
  const typename Stored<T>::type stored = encode<T>(lanes);
  std::memcpy(to, &stored, sizeof stored);
}

// The same past the caches where the processor can: see cpu/past_caches.h. `to` is aligned to the vector; finish_stream
// has to follow before another thread reads.
template <typename T>
MONAI_GAN_INLINE void stream(T* to, const Lanes<accumulator_t<T>>& lanes) {
#if defined(MONAI_GAN_X86_64)
  const typename Stored<T>::type stored = encode<T>(lanes);
  constexpr int size = sizeof stored;
#if defined(__AVX512F__)
  if constexpr (size == 64) {
    return _mm512_stream_si512(reinterpret_cast<__m512i*>(to), bits_as<__m512i>(stored));
  }
#endif
#if defined(__AVX2__)
  if constexpr (size == 32) {
    return _mm256_stream_si256(reinterpret_cast<__m256i*>(to), bits_as<__m256i>(stored));
  }
#endif
  if constexpr (size == 16) {
    return _mm_stream_si128(reinterpret_cast<__m128i*>(to), bits_as<__m128i>(stored));
  } else if constexpr (size == 8) {
    return _mm_stream_si64(reinterpret_cast<long long*>(to), bits_as<long long>(stored));
  }
#else
  store(to, lanes);
#endif
}

MONAI_GAN_INLINE void finish_stream() {
#if defined(MONAI_GAN_X86_64)
  _mm_sfence();
#endif
}

template <bool past_caches, typename T>
MONAI_GAN_INLINE void put(T* to, const Lanes<accumulator_t<T>>& lanes) {
  if constexpr (past_caches) {
    stream(to, lanes);
  } else {
    store(to, lanes);
  }
}

// Fewer numbers than a vector has; the other lanes are zero.
template <typename T>
MONAI_GAN_INLINE Lanes<accumulator_t<T>> load_part(const T* from, std::int64_t count) {
#if defined(MONAI_GAN_X86_64) && defined(__AVX512F__)
  const unsigned mask = (1U << count) - 1;
  typename Stored<T>::type stored;
  if constexpr (sizeof(T) == 8) {
    stored = bits_as<decltype(stored)>(_mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask), from));
  } else if constexpr (sizeof(T) == 4) {
    stored = bits_as<decltype(stored)>(_mm512_maskz_loadu_epi32(static_cast<__mmask16>(mask), from));
  } else {
    stored = bits_as<decltype(stored)>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), from));
  }
  return decode(stored);
#else
  T part[kLanes<accumulator_t<T>>] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    part[i] = from[i];
  }
  return load(part);
#endif
}

template <typename T>
MONAI_GAN_INLINE void store_part(T* to, const Lanes<accumulator_t<T>>& lanes, std::int64_t count) {
#if defined(MONAI_GAN_X86_64) && defined(__AVX512F__)
  const unsigned mask = (1U << count) - 1;
  const typename Stored<T>::type stored = encode<T>(lanes);
  if constexpr (sizeof(T) == 8) {
    _mm512_mask_storeu_epi64(to, static_cast<__mmask8>(mask), bits_as<__m512i>(stored));
  } else if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_epi32(to, static_cast<__mmask16>(mask), bits_as<__m512i>(stored));
  } else {
    _mm256_mask_storeu_epi16(to, static_cast<__mmask16>(mask), bits_as<__m256i>(stored));
  }
#else
  T part[kLanes<accumulator_t<T>>];
  store(part, lanes);
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = part[i];
  }
#endif
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
