// The CUDA runtime with exceptions: every failed call becomes a std::runtime_error that says what failed and why.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace monai_gan::cuda {

inline void check(cudaError_t status, const char* action) {
  if (status != cudaSuccess) {
    cudaGetLastError();  // so that the next call does not report this one
    throw std::runtime_error(std::string("CUDA could not ") + action + ": " + cudaGetErrorString(status) + " (" +
                             cudaGetErrorName(status) + ").");
  }
}

// Makes a device current for its lifetime.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device) {
    check(cudaGetDevice(&before_), "tell the current device");
    if (device != before_) {
      check(cudaSetDevice(device), "select the tensors' device");
      changed_ = true;
    }
  }
  ~DeviceGuard() {
    if (changed_) {
      cudaSetDevice(before_);
    }
  }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace monai_gan::cuda
