// Group normalisation and activation, its backward and the backward of that.
//
// Full-size tensors are (batch, channels, positions), or (batch, positions, channels) if channels_last; weight, bias
// and what belongs to them are (channels), null for 1 and 0; mean and rstd are (batch, groups). Nothing is empty.
// Activations: SiLU if smooth, else y where positive and slope * y elsewhere.
#pragma once

#include "cpu/division.h"
#include "cpu/types.h"

namespace monai_gan::cpu {

struct Activation {
  bool smooth;
  double slope;
};

template <typename T>
struct NormActForward {
  using A = accumulator_t<T>;
  const T* x;
  const A* weight;
  const A* bias;
  T* z;
  A* mean;
  A* rstd;
  double eps;
};

// What the forward pass took and made, as its derivatives need it.
template <typename T>
struct NormActSaved {
  using A = accumulator_t<T>;
  const T* x;
  const A* mean;
  const A* rstd;
  const A* weight;
  const A* bias;
};

template <typename T>
struct NormActBackward {
  using A = accumulator_t<T>;
  const T* grad;
  T* grad_x;
  A* grad_weight;  // this and grad_bias may both be null
  A* grad_bias;
};

template <typename T>
struct NormActDoubleBackward {
  using A = accumulator_t<T>;
  const T* v;      // cotangent of grad_x
  const A* p;      // of grad_weight, null for 0
  const A* s;      // of grad_bias, null for 0
  const T* grad;
  T* cot_grad;
  T* cot_x;
  A* cot_weight;
  A* cot_bias;
};

template <typename T>
void norm_act_forward(const Shape& shape, const Activation& activation, const NormActForward<T>& arguments,
                      std::int64_t threads);

template <typename T>
void norm_act_backward(const Shape& shape, const Activation& activation, const NormActSaved<T>& saved,
                       const NormActBackward<T>& arguments, std::int64_t threads);

template <typename T>
void norm_act_double_backward(const Shape& shape, const Activation& activation, const NormActSaved<T>& saved,
                              const NormActDoubleBackward<T>& arguments, std::int64_t threads);

}  // namespace monai_gan::cpu
