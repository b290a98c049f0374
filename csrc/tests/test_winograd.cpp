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

std::vector<float> fast(const Image& image, const std::vector<float>& x, const Kernels& kernels,
                        const std::vector<float>& bias, std::int64_t threads) {
  const auto results = static_cast<std::int64_t>(bias.size());
  std::vector<float> transformed(cpu::winograd_size(image.channels, results));
  cpu::winograd_kernels({kernels.values.data(), kernels.count, kernels.channels, kernels.turned}, transformed.data(),
                        threads);
  std::vector<float> y(image.batch * image.height * image.width * results, -7.0F);
  cpu::winograd_convolve(image, results, x.data(), transformed.data(), bias.data(), y.data(), threads);
  return y;
}

void check_convolution(const Image& image, std::int64_t results, bool turned) {
  std::mt19937 generator(5);
  const std::int64_t count = turned ? image.channels : results, channels = turned ? results : image.channels;
  const Kernels kernels{count, channels, turned, normal<float>(generator, count * channels * 9)};
  const std::vector<float> x = normal<float>(generator, image.batch * image.height * image.width * image.channels);
  const std::vector<float> bias = normal<float>(generator, results);
  const std::vector<double> wanted = plain(image, x, kernels, bias);
  const std::string name = "winograd of " + std::to_string(image.height) + " x " + std::to_string(image.width) + ", " +
                           std::to_string(image.channels) + " to " + std::to_string(results) +
                           (turned ? ", turned" : "");
  const std::vector<float> got = fast(image, x, kernels, bias, 1);
  check_close(wide(got), wanted, Limits<float>::error * largest(wanted), name);
  check_same_bits(got, fast(image, x, kernels, bias, 3), name + ", whatever the threads");
}

}  // namespace

void test_winograd() {
  for (const bool turned : {false, true}) {
    check_convolution({1, 1, 1, 16}, 16, turned);
    check_convolution({2, 4, 8, 16}, 32, turned);
    check_convolution({3, 7, 5, 48}, 16, turned);
    check_convolution({1, 58, 33, 32}, 80, turned);
    check_convolution({1, 30, 29, 144}, 112, turned);
  }
}

}  // namespace monai_gan::tests
