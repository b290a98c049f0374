// The perceptual distance of one layer (Zhang et al. 2018, equation 1), and its gradient.
//
// Feature maps are (batch, channels, positions), or (batch, positions, channels) if channels_last; the shape's groups
// do not matter. Weights are (channels), null for 1; statistics are (5, batch, positions), in the order of
// FeatureStatistic. Nothing is empty.
#pragma once

#include "cpu/division.h"
#include "cpu/types.h"

namespace monai_gan::cpu {

template <typename T>
struct DistanceForward {
  using A = accumulator_t<T>;
  const T* f;
  const T* target;
  const A* weight;
  double eps;
  A* distance;  // (batch)
  A* statistics;
};

// The gradient of f. That of the target: with f and target exchanged, their statistics as well, and -gap.
template <typename T>
struct DistanceBackward {
  using A = accumulator_t<T>;
  const A* grad;  // (batch)
  const T* f;
  const T* other;
  const A* reciprocal;  // (batch, positions), like the next three
  const A* other_reciprocal;
  const A* along;
  const A* gap;
  const A* weight;
  T* grad_f;
};

template <typename T>
void distance_forward(const Shape& shape, const DistanceForward<T>& arguments, std::int64_t threads);

template <typename T>
void distance_backward(const Shape& shape, const DistanceBackward<T>& arguments, std::int64_t threads);

}  // namespace monai_gan::cpu
