// Sums over threads, each in an order that does not depend on when the threads run.
#pragma once

#include "cuda/cluster.cuh"
#include "cuda/plan.h"

namespace monai_gan::cuda {

// The sum over `lanes` neighbours, a power of two; the same bits for each of them.
__device__ __forceinline__ float sum_over_team(float value, int lanes) {
  for (int offset = lanes / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

// Replaces each of `sums` by its sum over all threads of a cluster of `blocks`. `scratch` is kScratchFloats of shared
// memory. Every thread has called cluster::arrive() before.
template <int kSums>
__device__ __forceinline__ void sum_over_cluster(float (&sums)[kSums], float* scratch, int blocks) {
  static_assert(kSums <= kMaxSums);
  float* of_warps = scratch;
  float* of_blocks = scratch + kMaxWarps * kMaxSums;
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
#pragma unroll
  for (int k = 0; k < kSums; ++k) {
    const float sum = sum_over_team(sums[k], kWarp);
    if (thread % kWarp == 0) {
      of_warps[thread / kWarp * kSums + k] = sum;
    }
  }
  __syncthreads();
  // A block may write into another only once that one runs.
  cluster::wait();
  // Each block hands its sums to all: after one more barrier each has everything at hand, and none reads from a block
  // that may have ended.
  for (int i = thread; i < blocks * kSums; i += threads) {
    const int k = i % kSums;
    float sum = 0.0f;
    for (int warp = 0; warp < threads / kWarp; ++warp) {
      sum += of_warps[warp * kSums + k];
    }
    cluster::remote(of_blocks, i / kSums)[cluster::rank() * kSums + k] = sum;
  }
  cluster::sync();
#pragma unroll
  for (int k = 0; k < kSums; ++k) {
    sums[k] = of_blocks[k];
  }
#pragma unroll 1
  for (int block = 1; block < blocks; ++block) {
#pragma unroll
    for (int k = 0; k < kSums; ++k) {
      sums[k] += of_blocks[block * kSums + k];
    }
  }
}

}  // namespace monai_gan::cuda
