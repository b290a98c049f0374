// The passes of group_norm_act over a tile; the formulas are in cpu/group_norm_act.cpp.
#include "cpu/kernels/activation.h"
#include "cpu/kernels/moments.h"
#include "cpu/kernels/walk.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

// Inputs of all operations, in this order: x, incoming gradient gz, cotangent v.
template <typename A, int coefficients>
struct Norm {
  static constexpr int kCoefficients = coefficients;

  Lanes<A> k[coefficients];

  MONAI_GAN_INLINE explicit Norm(const Lanes<A> (&from)[coefficients]) {
    for (int i = 0; i < coefficients; ++i) {
      k[i] = from[i];
    }
  }
  MONAI_GAN_INLINE Lanes<A> h(const Lanes<A>& x) const { return (x - k[kMean]) * k[kRstd]; }
  MONAI_GAN_INLINE Lanes<A> y(const Lanes<A>& h) const { return h * k[kWeight] + k[kBias]; }
};

template <typename A, int coefficients, int count>
struct Reduction : Norm<A, coefficients> {
  static constexpr int kSums = count;

  Lanes<A> sums[count];

  using Norm<A, coefficients>::Norm;
  MONAI_GAN_INLINE void clear() {
    for (int i = 0; i < count; ++i) {
      sums[i] = Lanes<A>{};
    }
  }
};

template <typename A, template <typename> class Activation>
struct Forward : Norm<A, kNormCoefficients> {
  static constexpr int kInputs = 1, kOutputs = 1;

  using Norm<A, kNormCoefficients>::Norm;
  MONAI_GAN_INLINE void map(const Lanes<A>* in, Lanes<A>* out) const {
    out[0] = Activation<A>::value(this->y(this->h(in[0])), this->k[kSlope]);
  }
};

template <typename A, template <typename> class Activation>
struct BackwardSums : Reduction<A, kNormCoefficients, kBackwardSums> {
  static constexpr int kInputs = 2;

  using Reduction<A, kNormCoefficients, kBackwardSums>::Reduction;
  MONAI_GAN_INLINE void add(const Lanes<A>* in) {
    const Lanes<A> h = this->h(in[0]);
    const Lanes<A> gy = Activation<A>(this->y(h), this->k[kSlope]).first * in[1];
    this->sums[kGy] += gy;
    this->sums[kGyH] += gy * h;
  }
};

template <typename A, template <typename> class Activation>
struct Backward : Norm<A, kBackwardCoefficients> {
  static constexpr int kInputs = 2, kOutputs = 1;

  using Norm<A, kBackwardCoefficients>::Norm;
  MONAI_GAN_INLINE void map(const Lanes<A>* in, Lanes<A>* out) const {
    const auto& k = this->k;
    const Lanes<A> h = this->h(in[0]);
    const Lanes<A> gy = Activation<A>(this->y(h), k[kSlope]).first * in[1];
    out[0] = k[kXOfGy] * gy + (k[kXOfH] * h + k[kXOf1]);
  }
};

template <typename A, template <typename> class Activation>
struct DoubleSums : Reduction<A, kNormCoefficients, Activation<A>::smooth ? kSmoothSums : kDoubleSums> {
  static constexpr int kInputs = 3;

  using Reduction<A, kNormCoefficients, Activation<A>::smooth ? kSmoothSums : kDoubleSums>::Reduction;
  MONAI_GAN_INLINE void add(const Lanes<A>* in) {
    const Lanes<A> h = this->h(in[0]), v = in[2];
    const Activation<A> activation(this->y(h), this->k[kSlope]);
    const Lanes<A> gy = activation.first * in[1];
    this->sums[kGy] += gy;
    this->sums[kGyH] += gy * h;
    this->sums[kV] += v;
    this->sums[kVH] += v * h;
    this->sums[kVGy] += v * gy;
    if constexpr (Activation<A>::smooth) {
      const Lanes<A> w = activation.second * in[1], wh = w * h;
      this->sums[kW] += w;
      this->sums[kWH] += wh;
      this->sums[kWHH] += wh * h;
      this->sums[kWV] += w * v;
      this->sums[kWVH] += wh * v;
    }
  }
};

template <typename A, template <typename> class Activation>
struct DoubleBackward : Norm<A, kDoubleCoefficients> {
  static constexpr int kInputs = 3, kOutputs = 2;

  using Norm<A, kDoubleCoefficients>::Norm;
  MONAI_GAN_INLINE void map(const Lanes<A>* in, Lanes<A>* out) const {
    const auto& k = this->k;
    const Lanes<A> h = this->h(in[0]), v = in[2];
    const Activation<A> activation(this->y(h), k[kSlope]);
    const Lanes<A> gy = activation.first * in[1];
    const Lanes<A> u = k[kUOfV] * v + (k[kUOfH] * h + k[kUOf1]);
    out[0] = activation.first * u;
    // The factor of gy in the cotangent of x is rstd times that of h in u.
    out[1] = k[kToXOfV] * v + (k[kToXOfH] * h + k[kToXOf1]) + k[kRstd] * k[kUOfH] * gy;
    if constexpr (Activation<A>::smooth) {
      out[1] += k[kUOfV] * u * (activation.second * in[1]);
    }
  }
};

template <typename T>
constexpr NormActLayouts<T> layouts() {
  using A = accumulator_t<T>;
  return {
      {
          moments_of_rows<T>,
          {map_rows<Forward<A, PiecewiseLinear>, T>, map_rows<Forward<A, Smooth>, T>},
          {reduce_rows<BackwardSums<A, PiecewiseLinear>, T>, reduce_rows<BackwardSums<A, Smooth>, T>},
          {map_rows<Backward<A, PiecewiseLinear>, T>, map_rows<Backward<A, Smooth>, T>},
          {reduce_rows<DoubleSums<A, PiecewiseLinear>, T>, reduce_rows<DoubleSums<A, Smooth>, T>},
          {map_rows<DoubleBackward<A, PiecewiseLinear>, T>, map_rows<DoubleBackward<A, Smooth>, T>},
      },
      {
          moments_of_columns<T>,
          {map_columns<Forward<A, PiecewiseLinear>, T>, map_columns<Forward<A, Smooth>, T>},
          {reduce_columns<BackwardSums<A, PiecewiseLinear>, T>, reduce_columns<BackwardSums<A, Smooth>, T>},
          {map_columns<Backward<A, PiecewiseLinear>, T>, map_columns<Backward<A, Smooth>, T>},
          {reduce_columns<DoubleSums<A, PiecewiseLinear>, T>, reduce_columns<DoubleSums<A, Smooth>, T>},
          {map_columns<DoubleBackward<A, PiecewiseLinear>, T>, map_columns<DoubleBackward<A, Smooth>, T>},
      },
  };
}

}  // namespace

extern const ForEachType<NormActLayouts> norm_act;
const ForEachType<NormActLayouts> norm_act = {layouts<float>(), layouts<double>(), layouts<bfloat16>()};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
