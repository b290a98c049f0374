#include "cuda/group_norm_act.h"

#include "cuda/launch.cuh"

namespace monai_gan::cuda {

void backward(const Layer& layer, const Plan& plan, const void* grad, const void* x, void* grad_x, float* row_sums,
              const Queue& queue) {
  const Launch launch{layer, plan, {x, grad}, {grad_x}, nullptr, nullptr, row_sums, queue};
  layer.smooth ? run<Backward<true>>(launch) : run<Backward<false>>(launch);
}

void double_backward(const Layer& layer, const Plan& plan, const void* v, const float* p, const float* s,
                     const void* grad, const void* x, void* cot_grad, void* cot_x, float* row_sums,
                     const Queue& queue) {
  const Launch launch{layer, plan, {x, grad, v}, {cot_grad, cot_x}, p, s, row_sums, queue};
  layer.smooth ? run<DoubleBackward<true>>(launch) : run<DoubleBackward<false>>(launch);
}

}  // namespace monai_gan::cuda
