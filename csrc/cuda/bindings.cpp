#include "cuda/bindings.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>

#include "bindings/bindings.h"
#include "cuda/group_norm_act.h"
#include "cuda/plan.h"

namespace py = pybind11;

namespace monai_gan::bindings {

namespace {

using cuda::Layer;
using cuda::Plan;
using cuda::Queue;

void bind_plan(py::module_& module) {
  py::class_<Plan>(module, "CudaPlan", py::module_local(), "How a group is cut over blocks; see csrc/cuda/plan.h.")
      .def_readonly("cluster", &Plan::cluster)
      .def_readonly("slots", &Plan::slots)
      .def_readonly("shared_bytes", &Plan::shared_bytes);
  module.def(
      "cuda_plan",
      [](std::int64_t batch, std::int64_t channels, std::int64_t groups, std::int64_t positions, int inputs,
         int itemsize, std::int64_t alignment, std::pair<int, int> capability, int processors) -> std::optional<Plan> {
        const cuda::Machine machine = cuda::machine_of(capability.first, capability.second, processors);
        return cuda::make_plan({batch, channels, groups, positions}, inputs, itemsize, alignment, machine);
      },
      py::arg("batch"), py::arg("channels"), py::arg("groups"), py::arg("positions"), py::arg("inputs"),
      py::arg("itemsize"), py::arg("alignment"), py::arg("capability"), py::arg("processors"),
      "The plan for contiguous tensors, or None if they are not served.");
}

Queue queue_of(int device, Address stream) { return {device, at<void>(stream)}; }

void bind_type(py::module_& module, cuda::Type type, const std::string& suffix) {
  const auto layer_of = [type](bool smooth, float slope, Address mean, Address rstd, Address weight, Address bias) {
    return Layer{type, at<float>(mean), at<float>(rstd), at<float>(weight), at<float>(bias), smooth, slope};
  };
  module.def(
      ("cuda_group_norm_act_backward" + suffix).c_str(),
      [layer_of](const Plan& plan, bool smooth, float slope, Address grad, Address x, Address mean, Address rstd,
                 Address weight, Address bias, Address grad_x, Address row_sums, int device, Address stream) {
        cuda::backward(layer_of(smooth, slope, mean, rstd, weight, bias), plan, at<void>(grad), at<void>(x),
                       at<void>(grad_x), at<float>(row_sums), queue_of(device, stream));
      },
      py::arg("plan"), py::arg("smooth"), py::arg("slope"), py::arg("grad"), py::arg("x"), py::arg("mean"),
      py::arg("rstd"), py::arg("weight"), py::arg("bias"), py::arg("grad_x"), py::arg("row_sums"), py::arg("device"),
      py::arg("stream"), py::call_guard<py::gil_scoped_release>());
  module.def(
      ("cuda_group_norm_act_double_backward" + suffix).c_str(),
      [layer_of](const Plan& plan, bool smooth, float slope, Address v, Address p, Address s, Address grad, Address x,
                 Address mean, Address rstd, Address weight, Address bias, Address cot_grad, Address cot_x,
                 Address row_sums, int device, Address stream) {
        cuda::double_backward(layer_of(smooth, slope, mean, rstd, weight, bias), plan, at<void>(v), at<float>(p),
                              at<float>(s), at<void>(grad), at<void>(x), at<void>(cot_grad), at<void>(cot_x),
                              at<float>(row_sums), queue_of(device, stream));
      },
      py::arg("plan"), py::arg("smooth"), py::arg("slope"), py::arg("v"), py::arg("p"), py::arg("s"), py::arg("grad"),
      py::arg("x"), py::arg("mean"), py::arg("rstd"), py::arg("weight"), py::arg("bias"), py::arg("cot_grad"),
      py::arg("cot_x"), py::arg("row_sums"), py::arg("device"), py::arg("stream"),
      py::call_guard<py::gil_scoped_release>());
}

}  // namespace

void bind_cuda(py::module_& module) {
  // What the kernels are compiled for; newer devices compile them from the last at their first use.
  module.attr("cuda_architectures") = py::make_tuple("8.0", "9.0");
  bind_plan(module);
  bind_type(module, cuda::Type::kFloat32, "_float32");
  bind_type(module, cuda::Type::kFloat16, "_float16");
  bind_type(module, cuda::Type::kBFloat16, "_bfloat16");
}

}  // namespace monai_gan::bindings
