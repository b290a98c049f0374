// What the binding files share. Tensors arrive as addresses (Tensor.data_ptr(), 0 for None); the Python side has
// checked shapes, types, devices and layouts, so nothing here looks at them again.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "cpu/types.h"

namespace monai_gan::bindings {

using Address = std::uintptr_t;

template <typename T>
T* at(Address address) {
  return reinterpret_cast<T*>(address);
}

// Calls define(T{}, suffix of the function names) for each element type.
template <typename Define>
void for_each_type(const Define& define) {
  define(float{}, std::string("_float32"));
  define(double{}, std::string("_float64"));
  define(cpu::bfloat16{}, std::string("_bfloat16"));
}

void bind_group_norm_act(pybind11::module_& module);
void bind_gradient_norm_penalty(pybind11::module_& module);
void bind_interpolate(pybind11::module_& module);
void bind_perceptual_distance(pybind11::module_& module);
void bind_ssim(pybind11::module_& module);
void bind_winograd(pybind11::module_& module);

}  // namespace monai_gan::bindings
