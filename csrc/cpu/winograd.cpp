#include "cpu/winograd.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/huge_pages.h"
#include "cpu/isa.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

namespace {

constexpr std::int64_t kTile = 4, kPatch = 6, kTaps = 9, kPoints = kPatch * kPatch;

// Numbers from point to point: were it a power of two, as most widths are, all points would compete for the same lines
// of a cache.
std::int64_t pitch_of(std::int64_t rows, std::int64_t columns) { return rows * columns + 16; }

// Memory of many sizes comes and goes here, of which an allocator keeps little.
void ask_for_huge_pages_early(float* start, std::int64_t elements) {
  ask_for_huge_pages(start, elements * std::int64_t{sizeof(float)}, std::int64_t{4} << 20);
}

// The tiles of a batch, counted along the width, then the height, then the samples.
struct Tiles {
  const Image& image;
  std::int64_t across = (image.width + kTile - 1) / kTile, down = (image.height + kTile - 1) / kTile;

  std::int64_t count() const { return image.batch * down * across; }

  // The pixels of the square of `size` that begins `border` before a tile, in data of some channels; `outside` stands
  // for those that are not in the image.
  template <typename T>
  void pixels(std::int64_t tile, std::int64_t border, std::int64_t size, T* data, std::int64_t channels, T* outside,
              T** found) const {
    const std::int64_t x = tile % across * kTile - border, y = tile / across % down * kTile - border;
    T* const sample = data + tile / across / down * image.height * image.width * channels;
    for (std::int64_t i = y; i < y + size; ++i) {
      for (std::int64_t j = x; j < x + size; ++j) {
        const bool inside = i >= 0 && i < image.height && j >= 0 && j < image.width;
        *found++ = inside ? sample + (i * image.width + j) * channels : outside;
      }
    }
  }
};

// Tiles that a thread takes through all steps before the next ones: as many as a second cache holds, but no fewer than
// it takes to read all kernels for.
std::int64_t tiles_at_a_time(std::int64_t count, std::int64_t channels, std::int64_t results, std::int64_t threads) {
  constexpr std::int64_t cache = 262144;
  const std::int64_t fewest = channels * results > 65536 ? 96 : 48;
  const std::int64_t most = std::max(cache / (kPoints * (channels + results)), fewest);
  const std::int64_t rounds = (count + most * threads - 1) / (most * threads) * threads;
  return (count + rounds - 1) / rounds;
}

}  // namespace

std::int64_t winograd_size(std::int64_t from, std::int64_t to) { return kPoints * pitch_of(from, to); }

void winograd_kernels(const WinogradKernelSet& kernels, float* transformed, std::int64_t threads) {
  constexpr std::int64_t side = kWinogradChannels;
  const std::int64_t from = kernels.from(), to = kernels.to(), pitch = pitch_of(from, to);
  const std::int64_t across = kernels.turned ? 1 : kTaps * kernels.channels, along = kernels.turned ? kTaps * to : 1;
  ask_for_huge_pages_early(transformed, winograd_size(from, to));
  const std::int64_t blocks = (from / side) * (to / side);
  parallel_for(useful_threads(threads, from * to * kTaps), blocks, [&](std::int64_t index, std::int64_t) {
    const std::int64_t c = index / (to / side) * side, k = index % (to / side) * side;
    // A square of channels and results, results along vectors.
    float taps[kTaps][side][side];
    for (std::int64_t tap = 0; tap < kTaps; ++tap) {
      const float* source = kernels.values + (kernels.turned ? kTaps - 1 - tap : tap) * kernels.channels;
      for (std::int64_t i = 0; i < side; ++i) {
        for (std::int64_t j = 0; j < side; ++j) {
          taps[tap][i][j] = source[(c + i) * along + (k + j) * across];
        }
      }
    }
    const std::int64_t slab = k / kWinogradSlab * kWinogradSlab, width = std::min(kWinogradSlab, to - slab);
    for (std::int64_t i = 0; i < side; ++i) {
      const float* rows[kTaps];
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        rows[tap] = taps[tap][i];
      }
      tables().winograd.kernel(rows, side, transformed + slab * from + (c + i) * width + k - slab, pitch);
    }
  });
}

void winograd_convolve(const Image& image, std::int64_t results, const float* x, const float* transformed,
                       const float* bias, float* y, std::int64_t threads) {
  const WinogradKernels& kernels = tables().winograd;
  const Tiles tiles{image};
  const std::int64_t channels = image.channels, count = tiles.count();
  const std::int64_t useful = useful_threads(threads, count * channels * kPoints);
  const std::int64_t size = tiles_at_a_time(count, channels, results, useful);
  const std::int64_t pitch = pitch_of(size, channels), product_pitch = pitch_of(size, results);
  const std::int64_t kernel_pitch = pitch_of(channels, results), each = kPoints * (pitch + product_pitch) + results;
  ask_for_huge_pages_early(y, image.batch * image.height * image.width * results);
  const std::vector<float> zeros(channels);
  const std::unique_ptr<float[]> scratch(new float[useful * each]);
  ask_for_huge_pages_early(scratch.get(), useful * each);
  parallel_for_any(useful, (count + size - 1) / size, [&](std::int64_t block, std::int64_t thread) {
    float* patches = scratch.get() + thread * each;
    float* products = patches + kPoints * pitch;
    float* outside = products + kPoints * product_pitch;
    const std::int64_t first = block * size, rows = std::min(size, count - first);
    for (std::int64_t i = 0; i < rows; ++i) {
      const float* pixels[kPoints];
      tiles.pixels(first + i, 1, kPatch, x, channels, zeros.data(), pixels);
      kernels.patch(pixels, channels, patches + i * channels, pitch);
    }
    for (std::int64_t p = 0; p < kPoints; ++p) {
      kernels.multiply(patches + p * pitch, rows, channels, transformed + p * kernel_pitch, results,
                       products + p * product_pitch);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      float* pixels[kTile * kTile];
      tiles.pixels(first + i, 0, kTile, y, results, outside, pixels);
      kernels.result(products + i * results, product_pitch, bias, results, pixels);
    }
  });
}

}  // namespace monai_gan::cpu
