#include "cpu/winograd.h"

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_winograd(py::module_& module) {
  const auto release = py::call_guard<py::gil_scoped_release>();
  module.attr("winograd_channels") = cpu::kWinogradChannels;
  module.def("winograd_pitch", &cpu::winograd_pitch);
  py::class_<cpu::Image>(module, "Image")
      .def(py::init([](std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels) {
        return cpu::Image{batch, height, width, channels};
      }));
  module.def(
      "winograd_patches_float32",
      [](const cpu::Image& image, std::int64_t first, std::int64_t count, Address x, Address points,
         std::int64_t threads) { cpu::winograd_patches({image, first, count}, at<float>(x), at<float>(points), threads); },
      release);
  module.def(
      "winograd_kernels_float32",
      [](Address kernels, std::int64_t count, std::int64_t channels, bool turned, Address points,
         std::int64_t threads) {
        cpu::winograd_kernels(at<float>(kernels), count, channels, turned, at<float>(points), threads);
      },
      release);
  module.def(
      "winograd_results_float32",
      [](const cpu::Image& image, std::int64_t first, std::int64_t count, Address points, Address bias, Address y,
         std::int64_t threads) {
        cpu::winograd_results({image, first, count}, at<float>(points), at<float>(bias), at<float>(y), threads);
      },
      release);
}

}  // namespace monai_gan::bindings
