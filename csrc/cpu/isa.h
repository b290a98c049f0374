// Which instruction set the kernels use: chosen once, at the first call, by what the processor can do.
#pragma once

#include <string>
#include <vector>

#include "cpu/kernels/tables.h"

namespace monai_gan::cpu {

// The sets that this build holds and this processor can run, the best last; "baseline" is always one.
std::vector<std::string> isas();

// The set in use: the best, or the one that the environment variable MONAI_GAN_CPU_ISA names. Throws
// std::invalid_argument, at every call, where that names none that can run here.
const std::string& isa();

// The kernels of that set.
const Tables& tables();

}  // namespace monai_gan::cpu
