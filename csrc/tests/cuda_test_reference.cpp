// The reference of the second derivatives against central differences of the first.
#include "tests/cuda_reference.h"

#include <functional>
#include <random>
#include <string>

#include "tests/cuda_report.h"

namespace monai_gan::cuda {

namespace {

constexpr Shape kShape{2, 4, 2, 3};
constexpr std::size_t kSize = 24;
constexpr double kEps = 0.1;  // large enough that its share in the derivatives shows

struct Point {
  Values grad;
  Values x;
  Values weight;
  Values bias;
};

Reference reference_at(const Point& at, bool smooth) {
  Reference reference{kShape, smooth, 0.2, Values(4), Values(4), at.weight, at.bias};
  const Values means = reference.means(at.x);
  const Values squares = reference.means(each(kSize, [&](std::size_t i) { return std::pow(at.x[i] - means[i], 2); }));
  for (std::size_t i = 0; i < kSize; ++i) {
    reference.mean[reference.group(i)] = means[i];
    reference.rstd[reference.group(i)] = 1 / std::sqrt(squares[i] + kEps);
  }
  return reference;
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

}  // namespace

void test_reference(Report& report) {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal;
  const auto draw = [&](std::size_t size) { return each(size, [&](std::size_t) { return normal(generator); }); };
  for (const bool smooth : {true, false}) {
    const Point at{draw(kSize), draw(kSize), draw(4), draw(4)};
    const Values v = draw(kSize);
    const Values p = draw(4);
    const Values s = draw(4);
    const auto loss = [&](const Point& point) {
      const std::vector<Values> first = backward_reference(reference_at(point, smooth), point.grad, point.x);
      return dot(v, first[0]) + dot(p, first[1]) + dot(s, first[2]);
    };
    const std::vector<Values> cotangents = double_backward_reference(reference_at(at, smooth), v, p, s, at.grad, at.x);
    Values Point::*const parts[] = {&Point::grad, &Point::x, &Point::weight, &Point::bias};
    for (std::size_t k = 0; k < 4; ++k) {
      double worst = 0;
      for (std::size_t i = 0; i < cotangents[k].size(); ++i) {
        constexpr double kStep = 1e-5;
        Point above = at;
        Point below = at;
        (above.*parts[k])[i] += kStep;
        (below.*parts[k])[i] -= kStep;
        worst = std::max(worst, std::abs((loss(above) - loss(below)) / (2 * kStep) - cotangents[k][i]));
      }
      report.expect(worst < 1e-6, std::string("reference, ") + (smooth ? "SiLU" : "LeakyReLU") + ", cotangent " +
                                      std::to_string(k) + ": off by " + std::to_string(worst));
    }
  }
}

}  // namespace monai_gan::cuda
