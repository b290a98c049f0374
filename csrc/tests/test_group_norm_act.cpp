#include <limits>
#include <tuple>

#include "cpu/group_norm_act.h"
#include "tests/check.h"
#include "tests/norm_act_reference.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

constexpr double kEps = 1e-3;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Inputs and results of all three functions, in buffers of exactly the right size.
template <typename T>
struct Call {
  using A = accumulator_t<T>;

  cpu::Shape shape;
  cpu::Activation activation;
  std::vector<T> x, grad, v;
  std::vector<A> weight, bias, p, s;  // empty: null
  std::vector<T> z, grad_x, cot_grad, cot_x;
  std::vector<A> mean, rstd, grad_weight, grad_bias, cot_weight, cot_bias;

  Call(const cpu::Shape& of, const cpu::Activation& with, bool affine, double offset = 0)
      : shape(of), activation(with) {
    std::mt19937 generator(7);
    const std::int64_t count = shape.elements();
    x = normal<T>(generator, count, offset);
    grad = normal<T>(generator, count);
    v = normal<T>(generator, count);
    if (affine) {
      weight = normal<A>(generator, shape.channels, 1);
      bias = normal<A>(generator, shape.channels);
      p = normal<A>(generator, shape.channels);
      s = normal<A>(generator, shape.channels);
    }
    for (auto* full : {&z, &grad_x, &cot_grad, &cot_x}) {
      full->resize(count);
    }
    for (auto* statistic : {&mean, &rstd}) {
      statistic->resize(shape.batch * shape.groups);
    }
    for (auto* sums : {&grad_weight, &grad_bias, &cot_weight, &cot_bias}) {
      sums->resize(shape.channels);
    }
  }

  void run(std::int64_t threads) {
    const auto or_null = [](std::vector<A>& values) { return values.empty() ? nullptr : values.data(); };
    cpu::norm_act_forward<T>(
        shape, activation,
        {x.data(), or_null(weight), or_null(bias), z.data(), mean.data(), rstd.data(), kEps}, threads);
    const cpu::NormActSaved<T> saved{x.data(), mean.data(), rstd.data(), or_null(weight), or_null(bias)};
    cpu::norm_act_backward<T>(shape, activation, saved,
                              {grad.data(), grad_x.data(), grad_weight.data(), grad_bias.data()}, threads);
    cpu::norm_act_double_backward<T>(shape, activation, saved,
                                     {v.data(), or_null(p), or_null(s), grad.data(), cot_grad.data(), cot_x.data(),
                                      cot_weight.data(), cot_bias.data()},
                                     threads);
  }

  std::string name() const {
    return std::string(Limits<T>::name) + " (" + std::to_string(shape.batch) + ", " + std::to_string(shape.channels) +
           ", " + std::to_string(shape.positions) + ") groups " + std::to_string(shape.groups) +
           (shape.channels_last ? " columns" : " rows") + (activation.smooth ? " smooth" : " linear") +
           (weight.empty() ? "" : " affine");
  }
};

template <typename T>
void compare(const std::vector<T>& got, const Values& wanted, double floor, const std::string& what) {
  check_close(wide(got), wanted, (largest(wanted) + floor) * (Limits<T>::rounding + Limits<T>::error), what);
}

template <typename T>
void check_against_reference(Call<T>& call, std::int64_t threads) {
  call.run(threads);
  const std::string name = call.name() + " on " + std::to_string(threads) + ": ";
  NormActReference reference(call.shape, call.activation, wide(call.x), wide(call.weight), wide(call.bias));
  reference.find_statistics(kEps);
  compare(call.mean, reference.mean, 1, name + "mean");
  compare(call.rstd, reference.rstd, 0, name + "rstd");
  // The rest is a function of the statistics as they are stored.
  reference.mean = wide(call.mean);
  reference.rstd = wide(call.rstd);
  compare(call.z, reference.forward(), 0, name + "z");
  // What cancels exactly in groups of few elements leaves rounding errors of its terms.
  const double r = largest(reference.rstd), floor = 10 * (r + r * r);
  Values to_x, to_grad, to_weight, to_bias;
  reference.backward(wide(call.grad), to_x, to_weight, to_bias);
  compare(call.grad_x, to_x, floor, name + "grad_x");
  compare(call.grad_weight, to_weight, 1, name + "grad_weight");
  compare(call.grad_bias, to_bias, 1, name + "grad_bias");
  reference.double_backward(wide(call.v), wide(call.p), wide(call.s), wide(call.grad), to_grad, to_x, to_weight,
                            to_bias);
  compare(call.cot_grad, to_grad, floor, name + "cot_grad");
  compare(call.cot_x, to_x, floor, name + "cot_x");
  compare(call.cot_weight, to_weight, floor, name + "cot_weight");
  compare(call.cot_bias, to_bias, floor, name + "cot_bias");
}

template <typename T>
void check_threads_change_nothing(const Call<T>& call) {
  Call<T> one = call, three = call;
  one.run(1);
  three.run(3);
  const std::string name = call.name() + ": the same on 1 and 3 threads: ";
  check_same_bits(one.z, three.z, name + "z");
  check_same_bits(one.rstd, three.rstd, name + "rstd");
  check_same_bits(one.grad_x, three.grad_x, name + "grad_x");
  check_same_bits(one.grad_weight, three.grad_weight, name + "grad_weight");
  check_same_bits(one.cot_x, three.cot_x, name + "cot_x");
  check_same_bits(one.cot_bias, three.cot_bias, name + "cot_bias");
}

template <typename T>
void check_shapes() {
  const std::tuple<int, int, int, int> shapes[] = {
      {1, 1, 1, 1},    {2, 3, 1, 3},      {2, 1, 17, 1},     {3, 6, 17, 2},       {2, 16, 64, 16}, {1, 40, 49, 5},
      {2, 67, 33, 67}, {1, 2, 40000, 1},  {1, 2, 20011, 2},  {3, 32, 300, 8},     {5, 8, 1100, 8}, {1, 300, 70, 300},
  };
  for (const auto& [batch, channels, positions, groups] : shapes) {
    for (bool channels_last : {false, true}) {
      for (bool affine : {false, true}) {
        for (const cpu::Activation& activation : {cpu::Activation{false, 0.2}, cpu::Activation{true, 0.0}}) {
          Call<T> call({batch, channels, positions, groups, channels_last}, activation, affine);
          check_against_reference(call, affine ? 3 : 1);
          if (affine) {
            check_threads_change_nothing(call);
          }
        }
      }
    }
  }
}

// Large enough for the second derivatives to be written past the caches.
template <typename T>
void check_large(bool channels_last) {
  constexpr std::int64_t positions = (33 << 20) / (5 * 32 * sizeof(T)) / 64 * 64;
  Call<T> call({1, 32, positions, 4, channels_last}, {false, 0.2}, true);
  check_against_reference(call, 3);
}

template <typename T>
void check_large_mean() {
  for (bool channels_last : {false, true}) {
    Call<T> call({2, 4, 5000, 2, channels_last}, {false, 0.2}, true, 1e4);
    call.run(2);
    NormActReference reference(call.shape, call.activation, wide(call.x), {}, {});
    reference.find_statistics(kEps);
    check_close(wide(call.mean), reference.mean, 1e4 * (Limits<accumulator_t<T>>::rounding + 1e-13), "mean of 10000");
    check_close(wide(call.rstd), reference.rstd, 1e-5 * largest(reference.rstd), "rstd beside a mean of 10000");
  }
}

// A NaN makes everything of its group NaN and nothing else.
template <typename T>
void check_nan() {
  for (bool channels_last : {false, true}) {
    for (bool smooth : {false, true}) {
      for (int which = 0; which < 3; ++which) {
        Call<T> call({2, 4, 37, 2, channels_last}, {smooth, 0.0}, true);
        (which == 0 ? call.x : which == 1 ? call.grad : call.v)[5] = narrow<T>(kNaN);
        call.run(2);
        NormActReference reference(call.shape, call.activation, wide(call.x), wide(call.weight), wide(call.bias));
        reference.mean = wide(call.mean);
        reference.rstd = wide(call.rstd);
        Values to_x, to_grad, to_weight, to_bias;
        const auto same = [&](const Values& got, const Values& wanted, const char* what) {
          bool ok = true;
          for (std::size_t i = 0; i < got.size(); ++i) {
            ok = ok && std::isnan(got[i]) == std::isnan(wanted[i]);
          }
          check(ok, call.name() + ": NaN in input " + std::to_string(which) + ": " + what);
        };
        same(wide(call.z), reference.forward(), "z");
        reference.backward(wide(call.grad), to_x, to_weight, to_bias);
        same(wide(call.grad_x), to_x, "grad_x");
        same(wide(call.grad_weight), to_weight, "grad_weight");
        same(wide(call.grad_bias), to_bias, "grad_bias");
        reference.double_backward(wide(call.v), wide(call.p), wide(call.s), wide(call.grad), to_grad, to_x, to_weight,
                                  to_bias);
        same(wide(call.cot_grad), to_grad, "cot_grad");
        same(wide(call.cot_x), to_x, "cot_x");
        same(wide(call.cot_weight), to_weight, "cot_weight");
      }
    }
  }
}

// Huge arguments of SiLU saturate: no overflow on the way.
template <typename T>
void check_saturation() {
  Call<T> call({1, 2, 64, 1, false}, {true, 0.0}, true);
  call.weight.assign(2, 1e5F);
  check_against_reference(call, 1);
}

template <typename T>
void check_type() {
  check_shapes<T>();
  check_large_mean<T>();
  check_nan<T>();
  check_saturation<T>();
}

}  // namespace

void test_group_norm_act() {
  check_type<float>();
  check_type<double>();
  check_type<bfloat16>();
  check_large<float>(false);
  check_large<float>(true);
  check_large<bfloat16>(true);
}

}  // namespace monai_gan::tests
