// The compiled module monai_gan._native. Tensors arrive as addresses (Tensor.data_ptr()); the Python side has checked
// shapes, types, devices and layouts, so nothing here looks at them again.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>

#include "cpu/interpolate.h"

namespace py = pybind11;

namespace {

template <typename T>
void interpolate(std::uintptr_t real, std::uintptr_t fake, std::uintptr_t weights, std::uintptr_t out,
                 std::int64_t batch, std::int64_t inner) {
  if (batch < 0 || inner < 0) {
    throw std::invalid_argument("interpolate: batch and inner must not be negative.");
  }
  monai_gan::cpu::interpolate(reinterpret_cast<const T*>(real), reinterpret_cast<const T*>(fake),
                              reinterpret_cast<const T*>(weights), reinterpret_cast<T*>(out), batch, inner);
}

template <typename Function>
void define_interpolate(py::module_& module, const char* name, Function function) {
  module.def(name, function, py::arg("real"), py::arg("fake"), py::arg("weights"), py::arg("out"), py::arg("batch"),
             py::arg("inner"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "Compiled operations of monai_gan; monai_gan.ops is the public face.";
  define_interpolate(module, "interpolate_float32", &interpolate<float>);
  define_interpolate(module, "interpolate_float64", &interpolate<double>);
}
