// Derivatives of group normalisation with an activation, for groups that fit in the shared memory of a cluster. Each
// reads its inputs once. Contiguous tensors (N, C, *S) on one device; nothing waits for the device, so that calls can be
// captured in a graph once their kernels are loaded, which the first call does.
#pragma once

#include <cstdint>

#include "cuda/plan.h"

namespace monai_gan::cuda {

enum class Type { kFloat32, kFloat16, kBFloat16 };

// What a call shares with the forward pass, in device memory. mean, rstd: (N, G); weight, bias: (C,) or null for 1 and 0.
struct Layer {
  Type type;
  const float* mean;
  const float* rstd;
  const float* weight;
  const float* bias;
  bool smooth;  // SiLU; otherwise y where y > 0 and slope * y elsewhere
  float slope;
};

// Where to run: the device's index and a CUDA stream of it.
struct Queue {
  int device;
  void* stream;
};

// Gradient for x; row_sums (2, plan.slots, N, C) adds up over its inner two axes to the gradients for weight and bias;
// null: not asked for. The plan is for 2 inputs.
void backward(const Layer& layer, const Plan& plan, const void* grad, const void* x, void* grad_x, float* row_sums,
              const Queue& queue);

// Derivatives of <v, grad_x> + <p, grad_weight> + <s, grad_bias> for grad and x, and as row_sums for weight and bias; p
// and s are (C,), or null for 0. The plan is for 3 inputs.
void double_backward(const Layer& layer, const Plan& plan, const void* v, const float* p, const float* s,
                     const void* grad, const void* x, void* cot_grad, void* cot_x, float* row_sums, const Queue& queue);

}  // namespace monai_gan::cuda
