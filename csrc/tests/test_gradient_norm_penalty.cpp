#include <limits>

#include "cpu/gradient_norm_penalty.h"
#include "tests/check.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

using cpu::Penalty;
using cpu::PenaltyKind;

// What the three functions compute, row by row in float64.
struct Reference {
  std::vector<double> penalty, norms, gradient, to_out_grad, to_grad;

  Reference(const cpu::Rows& rows, const Penalty& penalty_of, const std::vector<double>& grad,
            const std::vector<double>& u, double out_grad)
      : penalty(1), to_out_grad(1) {
    const auto& [kind, weight, target] = penalty_of;
    const double share = weight / double(rows.batch);
    for (std::int64_t row = 0; row < rows.batch; ++row) {
      double squares = 0, inner = 0;
      for (std::int64_t i = row * rows.inner; i < (row + 1) * rows.inner; ++i) {
        squares += grad[i] * grad[i];
        inner += grad[i] * u[i];
      }
      const double n = std::sqrt(squares);
      norms.push_back(n);
      double s = share, curvature = 0;
      if (kind == PenaltyKind::zero_centred) {
        penalty[0] += share * squares / 2;
      } else {
        const bool counts = kind == PenaltyKind::two_sided || !(n <= target);
        penalty[0] += counts ? share * (n - target) * (n - target) : 0;
        s = counts && n != 0 ? 2 * share * (1 - target / n) : 0;
        curvature = counts && n != 0 ? 2 * share * target / (n * n * n) * inner : 0;
      }
      to_out_grad[0] += s * inner;
      for (std::int64_t i = row * rows.inner; i < (row + 1) * rows.inner; ++i) {
        gradient.push_back(out_grad * s * grad[i]);
        to_grad.push_back(out_grad * (s * u[i] + curvature * grad[i]));
      }
    }
  }
};

template <typename T>
void compare(const std::vector<T>& got, const std::vector<double>& wanted, const std::string& what) {
  check_close(wide(got), wanted, largest(wanted) * (Limits<T>::rounding + Limits<T>::error) + 1e-300, what);
}

template <typename T>
void check_rows(const cpu::Rows& rows, const Penalty& penalty, const std::vector<T>& grad, std::int64_t threads) {
  using A = accumulator_t<T>;
  std::mt19937 generator(11);
  const std::vector<T> u = normal<T>(generator, rows.elements());
  const A out_grad = 1.5;
  std::vector<A> value(1), norms(rows.batch), to_out_grad(1);
  std::vector<T> gradient(grad.size()), to_grad(grad.size());
  cpu::penalty_forward<T>(rows, penalty, grad.data(), value.data(), norms.data(), threads);
  cpu::penalty_backward<T>(rows, penalty, &out_grad, grad.data(), norms.data(), gradient.data(), threads);
  cpu::penalty_double_backward<T>(rows, penalty, u.data(), &out_grad, grad.data(), norms.data(), to_out_grad.data(),
                                  to_grad.data(), threads);
  const Reference reference(rows, penalty, wide(grad), wide(u), out_grad);
  const std::string name = std::string(Limits<T>::name) + " penalty " +
                           std::to_string(static_cast<int>(penalty.kind)) + " of " + std::to_string(rows.batch) +
                           " x " + std::to_string(rows.inner) + ": ";
  compare(value, reference.penalty, name + "value");
  compare(norms, reference.norms, name + "norms");
  compare(gradient, reference.gradient, name + "gradient");
  compare(to_out_grad, reference.to_out_grad, name + "to_out_grad");
  compare(to_grad, reference.to_grad, name + "to_grad");
}

template <typename T>
void check_type() {
  std::mt19937 generator(5);
  for (PenaltyKind kind : {PenaltyKind::two_sided, PenaltyKind::one_sided, PenaltyKind::zero_centred}) {
    for (const cpu::Rows& rows : {cpu::Rows{1, 1}, cpu::Rows{3, 17}, cpu::Rows{2, 40001}, cpu::Rows{70, 300}}) {
      // The target lies among the norms, so that one-sided penalties see both sides, and apart from each of them.
      const Penalty penalty{kind, 10.0, 0.7 * std::sqrt(double(rows.inner))};
      std::vector<T> grad = normal<T>(generator, rows.elements());
      for (std::int64_t i = 0; i < rows.elements(); ++i) {
        grad[i] = narrow<T>(widen(grad[i]) * (i / rows.inner % 2 == 0 ? 0.4 : 1.0));
      }
      check_rows(rows, penalty, grad, 1);
      std::fill_n(grad.begin(), rows.inner, narrow<T>(0));  // a norm of zero
      check_rows(rows, penalty, grad, 3);
      grad[0] = narrow<T>(std::numeric_limits<double>::quiet_NaN());
      check_rows(rows, penalty, grad, 3);
    }
  }
}

// Squares of these leave the range of float32; the norm does not.
void check_range() {
  for (float size : {1e-25F, 1e-18F, 1e25F}) {
    for (std::int64_t inner : {4, 10000}) {
      const std::vector<float> grad(inner, size);
      float value, norm;
      cpu::penalty_forward<float>({1, inner}, {PenaltyKind::two_sided, 1.0, 0.0}, grad.data(), &value, &norm, 1);
      const float wanted = std::sqrt(static_cast<float>(inner)) * size;
      check(std::fabs(norm / wanted - 1) < 1e-6F, "norm of huge and of tiny numbers");
    }
  }
}

}  // namespace

void test_gradient_norm_penalty() {
  check_type<float>();
  check_type<double>();
  check_type<bfloat16>();
  check_range();
}

}  // namespace monai_gan::tests
