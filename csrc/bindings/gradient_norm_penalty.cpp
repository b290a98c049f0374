#include "cpu/gradient_norm_penalty.h"

#include "bindings/bindings.h"

namespace py = pybind11;

namespace monai_gan::bindings {

void bind_gradient_norm_penalty(py::module_& module) {
  for_each_type([&](auto element, const std::string& suffix) {
    using T = decltype(element);
    using A = cpu::accumulator_t<T>;
    const std::string name = "gradient_norm_penalty";
    module.def(
        (name + "_forward" + suffix).c_str(),
        [](Address grad, Address value, Address norms, std::int64_t batch, std::int64_t inner, int kind, double weight,
           double target, std::int64_t threads) {
          cpu::penalty_forward<T>({batch, inner}, {static_cast<cpu::PenaltyKind>(kind), weight, target}, at<T>(grad),
                                  at<A>(value), at<A>(norms), threads);
        },
        py::arg("grad"), py::arg("value"), py::arg("norms"), py::arg("batch"), py::arg("inner"), py::arg("kind"),
        py::arg("weight"), py::arg("target"), py::arg("threads"), py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_backward" + suffix).c_str(),
        [](Address out_grad, Address grad, Address norms, Address out, std::int64_t batch, std::int64_t inner, int kind,
           double weight, double target, std::int64_t threads) {
          cpu::penalty_backward<T>({batch, inner}, {static_cast<cpu::PenaltyKind>(kind), weight, target},
                                   at<A>(out_grad), at<T>(grad), at<A>(norms), at<T>(out), threads);
        },
        py::arg("out_grad"), py::arg("grad"), py::arg("norms"), py::arg("out"), py::arg("batch"), py::arg("inner"),
        py::arg("kind"), py::arg("weight"), py::arg("target"), py::arg("threads"),
        py::call_guard<py::gil_scoped_release>());
    module.def(
        (name + "_double_backward" + suffix).c_str(),
        [](Address u, Address out_grad, Address grad, Address norms, Address cot_out_grad, Address cot_grad,
           std::int64_t batch, std::int64_t inner, int kind, double weight, double target, std::int64_t threads) {
          cpu::penalty_double_backward<T>({batch, inner}, {static_cast<cpu::PenaltyKind>(kind), weight, target},
                                          at<T>(u), at<A>(out_grad), at<T>(grad), at<A>(norms), at<A>(cot_out_grad),
                                          at<T>(cot_grad), threads);
        },
        py::arg("u"), py::arg("out_grad"), py::arg("grad"), py::arg("norms"), py::arg("cot_out_grad"),
        py::arg("cot_grad"), py::arg("batch"), py::arg("inner"), py::arg("kind"), py::arg("weight"), py::arg("target"),
        py::arg("threads"), py::call_guard<py::gil_scoped_release>());
  });
}

}  // namespace monai_gan::bindings
