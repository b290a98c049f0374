// The kernels against the definition in double: odd sizes, every element type, clusters of several sizes.
#include <functional>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "cuda/element.cuh"
#include "cuda/group_norm_act.h"
#include "tests/cuda_memory.h"
#include "tests/cuda_reference.h"
#include "tests/cuda_report.h"

namespace monai_gan::cuda {

namespace {

// Relative to the largest value of a result: sums and the map in float; then the rounding of the elements.
constexpr double kArithmetic = 2e-5;

template <typename T>
struct Traits;
template <>
struct Traits<float> {
  static constexpr Type kType = Type::kFloat32;
  static constexpr const char* kName = "float32";
  static constexpr double kRounding = 0;
};
template <>
struct Traits<__half> {
  static constexpr Type kType = Type::kFloat16;
  static constexpr const char* kName = "float16";
  static constexpr double kRounding = 0x1p-11;
};
template <>
struct Traits<__nv_bfloat16> {
  static constexpr Type kType = Type::kBFloat16;
  static constexpr const char* kName = "bfloat16";
  static constexpr double kRounding = 0x1p-8;
};

struct Case {
  const char* name;
  Shape shape;
  int alignment = kWideBytes;
  double mean = 0;
};

struct Options {
  const char* name;
  bool smooth;
  float slope;
  bool weight;
  bool bias;
  bool p;
  bool s;
};

// What one test works on: values as the element type holds them, and their copies on the device.
template <typename T>
class Problem {
 public:
  Problem(const Case& test, const Options& options, const Plan& plan)
      : shape_(test.shape),
        options_(options),
        plan_(plan),
        size_(count(shape_.batch * shape_.channels * shape_.positions)) {
    std::mt19937 generator(7);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t size, double mean) {
      return each(size, [&](std::size_t) { return static_cast<double>(static_cast<float>(mean + normal(generator))); });
    };
    const std::size_t channels = count(shape_.channels);
    x_ = rounded(draw(size_, test.mean));
    grad_ = rounded(draw(size_, 0));
    v_ = rounded(draw(size_, 0.3));
    p_ = options.p ? draw(channels, 0) : Values(channels, 0);
    s_ = options.s ? draw(channels, 0) : Values(channels, 0);
    const std::size_t groups = count(shape_.batch * shape_.groups);
    reference_ = {shape_, options.smooth, options.slope, Values(groups), Values(groups), Values(channels, 1),
                  Values(channels, 0)};
    reference_.weight = options.weight ? draw(channels, 1) : reference_.weight;
    reference_.bias = options.bias ? draw(channels, 0) : reference_.bias;
    const Values means = reference_.means(x_);
    const Values squares = reference_.means(each(size_, [&](std::size_t i) { return std::pow(x_[i] - means[i], 2); }));
    for (std::size_t i = 0; i < size_; ++i) {
      reference_.mean[reference_.group(i)] = static_cast<float>(means[i]);
      reference_.rstd[reference_.group(i)] = static_cast<float>(1 / std::sqrt(squares[i] + 1e-5));
    }
  }

  // grad_x, grad_weight, grad_bias; the latter two only if asked for.
  std::vector<Values> backward(bool parameters) {
    DeviceArray<T> grad(packed(grad_));
    DeviceArray<T> x(packed(x_));
    DeviceArray<T> grad_x(unwritten());
    DeviceArray<float> rows(unwritten_rows());
    with_layer([&](const Layer& layer, const float*, const float*) {
      float* row_sums = parameters ? rows.data() : nullptr;
      cuda::backward(layer, plan_, grad.data(), x.data(), grad_x.data(), row_sums, {0, nullptr});
    });
    return results({grad_x.values()}, parameters ? rows.values() : std::vector<float>());
  }

  // Cotangents of grad, x, weight and bias.
  std::vector<Values> double_backward() {
    DeviceArray<T> v(packed(v_));
    DeviceArray<T> grad(packed(grad_));
    DeviceArray<T> x(packed(x_));
    DeviceArray<T> cot_grad(unwritten());
    DeviceArray<T> cot_x(unwritten());
    DeviceArray<float> rows(unwritten_rows());
    with_layer([&](const Layer& layer, const float* p, const float* s) {
      cuda::double_backward(layer, plan_, v.data(), p, s, grad.data(), x.data(), cot_grad.data(), cot_x.data(),
                            rows.data(), {0, nullptr});
    });
    return results({cot_grad.values(), cot_x.values()}, rows.values());
  }

  std::vector<Values> expected_backward() const { return backward_reference(reference_, grad_, x_); }
  std::vector<Values> expected_double_backward() const {
    return double_backward_reference(reference_, v_, p_, s_, grad_, x_);
  }
  void spoil(std::size_t i) { x_[i] = std::numeric_limits<double>::quiet_NaN(); }

 private:
  static std::size_t count(std::int64_t value) { return static_cast<std::size_t>(value); }

  static std::vector<float> floats(const Values& values) { return {values.begin(), values.end()}; }

  static std::vector<T> packed(const Values& values) {
    std::vector<T> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      narrow(static_cast<float>(values[i]), result[i]);
    }
    return result;
  }

  static Values unpacked(const std::vector<T>& values) {
    return each(values.size(), [&](std::size_t i) { return static_cast<double>(widen(values[i])); });
  }

  static Values rounded(const Values& values) { return unpacked(packed(values)); }

  std::vector<T> unwritten() const { return packed(Values(size_, std::numeric_limits<double>::quiet_NaN())); }

  std::vector<float> unwritten_rows() const {
    return std::vector<float>(count(2 * plan_.slots * shape_.batch * shape_.channels), NAN);
  }

  template <typename Call>
  void with_layer(Call call) {
    DeviceArray<float> mean(floats(reference_.mean));
    DeviceArray<float> rstd(floats(reference_.rstd));
    DeviceArray<float> weight(floats(reference_.weight));
    DeviceArray<float> bias(floats(reference_.bias));
    DeviceArray<float> p(floats(p_));
    DeviceArray<float> s(floats(s_));
    const Layer layer{Traits<T>::kType,
                      mean.data(),
                      rstd.data(),
                      options_.weight ? weight.data() : nullptr,
                      options_.bias ? bias.data() : nullptr,
                      options_.smooth,
                      options_.slope};
    call(layer, options_.p ? p.data() : nullptr, options_.s ? s.data() : nullptr);
  }

  std::vector<Values> results(const std::vector<std::vector<T>>& full, const std::vector<float>& rows) const {
    std::vector<Values> values;
    for (const std::vector<T>& tensor : full) {
      values.push_back(unpacked(tensor));
    }
    for (std::size_t first = 0; first < rows.size(); first += rows.size() / 2) {
      Values sums(count(shape_.channels));
      for (std::size_t i = 0; i < rows.size() / 2; ++i) {
        sums[i % sums.size()] += rows[first + i];
      }
      values.push_back(sums);
    }
    return values;
  }

  Shape shape_;
  Options options_;
  Plan plan_;
  std::size_t size_;
  Values x_, grad_, v_, p_, s_;
  Reference reference_;
};

bool close(const Values& actual, const Values& expected, double rounding) {
  double largest = 0;
  for (const double value : expected) {
    largest = std::max(largest, std::abs(value));
  }
  bool holds = actual.size() == expected.size();
  for (std::size_t i = 0; holds && i < actual.size(); ++i) {
    const double tolerance = rounding * std::abs(expected[i]) + kArithmetic * std::max(largest, 1e-3);
    holds = std::abs(actual[i] - expected[i]) <= tolerance;
  }
  return holds;
}

// Two warps keep the emulation fast and still let warps wait for each other.
#ifdef MONAI_GAN_CUDA_EMULATION
Machine this_machine() { return {0, 4, 1, 2}; }
#else
Machine this_machine() {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "tell what the device can do");
  return machine_of(properties.major, properties.minor, properties.multiProcessorCount);
}
#endif

// The plan of a machine whose shared memory is so small that it takes a cluster of that many blocks.
std::optional<Plan> plan_with_cluster(const Case& test, int inputs, int itemsize, int cluster) {
  Machine machine{kScratchBytes, cluster, 1, this_machine().warps};
  for (; machine.shared_bytes < 99 * 1024; machine.shared_bytes += 16) {
    const std::optional<Plan> plan = make_plan(test.shape, inputs, itemsize, test.alignment, machine);
    if (plan && plan->cluster == cluster) {
      return plan;
    }
  }
  return std::nullopt;
}

constexpr Case kCases[] = {
    {"instance norm, odd", {2, 3, 3, 35}},
    {"instance norm, pairs", {2, 3, 3, 38}},
    {"instance norm, vectors", {1, 2, 2, 4096}},
    {"one channel", {1, 1, 1, 64}},
    {"groups", {2, 6, 2, 40}},
    {"groups, unaligned", {1, 6, 3, 32}, kNarrowBytes},
    {"layer norm", {1, 8, 1, 16}},
    {"layer norm, uneven", {2, 5, 1, 24}},
    {"layer norm, one position", {2, 13, 1, 1}},
    {"layer norm, more rows than teams", {1, 75, 1, 8}},
    {"long odd rows", {1, 2, 1, 1537}},
    {"far from zero", {1, 2, 2, 333}, kWideBytes, 1e4},
};

constexpr Options kOptions[] = {
    {"SiLU, everything", true, 0, true, true, true, true},
    {"LeakyReLU, everything", false, 0.2f, true, true, true, true},
    {"SiLU, nothing", true, 0, false, false, false, false},
    {"ReLU, gain and p", false, 0, true, false, true, false},
    {"identity, shift and s", false, 1, false, true, false, true},
};

using MakePlan = std::function<std::optional<Plan>(int inputs)>;

template <typename T>
void test_case(Report& report, const Case& test, const Options& options, const MakePlan& make_plan) {
  std::string name = std::string(Traits<T>::kName) + ", " + test.name + ", " + options.name;
  const std::optional<Plan> two = make_plan(2);
  const std::optional<Plan> three = make_plan(3);
  report.expect(two && three, name + ": there are plans");
  if (!two || !three) {
    return;
  }
  name += ", clusters of " + std::to_string(two->cluster) + " and " + std::to_string(three->cluster);
  const auto expect_close = [&](const std::vector<Values>& actual, const std::vector<Values>& expected,
                                const char* of) {
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const bool full = expected[k].size() > static_cast<std::size_t>(test.shape.channels);
      report.expect(close(actual[k], expected[k], full ? Traits<T>::kRounding : 0),
                    name + ", " + of + ", result " + std::to_string(k));
    }
  };
  Problem<T> first(test, options, *two);
  expect_close(first.backward(true), first.expected_backward(), "backward");
  Problem<T> second(test, options, *three);
  expect_close(second.double_backward(), second.expected_double_backward(), "double backward");
}

void test_properties(Report& report) {
  const Case test{"two groups", {1, 4, 2, 65}};
  const int cluster = this_machine().cluster;
  Problem<float> problem(test, kOptions[0], *plan_with_cluster(test, 3, 4, cluster));
  report.expect(problem.double_backward() == problem.double_backward(), "the same bits again");
  problem.spoil(3);
  const std::vector<Values> spoilt = problem.double_backward();
  bool inside = true;
  bool outside = true;
  for (std::size_t i = 0; i < 260; ++i) {
    (i < 130 ? inside : outside) &= std::isnan(spoilt[0][i]) == (i < 130) && std::isnan(spoilt[1][i]) == (i < 130);
  }
  report.expect(inside, "a NaN spoils its group");
  report.expect(outside, "a NaN spoils no other group");
  Problem<float> first(test, kOptions[0], *plan_with_cluster(test, 2, 4, cluster));
  report.expect(first.backward(false)[0] == first.backward(true)[0], "parameters that nobody asks for");
}

// All options on a device. The emulation takes one per case, type and cluster: together they cover all of them.
template <typename T>
void test_options(Report& report, const Case& test, int cluster, [[maybe_unused]] std::size_t turn) {
  const MakePlan plan = [&](int inputs) { return plan_with_cluster(test, inputs, sizeof(T), cluster); };
#ifdef MONAI_GAN_CUDA_EMULATION
  test_case<T>(report, test, kOptions[turn % std::size(kOptions)], plan);
#else
  for (const Options& options : kOptions) {
    test_case<T>(report, test, options, plan);
  }
#endif
}

#ifndef MONAI_GAN_CUDA_EMULATION
// Groups that fill the shared memory of a block and of a cluster, as users meet them.
template <typename T>
void test_capacity(Report& report) {
  for (const std::int64_t positions : {13'000, 27'000, 65'536, 150'000, 262'144, 300'000}) {
    const Case test{"large group", {3, 2, 2, positions}};
    const MakePlan plan = [&](int inputs) {
      return make_plan(test.shape, inputs, sizeof(T), kWideBytes, this_machine());
    };
    if (plan(3)) {
      test_case<T>(report, test, kOptions[0], plan);
      test_case<T>(report, test, kOptions[1], plan);
    }
  }
}
#endif

}  // namespace

void test_kernels(Report& report, bool quick) {
  std::size_t turn = 0;
  for (const Case& test : kCases) {
    for (int cluster = 1; cluster <= this_machine().cluster; cluster *= 2) {
      test_options<float>(report, test, cluster, turn++);
      if (!quick && test.mean == 0 && test.shape.positions % 2 == 0) {
        test_options<__half>(report, test, cluster, turn++);
        test_options<__nv_bfloat16>(report, test, cluster, turn++);
      }
    }
  }
  test_properties(report);
#ifndef MONAI_GAN_CUDA_EMULATION
  test_capacity<float>(report);
  test_capacity<__half>(report);
#endif
}

}  // namespace monai_gan::cuda
