// Philox4x32-10, the counter-based generator of Salmon et al. 2011: a function of counter and key alone, so that every
// backend draws the same numbers.
#pragma once

#include <array>
#include <cstdint>

namespace monai_gan::cpu {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

inline Counter philox(Counter counter, Key key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t even = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t odd = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(even)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

// A multiple of 2^-24 in [0, 1) for one sample.
inline float uniform(std::uint64_t seed, std::uint64_t offset, std::uint64_t sample) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  const Counter bits = philox({low(sample), high(sample), low(offset), high(offset)}, {low(seed), high(seed)});
  return static_cast<float>(bits[0] >> 8) * 0x1p-24F;
}

}  // namespace monai_gan::cpu
