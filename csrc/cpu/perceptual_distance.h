// The perceptual distance of one layer (Zhang et al. 2018, equation 1), and its gradient.
//
// Feature maps are (batch, channels, positions), or (batch, positions, channels) if channels_last; the shape's groups
// do not matter. Weights are (channels), null for 1; statistics are (5, batch, positions), in the order of
// FeatureStatistic. Nothing is empty.
#pragma once

#include <vector>

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

// One layer of several, with the gradient of f, or null for none.
template <typename T>
struct DistanceLayer {
  Shape shape;
  const T* f;
  const T* target;
  const accumulator_t<T>* weight;
  T* gradient;
};

template <typename T>
void distance_forward(const Shape& shape, const DistanceForward<T>& arguments, std::int64_t threads);

template <typename T>
void distance_backward(const Shape& shape, const DistanceBackward<T>& arguments, std::int64_t threads);

// The sum of the distances of all layers, (batch), and their gradients for one cotangent of all samples. The true one is
// known only later; to multiply by it takes less than to read both feature maps once more.
template <typename T>
void distance_of_layers(const std::vector<DistanceLayer<T>>& layers, double eps, double cotangent,
                        accumulator_t<T>* distance, std::int64_t threads);

// Gradients of a layer, `size` per sample.
template <typename T>
struct LayerGradient {
  T* gradient;
  std::int64_t size;
};

// Multiplies those of each sample by its factor, (batch).
template <typename T>
void scale_gradients(const std::vector<LayerGradient<T>>& layers, const accumulator_t<T>* factors, std::int64_t batch,
                     std::int64_t threads);

}  // namespace monai_gan::cpu
