#include "cpu/perceptual_distance.h"

#include "bindings/bindings.h"

#include <pybind11/stl.h>

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_perceptual_distance(py::module_& module) {
  for_each_type([&](auto element, const std::string& suffix) {
    using T = decltype(element);
    using A = cpu::accumulator_t<T>;
    const std::string name = "perceptual_distance";
    module.def(
        (name + "_forward" + suffix).c_str(),
        [](const cpu::Shape& shape, double eps, Address f, Address target, Address weight, Address distance,
           Address statistics, std::int64_t threads) {
          cpu::distance_forward<T>(
              shape, {at<T>(f), at<T>(target), at<A>(weight), eps, at<A>(distance), at<A>(statistics)}, threads);
        },
        py::arg("shape"), py::arg("eps"), py::arg("f"), py::arg("target"), py::arg("weight"), py::arg("distance"),
        py::arg("statistics"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_backward" + suffix).c_str(),
        [](const cpu::Shape& shape, Address grad, Address f, Address other, Address reciprocal,
           Address other_reciprocal, Address along, Address gap, Address weight, Address grad_f,
           std::int64_t threads) {
          cpu::distance_backward<T>(shape,
                                    {at<A>(grad), at<T>(f), at<T>(other), at<A>(reciprocal), at<A>(other_reciprocal),
                                     at<A>(along), at<A>(gap), at<A>(weight), at<T>(grad_f)},
                                    threads);
        },
        py::arg("shape"), py::arg("grad"), py::arg("f"), py::arg("other"), py::arg("reciprocal"),
        py::arg("other_reciprocal"), py::arg("along"), py::arg("gap"), py::arg("weight"), py::arg("grad_f"),
        py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_of_layers" + suffix).c_str(),
        [](const std::vector<cpu::Shape>& shapes, double eps, double cotangent, const std::vector<Address>& f,
           const std::vector<Address>& target, const std::vector<Address>& weight,
           const std::vector<Address>& gradient, Address distance, std::int64_t threads) {
          std::vector<cpu::DistanceLayer<T>> layers;
          for (std::size_t i = 0; i < shapes.size(); ++i) {
            layers.push_back({shapes[i], at<T>(f[i]), at<T>(target[i]), at<A>(weight[i]), at<T>(gradient[i])});
          }
          cpu::distance_of_layers<T>(layers, eps, cotangent, at<A>(distance), threads);
        },
        py::arg("shapes"), py::arg("eps"), py::arg("cotangent"), py::arg("f"), py::arg("target"), py::arg("weight"),
        py::arg("gradient"), py::arg("distance"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_scale" + suffix).c_str(),
        [](Address factors, const std::vector<std::int64_t>& sizes, const std::vector<Address>& gradients,
           std::int64_t batch, std::int64_t threads) {
          std::vector<cpu::LayerGradient<T>> layers;
          for (std::size_t i = 0; i < sizes.size(); ++i) {
            layers.push_back({at<T>(gradients[i]), sizes[i]});
          }
          cpu::scale_gradients<T>(layers, at<A>(factors), batch, threads);
        },
        py::arg("factors"), py::arg("sizes"), py::arg("gradients"), py::arg("batch"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>());
  });
}

}  // namespace monai_gan::bindings
