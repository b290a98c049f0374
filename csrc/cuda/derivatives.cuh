// The arithmetic of group_norm_act's derivatives for one group of M elements, in float.
//
// Per element, with the group's mean and r = rstd and the channel's gamma and beta:
//   h = (x - mean) r,   y = gamma h + beta,   m = phi'(y),   gy = m grad,   w = phi''(y) grad,   q = gamma gy
// An operation sums over the group, makes coefficients of the sums, and maps each element with them. The map also gives
// two numbers per element whose sums over a channel are the derivatives for gamma and beta.
#pragma once

#include "cuda/cluster.cuh"

namespace monai_gan::cuda {

struct Group {
  float mean;
  float rstd;
  float inverse_count;  // 1 / M
  float slope;          // of a piecewise-linear phi where y <= 0
};

struct Channel {
  float gamma;
  float beta;
  float p;  // cotangents of the gradients of gamma and beta
  float s;
};

struct Element {
  float h;
  float m;
  float gy;
  float w;
};

// phi is SiLU if kSmooth. A NaN stays one.
template <bool kSmooth>
__device__ __forceinline__ Element element(const Group& group, const Channel& channel, float x, float grad) {
  Element at;
  at.h = (x - group.mean) * group.rstd;
  const float y = channel.gamma * at.h + channel.beta;
  if constexpr (kSmooth) {
    const float gate = __fdividef(1.0f, 1.0f + __expf(-y));
    const float bump = gate * (1.0f - gate);
    at.m = gate + y * bump;
    at.w = grad * bump * (2.0f + y * (1.0f - 2.0f * gate));
  } else {
    const float slope = y > 0.0f ? 1.0f : group.slope;
    at.m = y == y ? slope : y;
    at.w = 0.0f;
  }
  at.gy = at.m * grad;
  return at;
}

// Inputs x, grad; output r (q - mean(q) - h mean(q h)); per channel gy h and gy.
template <bool kSmooth>
struct Backward {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr int kSums = 2;

  __device__ static void accumulate(const Group& group, const Channel& channel, const float (&in)[kInputs],
                                    float (&sums)[kSums]) {
    const Element at = element<kSmooth>(group, channel, in[0], in[1]);
    const float q = channel.gamma * at.gy;
    sums[0] += q;
    sums[1] += q * at.h;
  }

  float a;
  float b;

  __device__ Backward(const Group& group, const float (&sums)[kSums])
      : a(sums[0] * group.inverse_count), b(sums[1] * group.inverse_count) {}

  __device__ void map(const Group& group, const Channel& channel, const float (&in)[kInputs], float (&out)[kOutputs],
                      float (&rows)[2]) const {
    const Element at = element<kSmooth>(group, channel, in[0], in[1]);
    out[0] = group.rstd * (channel.gamma * at.gy - a - at.h * b);
    rows[0] += at.gy * at.h;
    rows[1] += at.gy;
  }
};

// Inputs x, grad, v (cotangent of the gradient for x). With the means a = mean(q), b = mean(q h), c = mean(v),
// d = mean(v h), e = mean(v q):
//   P = r (v - c - d h),   U = gamma P + p h + s,   T = w U,   H = -r (b v + d q) + p gy + gamma T
//   outputs m U and r (H - mean(H) - h mean(H h)) - r^2 h (e - a c - b d);   per channel gy P + T h and T.
// T is linear in c and d, which are not known before the sums are: the sums over w times v, h and 1 make up for it.
template <bool kSmooth>
struct DoubleBackward {
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 2;
  static constexpr int kSums = kSmooth ? 12 : 7;

  __device__ static void accumulate(const Group& group, const Channel& channel, const float (&in)[kInputs],
                                    float (&sums)[kSums]) {
    const Element at = element<kSmooth>(group, channel, in[0], in[1]);
    const float v = in[2];
    const float q = channel.gamma * at.gy;
    float known = channel.p * at.gy;  // what is known of H by now
    if constexpr (kSmooth) {
      known += channel.gamma * at.w * (channel.p * at.h + channel.s);
      const float w = channel.gamma * channel.gamma * at.w;
      const float wh = w * at.h;
      sums[7] += w;
      sums[8] += wh;
      sums[9] += wh * at.h;
      sums[10] += w * v;
      sums[11] += wh * v;
    }
    sums[0] += q;
    sums[1] += q * at.h;
    sums[2] += v;
    sums[3] += v * at.h;
    sums[4] += v * q;
    sums[5] += known;
    sums[6] += known * at.h;
  }

  float rc;     // r c
  float rd;     // r d
  float alpha;  // the output for x is alpha v + beta gy + kappa h + delta + r gamma T, beta and gamma per channel
  float kappa;
  float delta;

  __device__ DoubleBackward(const Group& group, const float (&sums)[kSums]) {
    const float r = group.rstd;
    const float a = sums[0] * group.inverse_count;
    const float b = sums[1] * group.inverse_count;
    const float c = sums[2] * group.inverse_count;
    const float d = sums[3] * group.inverse_count;
    const float e = sums[4] * group.inverse_count;
    float mean = sums[5] * group.inverse_count - r * (b * c + d * a);
    float mean_h = sums[6] * group.inverse_count - 2.0f * r * b * d;
    if constexpr (kSmooth) {
      const float scale = r * group.inverse_count;
      mean += scale * (sums[10] - c * sums[7] - d * sums[8]);
      mean_h += scale * (sums[11] - c * sums[8] - d * sums[9]);
    }
    rc = r * c;
    rd = r * d;
    alpha = -r * r * b;
    kappa = -r * (mean_h + r * (e - a * c - b * d));
    delta = -r * mean;
  }

  __device__ void map(const Group& group, const Channel& channel, const float (&in)[kInputs], float (&out)[kOutputs],
                      float (&rows)[2]) const {
    const Element at = element<kSmooth>(group, channel, in[0], in[1]);
    const float v = in[2];
    const float projected = group.rstd * v - rc - rd * at.h;
    const float u = channel.gamma * projected + channel.p * at.h + channel.s;
    const float beta = group.rstd * (channel.p - channel.gamma * rd);
    out[0] = at.m * u;
    out[1] = alpha * v + beta * at.gy + kappa * at.h + delta;
    rows[0] += at.gy * projected;
    if constexpr (kSmooth) {
      const float t = at.w * u;
      out[1] += group.rstd * channel.gamma * t;
      rows[0] += t * at.h;
      rows[1] += t;
    }
  }
};

}  // namespace monai_gan::cuda
