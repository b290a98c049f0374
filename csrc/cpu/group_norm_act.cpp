// Per group, with means over its elements, r = rstd, and per channel g = weight, b = bias:
//
//   h = (x - mean) r,  y = g h + b,  z = phi(y),  m = phi'(y)
//
// Backward, with gy = m gz and q = g gy:
//
//   gx = r (q - mean(q) - h mean(q h)),  ggamma = sum gy h,  gbeta = sum gy
//
// Double backward for cotangents v of gx, p of ggamma and s of gbeta, with a = mean(q), b = mean(q h), c = mean(v),
// d = mean(v h), e = mean(v q), w = gz phi''(y):
//
//   U = g r (v - c - d h) + p h + s,  T = U w,  H = -r (b v + d q) + p gy + g T
//   to gz: m U                          to x: r (H - mean(H) - h mean(H h)) - r^2 h (e - a c - b d)
//   to g: sum gy r (v - c - d h) + T h  to b: sum T
//
// All means follow from sums per channel over x, gz, v: T is linear in c and d, which come out of the same pass.
#include "cpu/group_norm_act.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "cpu/isa.h"
#include "cpu/two_passes.h"

namespace monai_gan::cpu {

namespace {

template <typename T>
const NormActKernels<T>& kernels(const Shape& shape) {
  const NormActLayouts<T>& layouts = tables().norm_act;
  return shape.channels_last ? layouts.columns : layouts.rows;
}

// One value per sample and channel, to be summed over the samples in order.
class ChannelSums {
 public:
  explicit ChannelSums(const Shape& shape, bool wanted = true)
      : batch_(shape.batch), channels_(shape.channels), values_(wanted ? new double[batch_ * channels_] : nullptr) {}

  double& at(std::int64_t sample, std::int64_t channel) { return values_[sample * channels_ + channel]; }

  template <typename A>
  void write(A* out) const {
    std::vector<double> totals(channels_, 0.0);
    for (std::int64_t n = 0; n < batch_; ++n) {
      for (std::int64_t c = 0; c < channels_; ++c) {
        totals[c] += values_[n * channels_ + c];
      }
    }
    std::transform(totals.begin(), totals.end(), out, [](double total) { return static_cast<A>(total); });
  }

 private:
  std::int64_t batch_, channels_;
  std::unique_ptr<double[]> values_;
};

// What the three steps share.
template <typename T>
struct Step {
  using A = accumulator_t<T>;

  const Shape& shape;
  Shape summed;
  A slope;
  const A* weight;
  const A* bias;
  const T* in[3];
  T* out[2];

  std::int64_t group_elements() const { return shape.group_channels() * shape.positions; }
  double weight_of(std::int64_t channel) const { return weight == nullptr ? 1.0 : weight[channel]; }

  // The first coefficients of all channels of one group of the unit.
  void normalise(const Unit& unit, std::int64_t group, A mean, A rstd, A* coefficients) const {
    const std::int64_t each = shape.group_channels();
    for (std::int64_t c = group * each; c < (group + 1) * each; ++c) {
      const A g = weight == nullptr ? A(1) : weight[unit.channel + c];
      const A b = bias == nullptr ? A(0) : bias[unit.channel + c];
      A* k = coefficients + c;
      k[kMean * unit.channels] = mean;
      k[kRstd * unit.channels] = rstd;
      k[kWeight * unit.channels] = g;
      k[kBias * unit.channels] = b;
      // y is NaN all over the channel where one of these is, and then so are the activation's derivatives.
      const bool nan = std::isnan(mean) || std::isnan(rstd) || std::isnan(g) || std::isnan(b);
      k[kSlope * unit.channels] = nan ? std::numeric_limits<A>::quiet_NaN() : slope;
    }
  }

  void normalise(const Unit& unit, const A* mean, const A* rstd, A* coefficients) const {
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const std::int64_t at = unit.sample * shape.groups + unit.group + group;
      normalise(unit, group, mean[at], rstd[at], coefficients);
    }
  }
};

template <int sums>
void add(double* to, const double* part, std::int64_t channels) {
  for (std::int64_t i = 0; i < sums * channels; ++i) {
    to[i] += part[i];
  }
}

// Statistics are those of whole groups, which are one piece of memory unless channels_last.
Shape whole_groups(const Shape& shape) {
  if (shape.channels_last) {
    return shape;
  }
  return {shape.batch, shape.groups, shape.group_channels() * shape.positions, shape.groups, false};
}

// Joins totals and squared deviations of `added` numbers with those of `before` (Chan, Golub and LeVeque 1983).
void join_moments(double& total, double& squares, double before, double more_total, double more_squares, double added) {
  const double apart = more_total / added - total / before;
  squares += more_squares + apart * apart * (before * added / (before + added));
  total += more_total;
}

template <typename T>
struct ForwardStep : Step<T> {
  using typename Step<T>::A;
  static constexpr int kSums = kMoments, kCoefficients = kNormCoefficients;

  TileFunction<T> reduce, map;
  A* mean;
  A* rstd;
  double eps;

  void prepare(const Unit&, A*) const {}

  void join(double* sums, const double* part, std::int64_t channels, std::int64_t before, std::int64_t added) const {
    for (std::int64_t c = 0; c < channels; ++c) {
      join_moments(sums[kTotal * channels + c], sums[kSquares * channels + c], double(before),
                   part[kTotal * channels + c], part[kSquares * channels + c], double(added));
    }
  }

  void finish(const Unit& unit, const double* sums, std::int64_t planes, A* coefficients) const {
    const Shape& summed = this->summed;
    const std::int64_t each = summed.group_channels();
    const double count = double(this->group_elements()), share = 1.0 / double(summed.positions);
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const double* totals = sums + kTotal * planes + group * each;
      const double* deviations = sums + kSquares * planes + group * each;
      double total = 0, squares = 0;
      for (std::int64_t c = 0; c < each; ++c) {
        total += totals[c];
      }
      const double centre = total / count;
      for (std::int64_t c = 0; c < each; ++c) {
        const double apart = share * totals[c] - centre;
        squares += deviations[c] + apart * apart * double(summed.positions);
      }
      const std::int64_t at = unit.sample * summed.groups + unit.group + group;
      mean[at] = static_cast<A>(centre);
      rstd[at] = static_cast<A>(1 / std::sqrt(squares / count + eps));
      this->normalise(unit, group, mean[at], rstd[at], coefficients);
    }
  }
};

template <typename T>
struct BackwardStep : Step<T> {
  using typename Step<T>::A;
  static constexpr int kSums = kBackwardSums, kCoefficients = kBackwardCoefficients;

  TileFunction<T> reduce, map;
  const A* mean;
  const A* rstd;
  ChannelSums* to_weight;  // null like to_bias where no parameters' gradients are asked for
  ChannelSums* to_bias;

  void prepare(const Unit& unit, A* coefficients) const { this->normalise(unit, mean, rstd, coefficients); }

  void join(double* sums, const double* part, std::int64_t channels, std::int64_t, std::int64_t) const {
    add<kSums>(sums, part, channels);
  }

  void finish(const Unit& unit, const double* sums, std::int64_t planes, A* coefficients) const {
    const std::int64_t each = this->shape.group_channels();
    const double share = 1.0 / double(this->group_elements());
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const std::int64_t first = group * each, last = first + each;
      const double r = rstd[unit.sample * this->shape.groups + unit.group + group];
      double a = 0, b = 0;
      for (std::int64_t c = first; c < last; ++c) {
        const double g = this->weight_of(unit.channel + c);
        a += g * sums[kGy * planes + c];
        b += g * sums[kGyH * planes + c];
      }
      for (std::int64_t c = first; c < last; ++c) {
        A* k = coefficients + c;
        k[kXOfGy * planes] = static_cast<A>(r * this->weight_of(unit.channel + c));
        k[kXOfH * planes] = static_cast<A>(-r * b * share);
        k[kXOf1 * planes] = static_cast<A>(-r * a * share);
        if (to_weight != nullptr) {
          to_weight->at(unit.sample, unit.channel + c) = sums[kGyH * planes + c];
          to_bias->at(unit.sample, unit.channel + c) = sums[kGy * planes + c];
        }
      }
    }
  }
};

template <typename T, bool smooth>
struct DoubleStep : Step<T> {
  using typename Step<T>::A;
  static constexpr int kSums = smooth ? kSmoothSums : kDoubleSums, kCoefficients = kDoubleCoefficients;

  TileFunction<T> reduce, map;
  const A* mean;
  const A* rstd;
  const A* p;
  const A* s;
  ChannelSums* to_weight;
  ChannelSums* to_bias;

  void prepare(const Unit& unit, A* coefficients) const { this->normalise(unit, mean, rstd, coefficients); }

  void join(double* sums, const double* part, std::int64_t channels, std::int64_t, std::int64_t) const {
    add<kSums>(sums, part, channels);
  }

  void finish(const Unit& unit, const double* sums, std::int64_t planes, A* coefficients) const {
    const std::int64_t each = this->shape.group_channels();
    const double share = 1.0 / double(this->group_elements());
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const std::int64_t first = group * each, last = first + each;
      const double r = rstd[unit.sample * this->shape.groups + unit.group + group];
      double a = 0, b = 0, c = 0, d = 0, e = 0;
      for (std::int64_t i = first; i < last; ++i) {
        const double g = this->weight_of(unit.channel + i) * share;
        a += g * sums[kGy * planes + i];
        b += g * sums[kGyH * planes + i];
        c += share * sums[kV * planes + i];
        d += share * sums[kVH * planes + i];
        e += g * sums[kVGy * planes + i];
      }
      double mean_of_big_h = 0, mean_of_big_hh = 0;
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t channel = unit.channel + i;
        const double g = this->weight_of(channel);
        const double u_of_v = g * r, u_of_h = (p == nullptr ? 0.0 : p[channel]) - u_of_v * d;
        const double u_of_1 = (s == nullptr ? 0.0 : s[channel]) - u_of_v * c;
        A* k = coefficients + i;
        k[kUOfV * planes] = static_cast<A>(u_of_v);
        k[kUOfH * planes] = static_cast<A>(u_of_h);
        k[kUOf1 * planes] = static_cast<A>(u_of_1);
        double t = 0, th = 0;
        if constexpr (smooth) {
          t = u_of_v * sums[kWV * planes + i] + u_of_h * sums[kWH * planes + i] + u_of_1 * sums[kW * planes + i];
          th = u_of_v * sums[kWVH * planes + i] + u_of_h * sums[kWHH * planes + i] + u_of_1 * sums[kWH * planes + i];
        }
        mean_of_big_h += share * (-r * b * sums[kV * planes + i] + u_of_h * sums[kGy * planes + i] + g * t);
        mean_of_big_hh += share * (-r * b * sums[kVH * planes + i] + u_of_h * sums[kGyH * planes + i] + g * th);
        const double projected = sums[kVGy * planes + i] - c * sums[kGy * planes + i] - d * sums[kGyH * planes + i];
        to_weight->at(unit.sample, channel) = r * projected + th;
        to_bias->at(unit.sample, channel) = t;
      }
      for (std::int64_t i = first; i < last; ++i) {
        A* k = coefficients + i;
        k[kToXOfV * planes] = static_cast<A>(-r * r * b);
        k[kToXOfH * planes] = static_cast<A>(-r * mean_of_big_hh - r * r * (e - a * c - b * d));
        k[kToXOf1 * planes] = static_cast<A>(-r * mean_of_big_h);
      }
    }
  }
};

template <typename T, class S>
void run(const Shape& shape, const S& step, std::int64_t threads) {
  TwoPasses<T, S>(shape, step, useful_threads(threads, shape.elements())).run();
}

template <typename T, bool smooth>
void double_backward(const Shape& shape, const Activation& activation, const NormActSaved<T>& saved,
                     const NormActDoubleBackward<T>& arguments, std::int64_t threads) {
  using A = accumulator_t<T>;
  const NormActKernels<T>& k = kernels<T>(shape);
  ChannelSums to_weight(shape), to_bias(shape);
  DoubleStep<T, smooth> step{
      {shape, shape, static_cast<A>(activation.slope), saved.weight, saved.bias, {saved.x, arguments.grad, arguments.v},
       {arguments.cot_grad, arguments.cot_x}},
      k.double_sums[smooth], k.double_backward[smooth], saved.mean, saved.rstd, arguments.p, arguments.s,
      &to_weight, &to_bias};
  run<T>(shape, step, threads);
  to_weight.write(arguments.cot_weight);
  to_bias.write(arguments.cot_bias);
}

}  // namespace

template <typename T>
void norm_act_forward(const Shape& shape, const Activation& activation, const NormActForward<T>& arguments,
                      std::int64_t threads) {
  using A = accumulator_t<T>;
  const NormActKernels<T>& k = kernels<T>(shape);
  ForwardStep<T> step{{shape, whole_groups(shape), static_cast<A>(activation.slope), arguments.weight, arguments.bias,
                       {arguments.x, nullptr, nullptr}, {arguments.z, nullptr}},
                      k.moments, k.forward[activation.smooth], arguments.mean, arguments.rstd, arguments.eps};
  run<T>(shape, step, threads);
}

template <typename T>
void norm_act_backward(const Shape& shape, const Activation& activation, const NormActSaved<T>& saved,
                       const NormActBackward<T>& arguments, std::int64_t threads) {
  using A = accumulator_t<T>;
  const NormActKernels<T>& k = kernels<T>(shape);
  const bool parameters = arguments.grad_weight != nullptr;
  ChannelSums to_weight(shape, parameters), to_bias(shape, parameters);
  BackwardStep<T> step{{shape, shape, static_cast<A>(activation.slope), saved.weight, saved.bias,
                        {saved.x, arguments.grad, nullptr}, {arguments.grad_x, nullptr}},
                       k.backward_sums[activation.smooth], k.backward[activation.smooth], saved.mean, saved.rstd,
                       parameters ? &to_weight : nullptr, parameters ? &to_bias : nullptr};
  run<T>(shape, step, threads);
  if (parameters) {
    to_weight.write(arguments.grad_weight);
    to_bias.write(arguments.grad_bias);
  }
}

template <typename T>
void norm_act_double_backward(const Shape& shape, const Activation& activation, const NormActSaved<T>& saved,
                              const NormActDoubleBackward<T>& arguments, std::int64_t threads) {
  if (activation.smooth) {
    double_backward<T, true>(shape, activation, saved, arguments, threads);
  } else {
    double_backward<T, false>(shape, activation, saved, arguments, threads);
  }
}

#define MONAI_GAN_INSTANTIATE(T)                                                                                     \
  template void norm_act_forward<T>(const Shape&, const Activation&, const NormActForward<T>&, std::int64_t);        \
  template void norm_act_backward<T>(const Shape&, const Activation&, const NormActSaved<T>&,                        \
                                     const NormActBackward<T>&, std::int64_t);                                       \
  template void norm_act_double_backward<T>(const Shape&, const Activation&, const NormActSaved<T>&,                 \
                                            const NormActDoubleBackward<T>&, std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
