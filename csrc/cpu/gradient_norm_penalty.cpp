// With B rows g, their norms n, weight w and target k, the penalty's gradient is s g and its derivative along u
//
//   s u + 2 w k / (B n^3) <g, u> g
//
// where s is 2 w / B (1 - k / n), or w / B without the second term if zero-centred. One-sided penalties count rows with
// n > k only; where n is 0 both terms of the first two kinds are 0.
#include "cpu/gradient_norm_penalty.h"

#include <cmath>
#include <vector>

#include "cpu/isa.h"

namespace monai_gan::cpu {

namespace {

template <typename T>
const RowKernels<T>& kernels() {
  return tables().rows;
}

// sum(start, elements) of each row, in pieces.
template <typename Sum>
std::vector<double> row_sums(const Rows& rows, std::int64_t threads, const Sum& sum) {
  const RowChunks chunks(rows);
  std::vector<double> parts(chunks.count()), totals(rows.batch, 0.0);
  chunks.for_each(threads, [&](std::int64_t chunk, std::int64_t, std::int64_t start, std::int64_t elements) {
    parts[chunk] = sum(start, elements);
  });
  for (std::int64_t chunk = 0; chunk < chunks.count(); ++chunk) {
    totals[chunk / chunks.per_row()] += parts[chunk];
  }
  return totals;
}

// Whether a row of norm n counts for nothing. False for NaN, which has to come through.
bool silent(const Penalty& penalty, double n) {
  switch (penalty.kind) {
    case PenaltyKind::two_sided:
      return n == 0;
    case PenaltyKind::one_sided:
      return n == 0 || n <= penalty.target;
    default:
      return false;
  }
}

// s, the ratio of the penalty's gradient to the row.
double factor(const Rows& rows, const Penalty& penalty, double n) {
  const double share = penalty.weight / double(rows.batch);
  if (penalty.kind == PenaltyKind::zero_centred) {
    return share;
  }
  return silent(penalty, n) ? 0.0 : 2 * share * (1 - penalty.target / n);
}

// 2 w k / (B n^3) <g, u>
double curvature(const Rows& rows, const Penalty& penalty, double n, double dot) {
  if (penalty.kind == PenaltyKind::zero_centred || silent(penalty, n)) {
    return 0.0;
  }
  return 2 * penalty.weight * penalty.target / double(rows.batch) * (dot / n / n / n);
}

}  // namespace

template <typename T>
void penalty_forward(const Rows& rows, const Penalty& penalty, const T* grad, accumulator_t<T>* value,
                     accumulator_t<T>* norms, std::int64_t threads) {
  const auto sum = kernels<T>().squares;
  const std::vector<double> squares = row_sums(
      rows, threads, [&](std::int64_t start, std::int64_t elements) { return sum(grad + start, elements); });
  double total = 0;
  for (std::int64_t row = 0; row < rows.batch; ++row) {
    const double n = std::sqrt(squares[row]);
    norms[row] = static_cast<accumulator_t<T>>(n);
    if (penalty.kind == PenaltyKind::zero_centred) {
      total += squares[row] / 2;
    } else if (penalty.kind == PenaltyKind::two_sided || !(n <= penalty.target)) {
      total += (n - penalty.target) * (n - penalty.target);
    }
  }
  *value = static_cast<accumulator_t<T>>(penalty.weight * (total / double(rows.batch)));
}

template <typename T>
void penalty_backward(const Rows& rows, const Penalty& penalty, const accumulator_t<T>* out_grad, const T* grad,
                      const accumulator_t<T>* norms, T* out, std::int64_t threads) {
  const auto scale = kernels<T>().scale;
  const bool past_caches = rows.past_caches(2, out);
  RowChunks(rows).for_each(threads, [&](std::int64_t, std::int64_t row, std::int64_t start, std::int64_t elements) {
    const double s = *out_grad * factor(rows, penalty, norms[row]);
    scale(grad + start, static_cast<accumulator_t<T>>(s), out + start, elements, past_caches);
  });
}

template <typename T>
void penalty_double_backward(const Rows& rows, const Penalty& penalty, const T* u, const accumulator_t<T>* out_grad,
                             const T* grad, const accumulator_t<T>* norms, accumulator_t<T>* cot_out_grad,
                             T* cot_grad, std::int64_t threads) {
  using A = accumulator_t<T>;
  const auto dot = kernels<T>().dot;
  const std::vector<double> inner = row_sums(
      rows, threads, [&](std::int64_t start, std::int64_t elements) { return dot(grad + start, u + start, elements); });
  double total = 0;
  for (std::int64_t row = 0; row < rows.batch; ++row) {
    total += factor(rows, penalty, norms[row]) * inner[row];
  }
  *cot_out_grad = static_cast<A>(total);
  const auto combine = kernels<T>().combine;
  const bool past_caches = rows.past_caches(3, cot_grad);
  RowChunks(rows).for_each(threads, [&](std::int64_t, std::int64_t row, std::int64_t start, std::int64_t elements) {
    const double of_u = *out_grad * factor(rows, penalty, norms[row]);
    const double of_grad = *out_grad * curvature(rows, penalty, norms[row], inner[row]);
    combine(u + start, static_cast<A>(of_u), grad + start, static_cast<A>(of_grad), cot_grad + start, elements,
            past_caches);
  });
}

#define MONAI_GAN_INSTANTIATE(T)                                                                                      \
  template void penalty_forward<T>(const Rows&, const Penalty&, const T*, accumulator_t<T>*, accumulator_t<T>*,       \
                                   std::int64_t);                                                                     \
  template void penalty_backward<T>(const Rows&, const Penalty&, const accumulator_t<T>*, const T*,                   \
                                    const accumulator_t<T>*, T*, std::int64_t);                                       \
  template void penalty_double_backward<T>(const Rows&, const Penalty&, const T*, const accumulator_t<T>*, const T*,  \
                                           const accumulator_t<T>*, accumulator_t<T>*, T*, std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
