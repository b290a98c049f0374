#include "cpu/interpolate.h"

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_interpolate(py::module_& module) {
  for_each_type([&](auto element, const std::string& suffix) {
    using T = decltype(element);
    using A = cpu::accumulator_t<T>;
    module.def(
        ("interpolate" + suffix).c_str(),
        [](Address real, Address fake, Address weights, Address out, std::int64_t batch, std::int64_t inner,
           std::int64_t threads) {
          cpu::interpolate<T>({batch, inner}, at<T>(real), at<T>(fake), at<A>(weights), at<T>(out), threads);
        },
        py::arg("real"), py::arg("fake"), py::arg("weights"), py::arg("out"), py::arg("batch"), py::arg("inner"),
        py::arg("threads") = 1, py::call_guard<py::gil_scoped_release>());
    module.def(
        ("interpolate_random" + suffix).c_str(),
        [](Address real, Address fake, Address state, Address weights, Address out, std::int64_t batch,
           std::int64_t inner, std::int64_t threads) {
          cpu::interpolate_random<T>({batch, inner}, at<T>(real), at<T>(fake), at<std::int64_t>(state), at<A>(weights),
                                     at<T>(out), threads);
        },
        py::arg("real"), py::arg("fake"), py::arg("state"), py::arg("weights"), py::arg("out"), py::arg("batch"),
        py::arg("inner"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
  });
}

}  // namespace monai_gan::bindings
