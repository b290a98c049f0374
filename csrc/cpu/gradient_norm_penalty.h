// Penalties on the norms of the rows of grad, (batch, inner); their gradient and the derivative of that.
#pragma once

#include <cstdint>

#include "cpu/row_chunks.h"
#include "cpu/types.h"

namespace monai_gan::cpu {

// weight times the mean over the batch of (n - target)^2, max(0, n - target)^2, or n^2 / 2.
enum class PenaltyKind { two_sided, one_sided, zero_centred };

struct Penalty {
  PenaltyKind kind;
  double weight, target;
};


// penalty: one number; norms: (batch).
template <typename T>
void penalty_forward(const Rows& rows, const Penalty& penalty, const T* grad, accumulator_t<T>* value,
                     accumulator_t<T>* norms, std::int64_t threads);

// out: out_grad times the gradient of the penalty, like grad; zero where the norm is zero.
template <typename T>
void penalty_backward(const Rows& rows, const Penalty& penalty, const accumulator_t<T>* out_grad, const T* grad,
                      const accumulator_t<T>* norms, T* out, std::int64_t threads);

// Derivatives of <u, backward> with respect to out_grad, one number, and grad.
template <typename T>
void penalty_double_backward(const Rows& rows, const Penalty& penalty, const T* u, const accumulator_t<T>* out_grad,
                             const T* grad, const accumulator_t<T>* norms, accumulator_t<T>* cot_out_grad,
                             T* cot_grad, std::int64_t threads);

}  // namespace monai_gan::cpu
