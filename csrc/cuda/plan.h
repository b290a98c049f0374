// How a group of channels is cut over a cluster of blocks, so that all of it stays in their shared memory.
#pragma once

#include <cstdint>
#include <optional>

namespace monai_gan::cuda {

constexpr int kWarp = 32;
constexpr int kMaxWarps = 16;
constexpr int kMaxCluster = 8;  // the largest that every device with clusters runs
constexpr int kMaxSums = 12;    // per group, of any operation
constexpr int kWideBytes = 16;  // what a thread reads at once
constexpr int kNarrowBytes = 4;

// Shared memory for sums: per warp, and per block of the cluster.
constexpr int kScratchFloats = (kMaxWarps + kMaxCluster) * kMaxSums;
constexpr int kScratchBytes = kScratchFloats * static_cast<int>(sizeof(float));

// What a device offers to one launch.
struct Machine {
  std::int64_t shared_bytes;  // per block at most; 0: not served
  int cluster;                // blocks per cluster at most; 1: no clusters
  int processors;             // streaming multiprocessors
  int warps = kMaxWarps;      // per block at most
};

Machine machine_of(int major, int minor, int processors);

// A contiguous tensor (N, C, *S), seen as (batch, channels, positions).
struct Shape {
  std::int64_t batch;
  std::int64_t channels;
  std::int64_t groups;
  std::int64_t positions;
};

// Each block of a cluster holds `rows` channels of the group by `length` positions: the cluster is channel_splits by
// space_splits blocks, the last of each possibly with less. A row is cut into `pieces`, and teams of 2^lane_bits
// threads take the pieces in turn. Lengths are multiples of the `width` elements that a thread reads at once.
struct Plan {
  int batch;
  int channels;
  int groups;
  int positions;
  int cluster;
  int channel_splits;
  int space_splits;
  int rows;
  int length;
  int width;
  int lane_bits;
  int pieces;
  int piece_length;
  int warps;
  int slots;  // partial sums per channel and sample that the kernel writes: space_splits by pieces
  int shared_bytes;
};

// The plan for `inputs` tensors of `itemsize` bytes per element, or none if a group does not fit. Threads read 16 bytes
// at once or 4; there is no plan either if rows or addresses, multiples of `alignment` bytes, allow for neither.
std::optional<Plan> make_plan(const Shape& shape, int inputs, int itemsize, std::int64_t alignment,
                              const Machine& machine);

}  // namespace monai_gan::cuda
