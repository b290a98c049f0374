// The bindings over the emulated kernels: the functions of a CUDA build of monai_gan._native, on CPU memory.
#include "cuda/bindings.h"

PYBIND11_MODULE(cuda_emulated, module) { monai_gan::bindings::bind_cuda(module); }
