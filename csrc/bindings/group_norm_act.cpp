#include "cpu/group_norm_act.h"

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_group_norm_act(py::module_& module) {
  // How the tensors of a call lie in memory, made once per call by the Python side.
  py::class_<cpu::Shape>(module, "Shape")
      .def(py::init([](std::int64_t batch, std::int64_t channels, std::int64_t positions, std::int64_t groups,
                       bool channels_last) {
             return cpu::Shape{batch, channels, positions, groups, channels_last};
           }),
           py::arg("batch"), py::arg("channels"), py::arg("positions"), py::arg("groups"), py::arg("channels_last"));

  for_each_type([&](auto element, const std::string& suffix) {
    using T = decltype(element);
    using A = cpu::accumulator_t<T>;
    const std::string name = "group_norm_act";
    module.def(
        (name + "_forward" + suffix).c_str(),
        [](const cpu::Shape& shape, bool smooth, double slope, double eps, Address x, Address weight, Address bias,
           Address z, Address mean, Address rstd, std::int64_t threads) {
          cpu::norm_act_forward<T>(
              shape, {smooth, slope},
              {at<T>(x), at<A>(weight), at<A>(bias), at<T>(z), at<A>(mean), at<A>(rstd), eps}, threads);
        },
        py::arg("shape"), py::arg("smooth"), py::arg("slope"), py::arg("eps"), py::arg("x"), py::arg("weight"),
        py::arg("bias"), py::arg("z"), py::arg("mean"), py::arg("rstd"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_backward" + suffix).c_str(),
        [](const cpu::Shape& shape, bool smooth, double slope, Address grad, Address x, Address mean, Address rstd,
           Address weight, Address bias, Address grad_x, Address grad_weight, Address grad_bias,
           std::int64_t threads) {
          cpu::norm_act_backward<T>(
              shape, {smooth, slope}, {at<T>(x), at<A>(mean), at<A>(rstd), at<A>(weight), at<A>(bias)},
              {at<T>(grad), at<T>(grad_x), at<A>(grad_weight), at<A>(grad_bias)}, threads);
        },
        py::arg("shape"), py::arg("smooth"), py::arg("slope"), py::arg("grad"), py::arg("x"), py::arg("mean"),
        py::arg("rstd"), py::arg("weight"), py::arg("bias"), py::arg("grad_x"), py::arg("grad_weight"),
        py::arg("grad_bias"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_double_backward" + suffix).c_str(),
        [](const cpu::Shape& shape, bool smooth, double slope, Address v, Address p, Address s, Address grad,
           Address x, Address mean, Address rstd, Address weight, Address bias, Address cot_grad, Address cot_x,
           Address cot_weight, Address cot_bias, std::int64_t threads) {
          cpu::norm_act_double_backward<T>(
              shape, {smooth, slope}, {at<T>(x), at<A>(mean), at<A>(rstd), at<A>(weight), at<A>(bias)},
              {at<T>(v), at<A>(p), at<A>(s), at<T>(grad), at<T>(cot_grad), at<T>(cot_x), at<A>(cot_weight),
               at<A>(cot_bias)},
              threads);
        },
        py::arg("shape"), py::arg("smooth"), py::arg("slope"), py::arg("v"), py::arg("p"), py::arg("s"),
        py::arg("grad"), py::arg("x"), py::arg("mean"), py::arg("rstd"), py::arg("weight"), py::arg("bias"),
        py::arg("cot_grad"), py::arg("cot_x"), py::arg("cot_weight"), py::arg("cot_bias"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>());
  });
}

}  // namespace monai_gan::bindings
