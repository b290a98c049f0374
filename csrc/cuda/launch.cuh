// From a call with addresses to the kernel of its element type and width.
#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "cuda/group_norm_act.h"
#include "cuda/resident_group.cuh"

#ifndef MONAI_GAN_CUDA_EMULATION
#include "cuda/runtime.h"
#endif

namespace monai_gan::cuda {

struct Launch {
  const Layer& layer;
  const Plan& plan;
  std::array<const void*, 3> inputs;
  std::array<void*, 2> outputs;
  const float* p;
  const float* s;
  float* row_sums;
  const Queue& queue;
};

#ifndef MONAI_GAN_CUDA_EMULATION
// The emulation has a function of this name that runs the kernel on the CPU.
template <typename Argument>
void start(void (*kernel)(Argument), const Argument& argument, const Plan& plan, const Queue& queue) {
  const DeviceGuard guard(queue.device);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, plan.shared_bytes),
        "reserve shared memory for group_norm_act");
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim.x = static_cast<unsigned>(plan.cluster);
  cluster.val.clusterDim.y = 1;
  cluster.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(plan.batch * plan.groups * plan.cluster));
  config.blockDim = dim3(static_cast<unsigned>(plan.warps * kWarp));
  config.dynamicSmemBytes = static_cast<std::size_t>(plan.shared_bytes);
  config.stream = static_cast<cudaStream_t>(queue.stream);
  config.attrs = &cluster;
  config.numAttrs = plan.cluster > 1 ? 1 : 0;  // devices without clusters refuse the attribute
  check(cudaLaunchKernelEx(&config, kernel, argument), "launch group_norm_act");
}
#endif

template <typename Op, typename T, int kWidth>
void run_typed(const Launch& launch) {
  const Layer& layer = launch.layer;
  const Plan& plan = launch.plan;
  Arguments<Op, T> argument{};
  for (int k = 0; k < Op::kInputs; ++k) {
    argument.inputs[k] = static_cast<const T*>(launch.inputs[k]);
  }
  for (int k = 0; k < Op::kOutputs; ++k) {
    argument.outputs[k] = static_cast<T*>(launch.outputs[k]);
  }
  argument.row_sums = launch.row_sums;
  argument.parameters = {layer.mean, layer.rstd, layer.weight, layer.bias, launch.p, launch.s};
  argument.plan = plan;
  argument.slope = layer.slope;
  argument.inverse_count =
      static_cast<float>(1.0 / (static_cast<double>(plan.channels / plan.groups) * plan.positions));
  start<Arguments<Op, T>>(resident_group<Op, T, kWidth>, argument, plan, launch.queue);
}

template <typename Op, typename T>
void run_of_type(const Launch& launch) {
  constexpr int kWide = kWideBytes / sizeof(T);
  constexpr int kNarrow = kNarrowBytes / sizeof(T);
  launch.plan.width == kWide ? run_typed<Op, T, kWide>(launch) : run_typed<Op, T, kNarrow>(launch);
}

template <typename Op>
void run(const Launch& launch) {
  switch (launch.layer.type) {
    case Type::kFloat32:
      return run_of_type<Op, float>(launch);
    case Type::kFloat16:
      return run_of_type<Op, __half>(launch);
    case Type::kBFloat16:
      return run_of_type<Op, __nv_bfloat16>(launch);
  }
}

}  // namespace monai_gan::cuda
