// The CUDA kernels in the compiled module, in builds that have them.
#pragma once

#include <pybind11/pybind11.h>

namespace monai_gan::bindings {

void bind_cuda(pybind11::module_& module);

}  // namespace monai_gan::bindings
