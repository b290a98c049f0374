#include "cpu/winograd.h"

#include <vector>

#include "cpu/huge_pages.h"
#include "cpu/isa.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

namespace {

constexpr std::int64_t kTile = 4, kPatch = 6, kKernel = 9;

// Where tile `index` begins.
struct Corner {
  std::int64_t sample, y, x;

  Corner(const Image& image, std::int64_t index) {
    const std::int64_t across = (image.width + kTile - 1) / kTile, down = (image.height + kTile - 1) / kTile;
    x = index % across * kTile;
    y = index / across % down * kTile;
    sample = index / across / down;
  }
};

// The pixels of a square of `size` from (y, x) on; `outside` stands for those that are not in the image.
template <typename T>
void pixels_of(const Image& image, T* data, std::int64_t sample, std::int64_t y, std::int64_t x, std::int64_t size,
               T* outside, T** pixels) {
  for (std::int64_t i = y; i < y + size; ++i) {
    for (std::int64_t j = x; j < x + size; ++j) {
      const bool inside = i >= 0 && i < image.height && j >= 0 && j < image.width;
      *pixels++ = inside ? data + ((sample * image.height + i) * image.width + j) * image.channels : outside;
    }
  }
}

// Working memory of many sizes comes and goes, of which the allocator keeps little.
void ask_for_huge_pages_early(float* start, std::int64_t elements) {
  ask_for_huge_pages(start, elements * std::int64_t{sizeof(float)}, std::int64_t{4} << 20);
}

std::int64_t threads_for(const WinogradTiles& tiles, std::int64_t threads) {
  return useful_threads(threads, tiles.count * tiles.image.channels * kTile * kTile);
}

}  // namespace

void winograd_patches(const WinogradTiles& tiles, const float* x, float* points, std::int64_t threads) {
  const Image& image = tiles.image;
  const std::vector<float> zeros(image.channels);
  const std::int64_t pitch = winograd_pitch(tiles.count, image.channels);
  parallel_for(threads_for(tiles, threads), tiles.count, [&](std::int64_t index, std::int64_t) {
    const Corner corner(image, tiles.first + index);
    const float* pixels[kPatch * kPatch];
    pixels_of(image, x, corner.sample, corner.y - 1, corner.x - 1, kPatch, zeros.data(), pixels);
    tables().winograd.patch(pixels, image.channels, points + index * image.channels, pitch);
  });
}

void winograd_kernels(const float* kernels, std::int64_t count, std::int64_t channels, bool turned, float* points,
                      std::int64_t threads) {
  const std::int64_t pitch = winograd_pitch(count, channels);
  ask_for_huge_pages_early(points, kPatch * kPatch * pitch);
  parallel_for(useful_threads(threads, count * channels * kKernel), count, [&](std::int64_t index, std::int64_t) {
    const float* taps[kKernel];
    for (std::int64_t k = 0; k < kKernel; ++k) {
      taps[k] = kernels + (index * kKernel + (turned ? kKernel - 1 - k : k)) * channels;
    }
    tables().winograd.kernel(taps, channels, points + index * channels, pitch);
  });
}

void winograd_results(const WinogradTiles& tiles, const float* points, const float* bias, float* y,
                      std::int64_t threads) {
  const Image& image = tiles.image;
  const std::int64_t pitch = winograd_pitch(tiles.count, image.channels), useful = threads_for(tiles, threads);
  std::vector<float> outside(useful * image.channels);
  if (tiles.first == 0) {
    ask_for_huge_pages_early(y, image.batch * image.height * image.width * image.channels);
  }
  parallel_for(useful, tiles.count, [&](std::int64_t index, std::int64_t thread) {
    const Corner corner(image, tiles.first + index);
    float* pixels[kTile * kTile];
    pixels_of(image, y, corner.sample, corner.y, corner.x, kTile, outside.data() + thread * image.channels, pixels);
    tables().winograd.result(points + index * image.channels, pitch, bias, image.channels, pixels);
  });
}

}  // namespace monai_gan::cpu
