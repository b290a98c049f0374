// Arrays in the memory that the kernels work on: the device's, or the CPU's where they are emulated.
#pragma once

#include <vector>

#ifndef MONAI_GAN_CUDA_EMULATION
#include "cuda/runtime.h"
#endif

namespace monai_gan::cuda {

template <typename T>
class DeviceArray {
 public:
#ifdef MONAI_GAN_CUDA_EMULATION
  explicit DeviceArray(const std::vector<T>& values) : values_(values) {}
  T* data() { return values_.data(); }
  std::vector<T> values() const { return values_; }

 private:
  std::vector<T> values_;
#else
  explicit DeviceArray(const std::vector<T>& values) : size_(values.size()) {
    check(cudaMalloc(reinterpret_cast<void**>(&data_), size_ * sizeof(T)), "reserve memory");
    check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "copy to the device");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  std::vector<T> values() const {
    std::vector<T> values(size_);
    check(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost), "copy from the device");
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
#endif
};

}  // namespace monai_gan::cuda
