// The derivatives of group_norm_act as they are defined, in double: what the kernels are compared with.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "cuda/plan.h"

namespace monai_gan::cuda {

using Values = std::vector<double>;

struct Reference {
  Shape shape;
  bool smooth;
  double slope;
  Values mean;  // (N, G)
  Values rstd;
  Values weight;  // (C,), as are bias, p and s
  Values bias;

  std::size_t channel(std::size_t i) const { return i / static_cast<std::size_t>(shape.positions) % weight.size(); }

  std::size_t group(std::size_t i) const {
    return i / static_cast<std::size_t>(shape.positions * shape.channels / shape.groups);
  }

  double h(const Values& x, std::size_t i) const { return (x[i] - mean[group(i)]) * rstd[group(i)]; }

  double first(double y) const {
    const double gate = 1 / (1 + std::exp(-y));
    return smooth ? gate * (1 + y * (1 - gate)) : y > 0 ? 1 : slope;
  }

  double second(double y) const {
    const double gate = 1 / (1 + std::exp(-y));
    return smooth ? gate * (1 - gate) * (2 + y * (1 - 2 * gate)) : 0;
  }

  double y(const Values& x, std::size_t i) const { return weight[channel(i)] * h(x, i) + bias[channel(i)]; }

  // The mean over the group of every element.
  Values means(const Values& values) const {
    Values sums(mean.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      sums[group(i)] += values[i];
    }
    Values result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      result[i] = sums[group(i)] * static_cast<double>(mean.size()) / static_cast<double>(values.size());
    }
    return result;
  }

  Values channel_sums(const Values& values) const {
    Values sums(weight.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      sums[channel(i)] += values[i];
    }
    return sums;
  }
};

template <typename Function>
Values each(std::size_t size, Function function) {
  Values values(size);
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = function(i);
  }
  return values;
}

// Gradients for x, weight and bias.
inline std::vector<Values> backward_reference(const Reference& at, const Values& grad, const Values& x) {
  const std::size_t size = x.size();
  const Values gy = each(size, [&](std::size_t i) { return at.first(at.y(x, i)) * grad[i]; });
  const Values gyh = each(size, [&](std::size_t i) { return gy[i] * at.h(x, i); });
  const Values a = at.means(each(size, [&](std::size_t i) { return at.weight[at.channel(i)] * gy[i]; }));
  const Values b = at.means(each(size, [&](std::size_t i) { return at.weight[at.channel(i)] * gyh[i]; }));
  const Values grad_x = each(size, [&](std::size_t i) {
    return at.rstd[at.group(i)] * (at.weight[at.channel(i)] * gy[i] - a[i] - at.h(x, i) * b[i]);
  });
  return {grad_x, at.channel_sums(gyh), at.channel_sums(gy)};
}

// Cotangents of grad, x, weight and bias.
inline std::vector<Values> double_backward_reference(const Reference& at, const Values& v, const Values& p,
                                                     const Values& s, const Values& grad, const Values& x) {
  const std::size_t size = x.size();
  const auto gamma = [&](std::size_t i) { return at.weight[at.channel(i)]; };
  const auto r = [&](std::size_t i) { return at.rstd[at.group(i)]; };
  const Values h = each(size, [&](std::size_t i) { return at.h(x, i); });
  const Values gy = each(size, [&](std::size_t i) { return at.first(at.y(x, i)) * grad[i]; });
  const Values q = each(size, [&](std::size_t i) { return gamma(i) * gy[i]; });
  const Values a = at.means(q);
  const Values b = at.means(each(size, [&](std::size_t i) { return q[i] * h[i]; }));
  const Values c = at.means(v);
  const Values d = at.means(each(size, [&](std::size_t i) { return v[i] * h[i]; }));
  const Values e = at.means(each(size, [&](std::size_t i) { return v[i] * q[i]; }));
  const Values projected = each(size, [&](std::size_t i) { return r(i) * (v[i] - c[i] - d[i] * h[i]); });
  const Values u = each(size, [&](std::size_t i) {
    return gamma(i) * projected[i] + p[at.channel(i)] * h[i] + s[at.channel(i)];
  });
  const Values t = each(size, [&](std::size_t i) { return u[i] * grad[i] * at.second(at.y(x, i)); });
  const Values cot_h = each(size, [&](std::size_t i) {
    return -r(i) * (b[i] * v[i] + d[i] * q[i]) + p[at.channel(i)] * gy[i] + gamma(i) * t[i];
  });
  const Values mean = at.means(cot_h);
  const Values mean_h = at.means(each(size, [&](std::size_t i) { return cot_h[i] * h[i]; }));
  const Values cot_grad = each(size, [&](std::size_t i) { return at.first(at.y(x, i)) * u[i]; });
  const Values cot_x = each(size, [&](std::size_t i) {
    return r(i) * (cot_h[i] - mean[i] - h[i] * mean_h[i]) - r(i) * r(i) * h[i] * (e[i] - a[i] * c[i] - b[i] * d[i]);
  });
  const Values of_weight = each(size, [&](std::size_t i) { return gy[i] * projected[i] + t[i] * h[i]; });
  return {cot_grad, cot_x, at.channel_sums(of_weight), at.channel_sums(t)};
}

}  // namespace monai_gan::cuda
