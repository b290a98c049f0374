// Convolutions with kernels of 3 x 3, a stride of 1 and a border of one zero, by minimal filtering (Winograd 1980; Lavin
// and Gray 2016, arXiv 1509.09308): results come in tiles of 4 x 4, for each of which 36 products per pair of channels
// stand in for 144.
//
// Images are (batch, height, width, channels) in memory. Channels and results are multiples of kWinogradChannels.
#pragma once

#include <cstdint>

namespace monai_gan::cpu {

constexpr std::int64_t kWinogradChannels = 16;

struct Image {
  std::int64_t batch, height, width, channels;
};

// Kernels (count, 3, 3, channels) in memory, from channels to count; turned by half a turn and from count to channels
// for the derivative of a convolution.
struct WinogradKernelSet {
  const float* values;
  std::int64_t count, channels;
  bool turned;

  std::int64_t from() const { return turned ? count : channels; }
  std::int64_t to() const { return turned ? channels : count; }
};

// Numbers that transformed kernels take.
std::int64_t winograd_size(std::int64_t from, std::int64_t to);

void winograd_kernels(const WinogradKernelSet& kernels, float* transformed, std::int64_t threads);

// bias: (results); y: (batch, height, width, results).
void winograd_convolve(const Image& image, std::int64_t results, const float* x, const float* transformed,
                       const float* bias, float* y, std::int64_t threads);

}  // namespace monai_gan::cpu
