// What the kernels need of a block and a cluster of blocks. Devices without clusters have clusters of one block.
#pragma once

#ifdef MONAI_GAN_CUDA_EMULATION
#include "tests/cuda_emulation.h"
#else

#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline.h>

#include "cuda/plan.h"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define MONAI_GAN_CLUSTERS 1
#endif

namespace monai_gan::cuda {

// The block's dynamic shared memory.
__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(16) unsigned char memory[];
  return memory;
}

namespace cluster {

__device__ __forceinline__ int rank() {
#ifdef MONAI_GAN_CLUSTERS
  return static_cast<int>(cooperative_groups::this_cluster().block_rank());
#else
  return 0;
#endif
}

// Announces that this thread has come here; wait() returns once every thread of the cluster has.
__device__ __forceinline__ void arrive() {
#ifdef MONAI_GAN_CLUSTERS
  cooperative_groups::this_cluster().barrier_arrive();
#endif
}

__device__ __forceinline__ void wait() {
#ifdef MONAI_GAN_CLUSTERS
  cooperative_groups::this_cluster().barrier_wait();
#endif
}

// A barrier for all threads of the cluster: what they wrote to shared memory, of whichever block, is seen after it.
__device__ __forceinline__ void sync() {
#ifdef MONAI_GAN_CLUSTERS
  cooperative_groups::this_cluster().sync();
#else
  __syncthreads();
#endif
}

// The same place in the shared memory of another block of the cluster.
__device__ __forceinline__ float* remote(float* local, [[maybe_unused]] int rank) {
#ifdef MONAI_GAN_CLUSTERS
  return cooperative_groups::this_cluster().map_shared_rank(local, rank);
#else
  return local;
#endif
}

}  // namespace cluster
}  // namespace monai_gan::cuda

#endif
