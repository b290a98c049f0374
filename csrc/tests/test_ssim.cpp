#include <limits>

#include "cpu/ssim.h"
#include "tests/check.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

using cpu::SsimOptions;
using cpu::Volumes;

std::vector<double> window_of(std::int64_t size, double sigma) {
  std::vector<double> values;
  double total = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    values.push_back(std::exp(-0.5 * std::pow((double(i) - 0.5 * double(size - 1)) / sigma, 2)));
    total += values.back();
  }
  for (double& value : values) {
    value /= total;
  }
  return values;
}

// The definition, window by window in float64, and its gradient by the chain rule at each window.
struct Reference {
  std::vector<double> similarity, contrast, grad_x, grad_y;

  Reference(const Volumes& v, const SsimOptions& o, const std::vector<double>& x, const std::vector<double>& y,
            double to_similarity, double to_contrast)
      : similarity(v.count), contrast(v.count), grad_x(x.size()), grad_y(y.size()) {
    std::vector<double> window[3];
    for (int axis = 0; axis < 3; ++axis) {
      window[axis] = window_of(o.size[axis], o.sigma[axis]);
    }
    const std::int64_t depth = v.depth - o.size[0] + 1, height = v.height - o.size[1] + 1;
    const std::int64_t width = v.width - o.size[2] + 1;
    const double share = 1 / double(depth * height * width);
    for (std::int64_t n = 0; n < v.count; ++n) {
      for (std::int64_t at = 0; at < depth * height * width; ++at) {
        const std::int64_t start =
            ((n * v.depth + at / (height * width)) * v.height + at / width % height) * v.width + at % width;
        const auto each = [&](const auto& body) {
          for (std::int64_t i = 0; i < o.size[0]; ++i) {
            for (std::int64_t j = 0; j < o.size[1]; ++j) {
              for (std::int64_t k = 0; k < o.size[2]; ++k) {
                body(start + (i * v.height + j) * v.width + k, window[0][i] * window[1][j] * window[2][k]);
              }
            }
          }
        };
        double mx = 0, my = 0, vx = 0, vy = 0, both = 0;
        each([&](std::int64_t p, double w) { mx += w * x[p], my += w * y[p]; });
        each([&](std::int64_t p, double w) {
          vx += w * (x[p] - mx) * (x[p] - mx);
          vy += w * (y[p] - my) * (y[p] - my);
          both += w * (x[p] - mx) * (y[p] - my);
        });
        const double b1 = mx * mx + my * my + o.c1, b2 = vx + vy + o.c2;
        const double l = (2 * mx * my + o.c1) / b1, cs = (2 * both + o.c2) / b2;
        similarity[n] += share * l * cs;
        contrast[n] += share * cs;
        const double g_l = share * to_similarity * cs, g_cs = share * (to_similarity * l + to_contrast);
        each([&](std::int64_t p, double w) {
          grad_x[p] += w * (g_l * 2 * (my - l * mx) / b1 + g_cs * 2 * ((y[p] - my) - cs * (x[p] - mx)) / b2);
          grad_y[p] += w * (g_l * 2 * (mx - l * my) / b1 + g_cs * 2 * ((x[p] - mx) - cs * (y[p] - my)) / b2);
        });
      }
    }
  }
};

template <typename T>
void compare(const std::vector<T>& got, const std::vector<double>& wanted, const std::string& what) {
  check_close(wide(got), wanted, largest(wanted) * (Limits<T>::rounding + Limits<T>::error) + 1e-300, what);
}

template <typename T>
struct Results {
  std::vector<accumulator_t<T>> similarity, contrast;
  std::vector<T> grad_x, grad_y, alone;

  Results(const Volumes& v, const SsimOptions& o, const std::vector<T>& x, const std::vector<T>& y,
          accumulator_t<T> to_similarity, accumulator_t<T> to_contrast, std::int64_t threads)
      : similarity(v.count), contrast(v.count), grad_x(x.size()), grad_y(y.size()), alone(x.size()) {
    const std::vector<accumulator_t<T>> g(v.count, to_similarity), h(v.count, to_contrast);
    cpu::ssim_forward<T>(v, o, x.data(), y.data(), similarity.data(), contrast.data(), threads);
    // As long as it has to be, so that a sanitizer sees what lies beyond.
    std::vector<accumulator_t<T>> for_both(cpu::ssim_workspace(v, o, true, threads));
    std::vector<accumulator_t<T>> for_one(cpu::ssim_workspace(v, o, false, threads));
    cpu::ssim_backward<T>(v, o, g.data(), h.data(), x.data(), y.data(), grad_x.data(), grad_y.data(), for_both.data(),
                          threads);
    cpu::ssim_backward<T>(v, o, g.data(), h.data(), y.data(), x.data(), alone.data(), nullptr, for_one.data(),
                          threads);
  }
};

constexpr double kUniform = std::numeric_limits<double>::infinity();

template <typename T>
void check_type() {
  std::mt19937 generator(7);
  const std::pair<Volumes, SsimOptions> cases[] = {
      {{1, 1, 1, 1}, {{1, 1, 1}, {1.5, 1.5, 1.5}, 1e-4, 9e-4}},
      {{3, 1, 5, 7}, {{1, 3, 3}, {1.5, 1.5, 1.0}, 1e-4, 9e-4}},
      {{2, 1, 29, 40}, {{1, 11, 11}, {1.5, 1.5, 1.5}, 1e-4, 9e-4}},
      {{1, 1, 70, 19}, {{1, 4, 7}, {kUniform, kUniform, kUniform}, 1e-2, 9e-2}},
      {{2, 6, 7, 9}, {{3, 4, 5}, {1.5, 0.7, 2.0}, 1e-4, 9e-4}},
      {{1, 33, 5, 4}, {{5, 5, 1}, {1.5, 1.5, 1.5}, 1e-4, 9e-4}},
      {{5, 3, 3, 3}, {{3, 3, 3}, {kUniform, kUniform, kUniform}, 1e-4, 9e-4}},
      {{1, 40, 3, 50}, {{1, 3, 11}, {1.5, 1.5, 1.5}, 1e-4, 9e-4}},
  };
  for (const auto& [volumes, options] : cases) {
    const std::int64_t size = volumes.count * volumes.depth * volumes.height * volumes.width;
    std::vector<T> x = normal<T>(generator, size, 0.5, 0.3), y = normal<T>(generator, size, 0.4, 0.3);
    const std::string name = std::string(Limits<T>::name) + " similarity of " + std::to_string(volumes.count) + " x " +
                             std::to_string(volumes.depth) + " x " + std::to_string(volumes.height) + " x " +
                             std::to_string(volumes.width) + ": ";
    for (std::int64_t i = 1; i < size; i += 2) {
      y[i] = x[i];  // alike, and not the same
    }
    const Reference wanted(volumes, options, wide(x), wide(y), 1.5, -0.5);
    const Results<T> one(volumes, options, x, y, 1.5, -0.5, 1), three(volumes, options, x, y, 1.5, -0.5, 3);
    compare(one.similarity, wanted.similarity, name + "similarity");
    compare(one.contrast, wanted.contrast, name + "contrast");
    compare(one.grad_x, wanted.grad_x, name + "grad_x");
    compare(one.grad_y, wanted.grad_y, name + "grad_y");
    compare(one.alone, wanted.grad_y, name + "grad_y alone");
    check_same_bits(one.similarity, three.similarity, name + "threads change the similarity");
    check_same_bits(one.contrast, three.contrast, name + "threads change the contrast");
    check_same_bits(one.grad_x, three.grad_x, name + "threads change the gradient of x");
    check_same_bits(one.grad_y, three.grad_y, name + "threads change the gradient of y");
  }
}

// A large mean costs no digits: float32 has none left of the squares themselves.
void check_large_mean() {
  std::mt19937 generator(9);
  const Volumes volumes{1, 1, 24, 24};
  const SsimOptions options{{1, 11, 11}, {1.5, 1.5, 1.5}, 1e-4, 9e-4};
  const std::vector<float> x = normal<float>(generator, 576, 3000, 0.3), y = normal<float>(generator, 576, 3000, 0.3);
  const Reference wanted(volumes, options, wide(x), wide(y), 1, 0);
  const Results<float> got(volumes, options, x, y, 1, 0, 2);
  check_close(wide(got.similarity), wanted.similarity, 1e-5, "similarity around 3000");
  check_close(wide(got.grad_x), wanted.grad_x, 1e-4 * largest(wanted.grad_x), "gradient around 3000");
}

// A NaN reaches its own volume, and only the positions that share a window with it.
void check_nan() {
  const Volumes volumes{2, 1, 8, 30};
  const SsimOptions options{{1, 3, 3}, {1.5, 1.5, 1.5}, 1e-4, 9e-4};
  std::mt19937 generator(3);
  std::vector<float> x = normal<float>(generator, 480), y = normal<float>(generator, 480);
  x[0] = std::numeric_limits<float>::quiet_NaN();
  const Results<float> got(volumes, options, x, y, 1, 1, 1);
  check(std::isnan(got.similarity[0]) && !std::isnan(got.similarity[1]), "NaN in the similarity of its volume");
  bool ok = true;
  for (std::int64_t i = 0; i < 480; ++i) {
    ok = ok && std::isnan(got.grad_x[i]) == (i < 240 && i / 30 < 3 && i % 30 < 3);
  }
  check(ok, "NaN in the gradient where its windows reach");
}

}  // namespace

void test_ssim() {
  check_type<float>();
  check_type<double>();
  check_type<bfloat16>();
  check_large_mean();
  check_nan();
}

}  // namespace monai_gan::tests
