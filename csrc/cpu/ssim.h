// Structural similarity of two sets of volumes (Wang et al. 2004, equation 13), and its derivative.
//
// Over the windows that lie inside a volume, with local means mx, my, variances vx, vy and covariance v:
//
//   similarity = mean of l cs,  contrast = mean of cs,
//   l = (2 mx my + c1) / (mx^2 + my^2 + c1),  cs = (2 v + c2) / (vx + vy + c2)
#pragma once

#include <array>
#include <cstdint>

#include "cpu/types.h"

namespace monai_gan::cpu {

// Volumes one after the other in memory. An image is a volume of depth 1 under a window of depth 1.
struct Volumes {
  std::int64_t count, depth, height, width;
};

// The product of one window per axis: a Gaussian, or uniform where sigma is infinite. No size exceeds its axis.
struct SsimOptions {
  std::array<std::int64_t, 3> size;
  std::array<double, 3> sigma;
  double c1, c2;
};

// similarity, contrast: one number per volume.
template <typename T>
void ssim_forward(const Volumes& volumes, const SsimOptions& options, const T* x, const T* y,
                  accumulator_t<T>* similarity, accumulator_t<T>* contrast, std::int64_t threads);

// Numbers in the buffer that a backward pass works in.
std::int64_t ssim_workspace(const Volumes& volumes, const SsimOptions& options, bool both, std::int64_t threads);

// Derivatives of <to_similarity, similarity> + <to_contrast, contrast>; grad_y may be null. For y alone, swap the two.
template <typename T>
void ssim_backward(const Volumes& volumes, const SsimOptions& options, const accumulator_t<T>* to_similarity,
                   const accumulator_t<T>* to_contrast, const T* x, const T* y, T* grad_x, T* grad_y,
                   accumulator_t<T>* workspace, std::int64_t threads);

}  // namespace monai_gan::cpu
