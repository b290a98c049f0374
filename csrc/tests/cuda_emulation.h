// Runs the CUDA kernels on the CPU: a std::thread for every CUDA thread of a cluster, so that ThreadSanitizer sees a
// missing barrier, and shared memory that starts as NaN, so that the results show what nobody wrote. Stands in for
// CUDA's headers and for the device half of cuda/cluster.cuh.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "cuda/plan.h"
#include "tests/cuda_half.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)

namespace monai_gan::cuda {

using std::max;
using std::min;

namespace emulation {

class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  // What wait() takes.
  int arrive() {
    const int mine = round_.load();
    if (arrived_.fetch_add(1) + 1 == threads_) {
      arrived_ = 0;
      ++round_;
      round_.notify_all();
    }
    return mine;
  }

  void wait(int mine) { round_.wait(mine); }

  void sync() { wait(arrive()); }

 private:
  const int threads_;
  std::atomic<int> arrived_ = 0;
  std::atomic<int> round_ = 0;
};

struct Warp {
  Barrier barrier{kWarp};
  float lanes[2][kWarp];  // two shuffles' worth: a thread may be one ahead of another
};

struct Block {
  Block(int warps, int shared_bytes)
      : barrier(warps * kWarp), warps(static_cast<std::size_t>(warps)), shared(shared_bytes / sizeof(Line)) {
    std::memset(shared.data(), 0xff, shared.size() * sizeof(Line));
  }
  struct alignas(16) Line {
    unsigned char bytes[16];
  };
  Barrier barrier;
  std::vector<Warp> warps;
  std::vector<Line> shared;
};

struct Cluster {
  Cluster(int blocks, int warps, int shared_bytes) : barrier(blocks * warps * kWarp) {
    for (int block = 0; block < blocks; ++block) {
      this->blocks.push_back(std::make_unique<Block>(warps, shared_bytes));
    }
  }
  Barrier barrier;
  std::vector<std::unique_ptr<Block>> blocks;
};

// A copy to shared memory that has been asked for; it happens when a thread waits for it and no sooner.
struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
};

struct Thread {
  Cluster* cluster = nullptr;
  int rank = 0;
  int index = 0;
  int shuffles = 0;
  int arrival = 0;
  bool started = false;  // whether the other blocks of the cluster are known to run
  std::vector<Copy> asked;
  std::deque<std::vector<Copy>> committed;

  Block& block() const { return *cluster->blocks[static_cast<std::size_t>(rank)]; }
};

inline thread_local Thread self;

struct Index {
  unsigned x = 0;
};

}  // namespace emulation

inline thread_local emulation::Index threadIdx;
inline thread_local emulation::Index blockIdx;
inline thread_local emulation::Index blockDim;

inline unsigned char* shared_memory() { return emulation::self.block().shared.data()->bytes; }

inline void __syncthreads() { emulation::self.block().barrier.sync(); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
  emulation::Thread& self = emulation::self;
  emulation::Warp& warp = self.block().warps[static_cast<std::size_t>(self.index / kWarp)];
  float* lanes = warp.lanes[self.shuffles++ % 2];
  const int lane = self.index % kWarp;
  lanes[lane] = value;
  warp.barrier.sync();
  return lanes[lane ^ mask];
}

inline void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes) {
  emulation::self.asked.push_back({to, from, bytes});
}

inline void __pipeline_commit() {
  emulation::self.committed.push_back(std::move(emulation::self.asked));
  emulation::self.asked.clear();
}

inline void __pipeline_wait_prior(std::size_t left) {
  auto& committed = emulation::self.committed;
  for (; committed.size() > left; committed.pop_front()) {
    for (const emulation::Copy& copy : committed.front()) {
      std::memcpy(copy.to, copy.from, copy.bytes);
    }
  }
}

inline float __expf(float value) { return std::exp(value); }

inline float __fdividef(float a, float b) { return a / b; }

namespace cluster {

inline int rank() { return emulation::self.rank; }

inline void arrive() { emulation::self.arrival = emulation::self.cluster->barrier.arrive(); }

inline void wait() {
  emulation::self.cluster->barrier.wait(emulation::self.arrival);
  emulation::self.started = true;
}

inline void sync() { emulation::self.cluster->barrier.sync(); }

inline float* remote(float* local, int rank) {
  if (!emulation::self.started) {
    std::fprintf(stderr, "A thread reached into another block that may not have started.\n");
    std::abort();
  }
  const auto offset = reinterpret_cast<unsigned char*>(local) - shared_memory();
  emulation::Block& block = *emulation::self.cluster->blocks[static_cast<std::size_t>(rank)];
  return reinterpret_cast<float*>(block.shared.data()->bytes + offset);
}

}  // namespace cluster

// Runs the clusters of a grid one after the other.
template <typename Argument, typename Queue>
void start(void (*kernel)(Argument), const Argument& argument, const Plan& plan, const Queue&) {
  for (int first = 0; first < plan.batch * plan.groups * plan.cluster; first += plan.cluster) {
    emulation::Cluster cluster(plan.cluster, plan.warps, plan.shared_bytes);
    std::vector<std::thread> threads;
    for (int i = 0; i < plan.cluster * plan.warps * kWarp; ++i) {
      threads.emplace_back([&, i] {
        const int size = plan.warps * kWarp;
        emulation::self.cluster = &cluster;
        emulation::self.rank = i / size;
        emulation::self.index = i % size;
        threadIdx.x = static_cast<unsigned>(i % size);
        blockIdx.x = static_cast<unsigned>(first + i / size);
        blockDim.x = static_cast<unsigned>(size);
        kernel(argument);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
}

}  // namespace monai_gan::cuda
