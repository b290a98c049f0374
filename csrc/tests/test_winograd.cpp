#include "cpu/winograd.h"

#include "tests/check.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

using cpu::Image;

// Kernels (count, 3, 3, channels): from channels to count, or turned and back if `turned`.
struct Kernels {
  std::int64_t count, channels;
  bool turned;
  std::vector<float> values;

  double at(std::int64_t result, std::int64_t channel, std::int64_t i, std::int64_t j) const {
    const std::int64_t row = turned ? channel : result, column = turned ? result : channel;
    const std::int64_t tap = turned ? 8 - (3 * i + j) : 3 * i + j;
    return values[(row * 9 + tap) * channels + column];
  }
};

std::vector<double> plain(const Image& image, const std::vector<float>& x, const Kernels& kernels,
                          const std::vector<float>& bias) {
  std::vector<double> y;
  for (std::int64_t pixel = 0; pixel < image.batch * image.height * image.width; ++pixel) {
    const std::int64_t column = pixel % image.width, row = pixel / image.width % image.height;
    for (std::size_t k = 0; k < bias.size(); ++k) {
      double sum = bias[k];
      for (std::int64_t i = -1; i <= 1; ++i) {
        for (std::int64_t j = -1; j <= 1; ++j) {
          const bool inside = row + i >= 0 && row + i < image.height && column + j >= 0 && column + j < image.width;
          for (std::int64_t c = 0; inside && c < image.channels; ++c) {
            const double value = x[(pixel + i * image.width + j) * image.channels + c];
            sum += value * kernels.at(static_cast<std::int64_t>(k), c, i + 1, j + 1);
          }
        }
      }
      y.push_back(sum);
    }
  }
  return y;
}

// In pieces of `size` tiles.
std::vector<float> fast(const Image& image, const std::vector<float>& x, const Kernels& kernels,
                        const std::vector<float>& bias, std::int64_t size, std::int64_t threads) {
  constexpr std::int64_t points = 36;
  Image results = image;
  results.channels = static_cast<std::int64_t>(bias.size());
  const std::int64_t kernel_pitch = cpu::winograd_pitch(kernels.count, kernels.channels);
  std::vector<float> transformed(points * kernel_pitch);
  cpu::winograd_kernels(kernels.values.data(), kernels.count, kernels.channels, kernels.turned, transformed.data(),
                        threads);
  std::vector<float> y(image.batch * image.height * image.width * results.channels, -7.0F);
  const std::int64_t tiles = image.batch * ((image.height + 3) / 4) * ((image.width + 3) / 4);
  for (std::int64_t first = 0; first < tiles; first += size) {
    const std::int64_t count = std::min(size, tiles - first);
    const std::int64_t pitch = cpu::winograd_pitch(count, image.channels);
    const std::int64_t product_pitch = cpu::winograd_pitch(count, results.channels);
    std::vector<float> values(points * pitch), products(points * product_pitch);
    cpu::winograd_patches({image, first, count}, x.data(), values.data(), threads);
    for (std::int64_t p = 0; p < points; ++p) {
      for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t k = 0; k < results.channels; ++k) {
          double sum = 0;
          for (std::int64_t c = 0; c < image.channels; ++c) {
            const std::int64_t row = kernels.turned ? c : k, column = kernels.turned ? k : c;
            sum += double(values[p * pitch + t * image.channels + c]) *
                   transformed[p * kernel_pitch + row * kernels.channels + column];
          }
          products[p * product_pitch + t * results.channels + k] = static_cast<float>(sum);
        }
      }
    }
    cpu::winograd_results({results, first, count}, products.data(), bias.data(), y.data(), threads);
  }
  return y;
}

void check_convolution(const Image& image, std::int64_t results, bool turned, std::int64_t size, std::int64_t threads) {
  std::mt19937 generator(5);
  const std::int64_t count = turned ? image.channels : results, channels = turned ? results : image.channels;
  const Kernels kernels{count, channels, turned, normal<float>(generator, count * channels * 9)};
  const std::vector<float> x = normal<float>(generator, image.batch * image.height * image.width * image.channels);
  const std::vector<float> bias = normal<float>(generator, results);
  const std::vector<double> wanted = plain(image, x, kernels, bias);
  const std::string name = "winograd of " + std::to_string(image.height) + " x " + std::to_string(image.width) +
                           (turned ? ", turned" : "") + ", " + std::to_string(size) + " tiles at a time";
  const std::vector<float> got = fast(image, x, kernels, bias, size, threads);
  check_close(wide(got), wanted, Limits<float>::error * largest(wanted), name);
  check_same_bits(got, fast(image, x, kernels, bias, size, 1), name + ", whatever the threads");
}

}  // namespace

void test_winograd() {
  for (const bool turned : {false, true}) {
    check_convolution({1, 1, 1, 16}, 16, turned, 1, 1);
    check_convolution({2, 4, 8, 16}, 32, turned, 3, 2);
    check_convolution({3, 7, 5, 48}, 16, turned, 100, 3);
    check_convolution({1, 18, 33, 32}, 32, turned, 20, 3);
  }
}

}  // namespace monai_gan::tests
