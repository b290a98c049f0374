#include "cpu/ssim.h"

#include <pybind11/stl.h>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

namespace {

using Extents = std::array<std::int64_t, 4>;  // volumes, depth, height, width

cpu::Volumes volumes(const Extents& extents) { return {extents[0], extents[1], extents[2], extents[3]}; }

}  // namespace

void bind_ssim(py::module_& module) {
  module.def(
      "ssim_workspace",
      [](const Extents& extents, const std::array<std::int64_t, 3>& size, bool both, std::int64_t threads) {
        return cpu::ssim_workspace(volumes(extents), {size, {}, 0, 0}, both, threads);
      },
      py::arg("extents"), py::arg("size"), py::arg("both"), py::arg("threads"));
  for_each_type([&](auto element, const std::string& suffix) {
    using T = decltype(element);
    using A = cpu::accumulator_t<T>;
    const std::string name = "ssim";
    module.def(
        (name + "_forward" + suffix).c_str(),
        [](Address x, Address y, Address similarity, Address contrast, const Extents& extents,
           const std::array<std::int64_t, 3>& size, const std::array<double, 3>& sigma, double c1, double c2,
           std::int64_t threads) {
          cpu::ssim_forward<T>(volumes(extents), {size, sigma, c1, c2}, at<T>(x), at<T>(y), at<A>(similarity),
                               at<A>(contrast), threads);
        },
        py::arg("x"), py::arg("y"), py::arg("similarity"), py::arg("contrast"), py::arg("extents"), py::arg("size"),
        py::arg("sigma"), py::arg("c1"), py::arg("c2"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_backward" + suffix).c_str(),
        [](Address to_similarity, Address to_contrast, Address x, Address y, Address grad_x, Address grad_y,
           Address workspace, const Extents& extents, const std::array<std::int64_t, 3>& size,
           const std::array<double, 3>& sigma, double c1, double c2, std::int64_t threads) {
          cpu::ssim_backward<T>(volumes(extents), {size, sigma, c1, c2}, at<A>(to_similarity), at<A>(to_contrast),
                                at<T>(x), at<T>(y), at<T>(grad_x), at<T>(grad_y), at<A>(workspace), threads);
        },
        py::arg("to_similarity"), py::arg("to_contrast"), py::arg("x"), py::arg("y"), py::arg("grad_x"),
        py::arg("grad_y"), py::arg("workspace"), py::arg("extents"), py::arg("size"), py::arg("sigma"), py::arg("c1"),
        py::arg("c2"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
  });
}

}  // namespace monai_gan::bindings
