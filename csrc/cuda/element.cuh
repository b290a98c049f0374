// Element types, and several elements as one load or store.
#pragma once

#include "cuda/cluster.cuh"

namespace monai_gan::cuda {

template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Vector {
  T values[kWidth];
};

template <int kWidth, typename T>
__device__ __forceinline__ Vector<T, kWidth> load(const T* address) {
  return *reinterpret_cast<const Vector<T, kWidth>*>(address);
}

template <int kWidth, typename T>
__device__ __forceinline__ void store(T* address, const Vector<T, kWidth>& vector) {
  *reinterpret_cast<Vector<T, kWidth>*>(address) = vector;
}

// Begins to copy from global to shared memory; __pipeline_wait_prior waits for it.
template <int kWidth, typename T>
__device__ __forceinline__ void copy_async(T* shared, const T* global) {
  __pipeline_memcpy_async(shared, global, sizeof(Vector<T, kWidth>));
}

__device__ __forceinline__ float widen(float value) { return value; }
__device__ __forceinline__ float widen(__half value) { return __half2float(value); }
__device__ __forceinline__ float widen(__nv_bfloat16 value) { return __bfloat162float(value); }

__device__ __forceinline__ void narrow(float value, float& out) { out = value; }
__device__ __forceinline__ void narrow(float value, __half& out) { out = __float2half_rn(value); }
__device__ __forceinline__ void narrow(float value, __nv_bfloat16& out) { out = __float2bfloat16_rn(value); }

}  // namespace monai_gan::cuda
