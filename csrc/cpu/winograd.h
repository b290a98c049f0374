// Convolutions with kernels of 3 x 3, a stride of 1 and a border of one zero, by minimal filtering (Winograd 1980; Lavin
// and Gray 2016, arXiv 1509.09308): results come in tiles of 4 x 4, for each of which 36 products per pair of channels
// stand in for 144. What is between the transforms, products of matrices, is the caller's.
//
// Images are (batch, height, width, channels) in memory, channels a multiple of kWinogradChannels. Tiles are counted
// along the width, then the height, then the batch. Values at points are (36, tiles or kernels, channels), planes
// winograd_pitch apart.
#pragma once

#include <cstdint>

namespace monai_gan::cpu {

constexpr std::int64_t kWinogradChannels = 16;

struct Image {
  std::int64_t batch, height, width, channels;
};

// Tiles first to first + count.
struct WinogradTiles {
  Image image;
  std::int64_t first, count;
};

// From plane to plane: were it a power of two, as most widths are, all planes would compete for the same lines of a
// cache.
constexpr std::int64_t winograd_pitch(std::int64_t rows, std::int64_t channels) { return rows * channels + 16; }

void winograd_patches(const WinogradTiles& tiles, const float* x, float* points, std::int64_t threads);

// kernels: (count, 3, 3, channels) in memory; turned by half a turn for the derivative of a convolution.
void winograd_kernels(const float* kernels, std::int64_t count, std::int64_t channels, bool turned, float* points,
                      std::int64_t threads);

// y is written where tiles lie within the image. bias: (channels).
void winograd_results(const WinogradTiles& tiles, const float* points, const float* bias, float* y,
                      std::int64_t threads);

}  // namespace monai_gan::cpu
