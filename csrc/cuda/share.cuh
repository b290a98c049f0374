// Which elements of a group a block holds, and which of these a thread takes.
#pragma once

#include "cuda/cluster.cuh"
#include "cuda/plan.h"

namespace monai_gan::cuda {

// A block's part of its group: `rows` channels from `channel` on, `length` positions from `begin` on.
struct Share {
  int group;      // of (N, G)
  int first_row;  // of (N, C)
  int channel;
  int rows;
  int begin;
  int length;
  int slot;  // of the partial sums, for the first piece of a row

  __device__ explicit Share(const Plan& plan) {
    const int of_group = plan.channels / plan.groups;
    const int across = cluster::rank() % plan.space_splits;
    const int skipped = cluster::rank() / plan.space_splits * plan.rows;
    group = static_cast<int>(blockIdx.x) / plan.cluster;
    first_row = group * of_group + skipped;
    channel = group % plan.groups * of_group + skipped;
    rows = max(min(plan.rows, of_group - skipped), 0);
    begin = min(across * plan.length, plan.positions);
    length = min(plan.length, plan.positions - begin);
    slot = across * plan.pieces;
  }

  // Where the share of a row begins in a tensor (N, C, S); row counts from the share's first.
  __device__ std::int64_t place(const Plan& plan, int row) const {
    return static_cast<std::int64_t>(first_row + row) * plan.positions + begin;
  }
};

// A stretch of a row that a team of threads takes; `exists` is false for teams that find none left.
struct Piece {
  bool exists;
  int row;  // row and positions count from the share's
  int index;
  int begin;
  int end;
};

// Teams in a block, the thread's team, threads of a team, and the thread's place among them.
__device__ __forceinline__ int teams_of(const Plan& plan) { return static_cast<int>(blockDim.x) >> plan.lane_bits; }
__device__ __forceinline__ int team_of(const Plan& plan) { return static_cast<int>(threadIdx.x) >> plan.lane_bits; }
__device__ __forceinline__ int lanes_of(const Plan& plan) { return 1 << plan.lane_bits; }
__device__ __forceinline__ int lane_of(const Plan& plan) {
  return static_cast<int>(threadIdx.x) & (lanes_of(plan) - 1);
}

__device__ __forceinline__ Piece piece_of(const Plan& plan, const Share& share, int number) {
  Piece piece;
  piece.exists = number < share.rows * plan.pieces;
  piece.row = number / plan.pieces;
  piece.index = number % plan.pieces;
  piece.begin = min(piece.index * plan.piece_length, share.length);
  piece.end = piece.exists ? min(piece.begin + plan.piece_length, share.length) : piece.begin;
  return piece;
}

// Calls body(piece) for the pieces of the thread's team, in step for all threads of a warp.
template <typename Body>
__device__ __forceinline__ void for_each_piece(const Plan& plan, const Share& share, Body body) {
  for (int first = 0; first < share.rows * plan.pieces; first += teams_of(plan)) {
    body(piece_of(plan, share, first + team_of(plan)));
  }
}

// Walks over the vectors that a thread takes of its team's pieces, in their order.
class Cursor {
 public:
  int row;
  int position;

  __device__ Cursor(const Plan& plan, const Share& share) : plan_(plan), share_(share), number_(team_of(plan)) {
    seek();
  }

  __device__ bool valid() const { return number_ < share_.rows * plan_.pieces; }

  __device__ void advance() {
    position += lanes_of(plan_) * plan_.width;
    if (position >= end_) {
      number_ += teams_of(plan_);
      seek();
    }
  }

 private:
  // To the first vector of the next piece that has one for this thread.
  __device__ void seek() {
    for (; valid(); number_ += teams_of(plan_)) {
      const Piece piece = piece_of(plan_, share_, number_);
      row = piece.row;
      position = piece.begin + lane_of(plan_) * plan_.width;
      end_ = piece.end;
      if (position < end_) {
        return;
      }
    }
  }

  const Plan& plan_;
  const Share& share_;
  int number_;
  int end_ = 0;
};

}  // namespace monai_gan::cuda
