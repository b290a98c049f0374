#include <limits>
#include <tuple>
#include <utility>

#include "cpu/kernels/tables.h"
#include "cpu/perceptual_distance.h"
#include "tests/check.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

using cpu::Shape;
using Values = std::vector<double>;

constexpr double kEps = 1e-10;

std::size_t place(const Shape& shape, std::int64_t n, std::int64_t c, std::int64_t s) {
  return static_cast<std::size_t>(shape.channels_last ? (n * shape.positions + s) * shape.channels + c
                                                      : (n * shape.channels + c) * shape.positions + s);
}

// The distance and the gradients of both feature maps, position by position in long double.
struct Reference {
  Values distance, grad_f, grad_target;

  Reference(const Shape& shape, const Values& f, const Values& target, const Values& weight, const Values& grad)
      : distance(shape.batch), grad_f(f.size()), grad_target(f.size()) {
    using Long = long double;
    const auto length_of = [&](const Values& of, std::int64_t n, std::int64_t s) {
      Long squares = 0;
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        const Long number = of[place(shape, n, c, s)];
        squares += number * number;
      }
      return std::sqrt(squares);
    };
    for (std::int64_t n = 0; n < shape.batch; ++n) {
      for (std::int64_t s = 0; s < shape.positions; ++s) {
        const Long lengths[] = {length_of(f, n, s), length_of(target, n, s)};
        Long along[] = {0, 0};
        std::vector<Long> u(shape.channels);
        for (std::int64_t c = 0; c < shape.channels; ++c) {
          const std::size_t at = place(shape, n, c, s);
          const Long w = weight.empty() ? 1 : weight[c];
          const Long d = f[at] / (lengths[0] + kEps) - target[at] / (lengths[1] + kEps);
          distance[n] += double(w * d * d / shape.positions);
          u[c] = 2 * grad[n] * w * d / shape.positions;
          along[0] += u[c] * f[at];
          along[1] -= u[c] * target[at];
        }
        for (std::int64_t c = 0; c < shape.channels; ++c) {
          const std::size_t at = place(shape, n, c, s);
          const auto gradient = [&](Long mine, Long value, Long length, Long inner) -> double {
            if (length == 0) {
              return 0;
            }
            return double(mine / (length + kEps) - value * inner / (length * (length + kEps) * (length + kEps)));
          };
          grad_f[at] = gradient(u[c], f[at], lengths[0], along[0]);
          grad_target[at] = gradient(-u[c], target[at], lengths[1], along[1]);
        }
      }
    }
  }
};

// Inputs and results of both functions, in buffers of exactly the right size.
template <typename T>
struct Call {
  using A = accumulator_t<T>;

  Shape shape;
  std::vector<T> f, target, grad_f, grad_target;
  std::vector<A> weight, grad, distance, statistics;  // weight empty: null

  Call(const Shape& of, bool weighted) : shape(of) {
    std::mt19937 generator(11);
    f = normal<T>(generator, shape.elements());
    target = normal<T>(generator, shape.elements());
    grad_f.resize(f.size());
    grad_target.resize(f.size());
    if (weighted) {
      weight = normal<A>(generator, shape.channels, 0.5);
    }
    grad = normal<A>(generator, shape.batch, 1);
    distance.resize(shape.batch);
    statistics.resize(cpu::kFeatureStatistics * shape.batch * shape.positions);
  }

  void run(std::int64_t threads) {
    const A* w = weight.empty() ? nullptr : weight.data();
    cpu::distance_forward<T>(shape, {f.data(), target.data(), w, kEps, distance.data(), statistics.data()}, threads);
    const std::int64_t size = shape.batch * shape.positions;
    const A* plane = statistics.data();
    std::vector<A> back(plane + cpu::kGap * size, plane + (cpu::kGap + 1) * size);
    cpu::distance_backward<T>(shape,
                              {grad.data(), f.data(), target.data(), plane + cpu::kReciprocal * size,
                               plane + cpu::kOtherReciprocal * size, plane + cpu::kAlong * size, back.data(), w, grad_f.data()},
                              threads);
    for (A& gap : back) {
      gap = -gap;
    }
    cpu::distance_backward<T>(shape,
                              {grad.data(), target.data(), f.data(), plane + cpu::kOtherReciprocal * size,
                               plane + cpu::kReciprocal * size, plane + cpu::kOtherAlong * size, back.data(), w, grad_target.data()},
                              threads);
  }

  Reference reference() const { return {shape, wide(f), wide(target), wide(weight), wide(grad)}; }

  std::string name() const {
    return std::string(Limits<T>::name) + " distance (" + std::to_string(shape.batch) + ", " +
           std::to_string(shape.channels) + ", " + std::to_string(shape.positions) + ")" +
           (shape.channels_last ? " columns" : " rows") + (weight.empty() ? "" : " weighted");
  }
};

template <typename T>
void compare(const std::vector<T>& got, const Values& wanted, double floor, const std::string& what) {
  check_close(wide(got), wanted, (largest(wanted) + floor) * (Limits<T>::rounding + Limits<T>::error), what);
}

template <typename T>
void check_against_reference(Call<T>& call, std::int64_t threads, double floor, const std::string& what) {
  call.run(threads);
  const Reference reference = call.reference();
  const std::string name = call.name() + " " + what + ": ";
  compare(call.distance, reference.distance, floor, name + "value");
  compare(call.grad_f, reference.grad_f, floor, name + "grad_f");
  compare(call.grad_target, reference.grad_target, floor, name + "grad_target");
}

template <typename T>
void check_shapes() {
  const std::tuple<int, int, int> shapes[] = {{1, 1, 1},   {2, 1, 37},   {3, 5, 1},    {2, 16, 64},
                                              {2, 67, 33}, {1, 3, 1100}, {3, 40, 600}, {1, 2100, 19}, {2, 9, 4101}};
  for (const auto& [batch, channels, positions] : shapes) {
    for (bool channels_last : {false, true}) {
      for (bool weighted : {false, true}) {
        Call<T> call({batch, channels, positions, 1, channels_last}, weighted);
        // Of one channel only rounding errors are left: a vector of length 1 has no other direction.
        check_against_reference(call, weighted ? 3 : 1, channels == 1 ? 10 : 0, "as it is");
        Call<T> one = call;
        one.run(1);
        check_same_bits(one.distance, call.distance, call.name() + ": the same on 1 and 3 threads: value");
        check_same_bits(one.grad_f, call.grad_f, call.name() + ": the same on 1 and 3 threads: grad_f");
      }
    }
  }
}

// Large enough for the gradient to be written past the caches.
template <typename T>
void check_large(bool channels_last) {
  constexpr std::int64_t positions = (33 << 20) / (3 * 32 * sizeof(T)) / 64 * 64;
  Call<T> call({1, 32, positions, 1, channels_last}, true);
  check_against_reference(call, 3, 0, "large");
}

template <typename T>
void check_special_values(bool channels_last) {
  const Shape shape{2, 19, 70, 1, channels_last};
  const std::int64_t half = shape.elements() / 2;
  {
    Call<T> call(shape, true);
    call.target = call.f;
    call.run(2);
    check(largest(wide(call.distance)) == 0 && largest(wide(call.grad_f)) == 0, call.name() + ": equal features");
  }
  {
    Call<T> call(shape, true);
    for (std::int64_t s = 0; s < shape.positions; ++s) {  // one, the other, or both vectors zero
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        if (s % 4 == 1 || s % 4 == 3) {
          call.f[place(shape, 0, c, s)] = narrow<T>(0);
        }
        if (s % 4 >= 2) {
          call.target[place(shape, 0, c, s)] = narrow<T>(0);
        }
      }
    }
    check_against_reference(call, 2, 0, "with zero vectors");
  }
  for (double nan : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Call<T> call(shape, true);
    call.f[5] = narrow<T>(nan);
    call.run(2);
    bool rest = !std::isnan(double(call.distance[1]));
    for (std::int64_t i = half; i < shape.elements(); ++i) {
      rest = rest && !std::isnan(widen(call.grad_f[i]));
    }
    check(std::isnan(double(call.distance[0])) && std::isnan(widen(call.grad_f[5])) && rest,
          call.name() + ": a NaN or infinity reaches its sample alone");
  }
  for (const auto& [size, target_size] : {std::pair{1e-17, 1e12}, {1e-12, 1e-15}, {1e25, 1e-15}, {1e30, 1e25}}) {
    Call<T> call(shape, true);
    for (std::int64_t i = 0; i < half; ++i) {
      call.f[i] = narrow<T>(size * widen(call.f[i]));
      call.target[i] = narrow<T>(target_size * widen(call.target[i]));
    }
    // Gradients of tiny features are huge and the other way round, so sample by sample and map by map.
    call.run(2);
    const Reference reference = call.reference();
    compare(call.distance, reference.distance, 0, call.name() + ": huge and tiny: value");
    for (std::int64_t start : {std::int64_t{0}, half}) {
      const auto part = [&](const auto& from) {
        return std::decay_t<decltype(from)>(from.begin() + start, from.begin() + start + half);
      };
      compare(part(call.grad_f), part(reference.grad_f), 0, call.name() + ": huge and tiny: grad_f");
      compare(part(call.grad_target), part(reference.grad_target), 0, call.name() + ": huge and tiny: grad_target");
    }
  }
}

// Relative to the distance itself, which is the square of how far the features are apart.
template <typename T>
void check_nearly_equal(double apart, bool channels_last) {
  Call<T> call({1, 64, 300, 1, channels_last}, false);
  for (std::size_t i = 0; i < call.f.size(); ++i) {
    call.target[i] = narrow<T>(widen(call.f[i]) * (1 + apart * (i % 7)));
  }
  check_against_reference(call, 1, 0, "of nearly equal features");
}

// Gradients of two samples in two layers: by a power of two exactly, by 1 not at all.
template <typename T>
void check_scale(std::vector<T> large, std::vector<T> odd) {
  using A = accumulator_t<T>;
  const auto scaled = [](std::vector<T> values) {
    for (std::size_t i = 0; i < values.size() / 2; ++i) {
      values[i] = narrow<T>(-4 * widen(values[i]));
    }
    return values;
  };
  const std::vector<T> wanted[] = {scaled(large), scaled(odd)};
  const A factors[] = {-4, 1};
  cpu::scale_gradients<T>({{large.data(), static_cast<std::int64_t>(large.size() / 2)},
                           {odd.data(), static_cast<std::int64_t>(odd.size() / 2)}},
                          factors, 2, 3);
  check_same_bits(large, wanted[0], std::string(Limits<T>::name) + " gradients times -4 and 1: large");
  check_same_bits(odd, wanted[1], std::string(Limits<T>::name) + " gradients times -4 and 1: odd");
}

// Value and gradient in one sweep over two layers, a large one among them, are those of the two functions.
template <typename T>
void check_with_gradients(bool channels_last) {
  const std::int64_t positions = (17 << 20) / (3 * 32 * sizeof(T)) / 64 * 64;
  Call<T> large({2, 32, positions, 1, channels_last}, true), odd({2, 67, 33, 1, channels_last}, false);
  std::vector<T> of_large(large.f.size()), of_odd(odd.f.size());
  std::vector<accumulator_t<T>> distance(2);
  cpu::distance_of_layers<T>(
      {{large.shape, large.f.data(), large.target.data(), large.weight.data(), of_large.data()},
       {odd.shape, odd.f.data(), odd.target.data(), nullptr, of_odd.data()}},
      kEps, 1, distance.data(), 3);
  Values total(2);
  for (auto [call, got] : {std::pair{&large, &of_large}, {&odd, &of_odd}}) {
    call->grad = {1, 1};
    call->run(3);
    const Reference reference = call->reference();
    const std::string name = call->name() + " in one sweep: ";
    compare(*got, reference.grad_f, 0, name + "grad_f");
    total = {total[0] + reference.distance[0], total[1] + reference.distance[1]};
  }
  compare(distance, total, 0, large.name() + " in one sweep: value");
  std::vector<accumulator_t<T>> alone(2);
  cpu::distance_of_layers<T>({{large.shape, large.f.data(), large.target.data(), large.weight.data(), nullptr},
                              {odd.shape, odd.f.data(), odd.target.data(), nullptr, nullptr}},
                             kEps, 1, alone.data(), 2);
  check_same_bits(alone, distance, large.name() + " in one sweep: value alone");
  std::vector<T> quarter(odd.f.size()), wanted;
  cpu::distance_of_layers<T>({{odd.shape, odd.f.data(), odd.target.data(), nullptr, quarter.data()}}, kEps, 0.25,
                             alone.data(), 2);
  for (const T& value : of_odd) {
    wanted.push_back(narrow<T>(0.25 * widen(value)));
  }
  check_same_bits(quarter, wanted, odd.name() + " in one sweep: another cotangent");
  check_scale(of_large, of_odd);
}

template <typename T>
void check_type() {
  check_shapes<T>();
  for (bool channels_last : {false, true}) {
    check_special_values<T>(channels_last);
    check_with_gradients<T>(channels_last);
  }
}

}  // namespace

void test_perceptual_distance() {
  check_type<float>();
  check_type<double>();
  check_type<bfloat16>();
  for (bool channels_last : {false, true}) {
    check_nearly_equal<float>(1e-5, channels_last);
    check_nearly_equal<double>(1e-5, channels_last);
    check_large<float>(channels_last);
  }
  check_large<bfloat16>(true);
}

}  // namespace monai_gan::tests
