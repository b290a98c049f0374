// The compiled module monai_gan._native.
#include "bindings/bindings.h"

#include <pybind11/stl.h>

#include "contract.h"
#include "cpu/isa.h"
#ifdef MONAI_GAN_CUDA
#include "cuda/bindings.h"
#endif

PYBIND11_MODULE(_native, module) {
  module.doc() = "Compiled operations of monai_gan; monai_gan.ops is the public face.";
  module.attr("contract") = monai_gan::kContract;
  module.def("cpu_isa", &monai_gan::cpu::isa, "The instruction set that the CPU kernels use.");
  module.def("cpu_isas", &monai_gan::cpu::isas, "The instruction sets that they could use here, the best last.");
  monai_gan::bindings::bind_group_norm_act(module);
  monai_gan::bindings::bind_gradient_norm_penalty(module);
  monai_gan::bindings::bind_interpolate(module);
  monai_gan::bindings::bind_perceptual_distance(module);
  monai_gan::bindings::bind_ssim(module);
  monai_gan::bindings::bind_winograd(module);
#ifdef MONAI_GAN_CUDA
  monai_gan::bindings::bind_cuda(module);
#endif
}
