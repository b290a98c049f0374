// group_norm_act and its derivatives, element by element in float64.
#pragma once

#include <cmath>
#include <vector>

#include "cpu/group_norm_act.h"

namespace monai_gan::tests {

using Values = std::vector<double>;

class NormActReference {
 public:
  // Empty weight or bias: 1 or 0 everywhere.
  NormActReference(const cpu::Shape& shape, const cpu::Activation& activation, Values x, Values weight, Values bias)
      : shape_(shape), activation_(activation), x_(std::move(x)), weight_(std::move(weight)), bias_(std::move(bias)) {
    weight_.resize(shape.channels, 1.0);
    bias_.resize(shape.channels, 0.0);
  }

  Values mean, rstd;

  void find_statistics(double eps) {
    mean = means([&](std::int64_t, std::int64_t, std::int64_t i) { return x_[i]; });
    const Values variance = means([&](std::int64_t group, std::int64_t, std::int64_t i) {
      return (x_[i] - mean[group]) * (x_[i] - mean[group]);
    });
    rstd.clear();
    for (double value : variance) {
      rstd.push_back(1 / std::sqrt(value + eps));
    }
  }

  Values forward() const {
    return map([&](std::int64_t group, std::int64_t c, std::int64_t i) {
      const double value = y(group, c, i);
      if (activation_.smooth) {
        return value / (1 + std::exp(-value));
      }
      return value > 0 ? value : activation_.slope * value;
    });
  }

  void backward(const Values& grad, Values& grad_x, Values& grad_weight, Values& grad_bias) const {
    const auto q = [&](std::int64_t group, std::int64_t c, std::int64_t i) {
      return weight_[c] * first(y(group, c, i)) * grad[i];
    };
    const Values a = means(q);
    const Values b = means([&](auto group, auto c, auto i) { return q(group, c, i) * h(group, i); });
    grad_x = map([&](auto group, auto c, auto i) {
      return rstd[group] * (q(group, c, i) - a[group] - h(group, i) * b[group]);
    });
    const auto gy = [&](auto group, auto c, auto i) { return first(y(group, c, i)) * grad[i]; };
    grad_weight = channel_sums([&](auto group, auto c, auto i) { return gy(group, c, i) * h(group, i); });
    grad_bias = channel_sums(gy);
  }

  // Empty p or s: 0 everywhere.
  void double_backward(const Values& v, Values p, Values s, const Values& grad, Values& cot_grad, Values& cot_x,
                       Values& cot_weight, Values& cot_bias) const {
    p.resize(shape_.channels, 0.0);
    s.resize(shape_.channels, 0.0);
    const auto gy = [&](auto group, auto c, auto i) { return first(y(group, c, i)) * grad[i]; };
    const auto q = [&](auto group, auto c, auto i) { return weight_[c] * gy(group, c, i); };
    const Values a = means(q);
    const Values b = means([&](auto group, auto c, auto i) { return q(group, c, i) * h(group, i); });
    const Values c_ = means([&](auto, auto, auto i) { return v[i]; });
    const Values d = means([&](auto group, auto, auto i) { return v[i] * h(group, i); });
    const Values e = means([&](auto group, auto c, auto i) { return v[i] * q(group, c, i); });
    const auto projected = [&](auto group, auto i) {
      return rstd[group] * (v[i] - c_[group] - d[group] * h(group, i));
    };
    const auto u = [&](auto group, auto c, auto i) {
      return weight_[c] * projected(group, i) + p[c] * h(group, i) + s[c];
    };
    const auto t = [&](auto group, auto c, auto i) { return u(group, c, i) * grad[i] * second(y(group, c, i)); };
    const auto big_h = [&](auto group, auto c, auto i) {
      return -rstd[group] * (b[group] * v[i] + d[group] * q(group, c, i)) + p[c] * gy(group, c, i) +
             weight_[c] * t(group, c, i);
    };
    const Values mean_h = means(big_h);
    const Values mean_hh = means([&](auto group, auto c, auto i) { return big_h(group, c, i) * h(group, i); });
    cot_grad = map([&](auto group, auto c, auto i) { return first(y(group, c, i)) * u(group, c, i); });
    cot_x = map([&](auto group, auto c, auto i) {
      const double r = rstd[group];
      return r * (big_h(group, c, i) - mean_h[group] - h(group, i) * mean_hh[group]) -
             r * r * h(group, i) * (e[group] - a[group] * c_[group] - b[group] * d[group]);
    });
    cot_weight = channel_sums([&](auto group, auto c, auto i) {
      return gy(group, c, i) * projected(group, i) + t(group, c, i) * h(group, i);
    });
    cot_bias = channel_sums(t);
  }

 private:
  double h(std::int64_t group, std::int64_t i) const { return (x_[i] - mean[group]) * rstd[group]; }
  double y(std::int64_t group, std::int64_t c, std::int64_t i) const { return weight_[c] * h(group, i) + bias_[c]; }

  double first(double value) const {
    if (!activation_.smooth) {
      return value > 0 ? 1 : std::isnan(value) ? value : activation_.slope;
    }
    const double gate = 1 / (1 + std::exp(-value));
    return gate * (1 + value * (1 - gate));
  }
  double second(double value) const {
    if (!activation_.smooth) {
      return 0;
    }
    const double gate = 1 / (1 + std::exp(-value));
    return gate * (1 - gate) * (2 + value * (1 - 2 * gate));
  }

  // body(index of the group among all samples, channel, index of the element)
  template <typename Body>
  void each(const Body& body) const {
    for (std::int64_t n = 0; n < shape_.batch; ++n) {
      for (std::int64_t c = 0; c < shape_.channels; ++c) {
        const std::int64_t group = n * shape_.groups + c / shape_.group_channels();
        for (std::int64_t s = 0; s < shape_.positions; ++s) {
          body(group, c,
               shape_.channels_last ? (n * shape_.positions + s) * shape_.channels + c
                                    : (n * shape_.channels + c) * shape_.positions + s);
        }
      }
    }
  }
  template <typename Body>
  Values map(const Body& body) const {
    Values result(x_.size());
    each([&](auto group, auto c, auto i) { result[i] = body(group, c, i); });
    return result;
  }
  template <typename Body>
  Values means(const Body& body) const {
    Values result(shape_.batch * shape_.groups);
    each([&](auto group, auto c, auto i) { result[group] += body(group, c, i); });
    for (double& value : result) {
      value /= double(shape_.group_channels() * shape_.positions);
    }
    return result;
  }
  template <typename Body>
  Values channel_sums(const Body& body) const {
    Values result(shape_.channels);
    each([&](auto group, auto c, auto i) { result[c] += body(group, c, i); });
    return result;
  }

  cpu::Shape shape_;
  cpu::Activation activation_;
  Values x_, weight_, bias_;
};

}  // namespace monai_gan::tests
