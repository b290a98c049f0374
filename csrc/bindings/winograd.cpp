#include "cpu/winograd.h"

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_winograd(py::module_& module) {
  module.def("winograd_size", &cpu::winograd_size, py::arg("from"), py::arg("to"));
  module.def(
      "winograd_kernels_float32",
      [](Address values, std::int64_t count, std::int64_t channels, bool turned, Address transformed,
         std::int64_t threads) {
        cpu::winograd_kernels({at<float>(values), count, channels, turned}, at<float>(transformed), threads);
      },
      py::arg("values"), py::arg("count"), py::arg("channels"), py::arg("turned"), py::arg("transformed"),
      py::arg("threads"), py::call_guard<py::gil_scoped_release>());
  module.def(
      "winograd_convolve_float32",
      [](std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t results,
         Address x, Address transformed, Address bias, Address y, std::int64_t threads) {
        cpu::winograd_convolve({batch, height, width, channels}, results, at<float>(x), at<float>(transformed),
                               at<float>(bias), at<float>(y), threads);
      },
      py::arg("batch"), py::arg("height"), py::arg("width"), py::arg("channels"), py::arg("results"), py::arg("x"),
      py::arg("transformed"), py::arg("bias"), py::arg("y"), py::arg("threads"),
      py::call_guard<py::gil_scoped_release>());
}

}  // namespace monai_gan::bindings
