// One cluster of blocks per group of channels reads the group once into shared memory, sums over it and maps it.
//
// Each thread takes the same elements when it reads and when it maps, so that what it keeps in shared memory is its own
// and needs no barrier; only sums travel between threads. Every sum is taken in an order that the plan alone decides.
#pragma once

#include "cuda/derivatives.cuh"
#include "cuda/element.cuh"
#include "cuda/plan.h"
#include "cuda/share.cuh"
#include "cuda/sums.cuh"

namespace monai_gan::cuda {

// How many vectors of each input a thread has on their way while it works on one: 4 x 3 x 16 bytes by 512 threads are
// several times what a multiprocessor needs in flight to keep its share of the memory busy.
constexpr int kAhead = 4;

// Statistics (N, G); the rest (C,), or null for 1 and 0.
struct Parameters {
  const float* mean;
  const float* rstd;
  const float* weight;
  const float* bias;
  const float* p;
  const float* s;
};

template <typename Op, typename T>
struct Arguments {
  const T* inputs[Op::kInputs];  // (N, C, S)
  T* outputs[Op::kOutputs];
  float* row_sums;  // (2, slots, N, C), or null if not asked for
  Parameters parameters;
  Plan plan;
  float slope;
  float inverse_count;  // 1 / elements of a group
};

__device__ __forceinline__ float value_or(const float* values, int index, float otherwise) {
  return values == nullptr ? otherwise : values[index];
}

// What a thread of the kernel works with.
template <typename Op, typename T>
struct Context {
  const Arguments<Op, T>& args;
  const Plan& plan;
  const Share& share;
  const Group& group;
  T* resident;  // the share in shared memory, (inputs, rows, length)

  __device__ T* resident_at(int input, int row, int position) const {
    return resident + (input * plan.rows + row) * plan.length + position;
  }

  __device__ Channel channel(int row) const {
    const Parameters& of = args.parameters;
    const int c = share.channel + row;
    return {value_or(of.weight, c, 1.0f), value_or(of.bias, c, 0.0f), value_or(of.p, c, 0.0f), value_or(of.s, c, 0.0f)};
  }
};

// Element `j` of the vectors of all inputs.
template <int kInputs, int kWidth, typename T>
__device__ __forceinline__ void unpack(const Vector<T, kWidth> (&in)[kInputs], int j, float (&values)[kInputs]) {
#pragma unroll
  for (int k = 0; k < kInputs; ++k) {
    values[k] = widen(in[k].values[j]);
  }
}

// Starts reading the vector that `at` points to, if it points to any.
template <int kWidth, typename Op, typename T>
__device__ __forceinline__ void prefetch(const Context<Op, T>& context, const Cursor& at) {
  if (at.valid()) {
    const std::int64_t place = context.share.place(context.plan, at.row) + at.position;
#pragma unroll
    for (int k = 0; k < Op::kInputs; ++k) {
      copy_async<kWidth>(context.resident_at(k, at.row, at.position), context.args.inputs[k] + place);
    }
  }
  __pipeline_commit();
}

// Reads what is the thread's of the group and adds it up.
template <int kWidth, typename Op, typename T>
__device__ __forceinline__ void reduce(const Context<Op, T>& context, float (&sums)[Op::kSums]) {
  Channel channel{};
  int row = -1;
  Cursor ahead(context.plan, context.share);
#pragma unroll 1
  for (int i = 0; i < kAhead; ++i) {
    prefetch<kWidth>(context, ahead);
    ahead.advance();
  }
  for (Cursor at(context.plan, context.share); at.valid(); at.advance()) {
    prefetch<kWidth>(context, ahead);
    ahead.advance();
    if (at.row != row) {
      row = at.row;
      channel = context.channel(row);
    }
    __pipeline_wait_prior(kAhead);
    Vector<T, kWidth> in[Op::kInputs];
#pragma unroll
    for (int k = 0; k < Op::kInputs; ++k) {
      in[k] = load<kWidth>(context.resident_at(k, at.row, at.position));
    }
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      float values[Op::kInputs];
      unpack(in, j, values);
      Op::accumulate(context.group, channel, values, sums);
    }
  }
}

// Maps what a thread has of a piece of a row and adds up the row's sums.
template <int kWidth, typename Op, typename T>
__device__ __forceinline__ void map(const Context<Op, T>& context, const Op& op, const Piece& piece,
                                    float (&row_sums)[2]) {
  const Channel channel = context.channel(piece.row);
  const std::int64_t place = context.share.place(context.plan, piece.row);
  for (int i = piece.begin + lane_of(context.plan) * kWidth; i < piece.end; i += lanes_of(context.plan) * kWidth) {
    Vector<T, kWidth> in[Op::kInputs];
    Vector<T, kWidth> out[Op::kOutputs];
#pragma unroll
    for (int k = 0; k < Op::kInputs; ++k) {
      in[k] = load<kWidth>(context.resident_at(k, piece.row, i));
    }
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      float values[Op::kInputs];
      float mapped[Op::kOutputs];
      unpack(in, j, values);
      op.map(context.group, channel, values, mapped, row_sums);
#pragma unroll
      for (int k = 0; k < Op::kOutputs; ++k) {
        narrow(mapped[k], out[k].values[j]);
      }
    }
#pragma unroll
    for (int k = 0; k < Op::kOutputs; ++k) {
      store(context.args.outputs[k] + place + i, out[k]);
    }
  }
}

// Writes a team's sums over its piece of a row.
template <typename Op, typename T>
__device__ __forceinline__ void write_row_sums(const Context<Op, T>& context, const Piece& piece,
                                               const float (&row_sums)[2]) {
  const Plan& plan = context.plan;
  const std::int64_t size = static_cast<std::int64_t>(plan.batch) * plan.channels;
  const std::int64_t at = (context.share.slot + piece.index) * size + context.share.first_row + piece.row;
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    const float sum = sum_over_team(row_sums[k], lanes_of(plan));
    if (piece.exists && lane_of(plan) == 0) {
      context.args.row_sums[k * plan.slots * size + at] = sum;
    }
  }
}

// 64 registers per thread, so that two blocks of the largest size share a multiprocessor.
template <typename Op, typename T, int kWidth>
__global__ void __launch_bounds__(kMaxWarps * kWarp, 2) resident_group(const __grid_constant__ Arguments<Op, T> args) {
  cluster::arrive();
  const Share share(args.plan);
  const float mean = args.parameters.mean[share.group];
  const float rstd = args.parameters.rstd[share.group];
  const Group group{mean, rstd, args.inverse_count, args.slope};
  float* scratch = reinterpret_cast<float*>(shared_memory());
  T* resident = reinterpret_cast<T*>(shared_memory() + kScratchBytes);
  const Context<Op, T> context{args, args.plan, share, group, resident};

  float sums[Op::kSums] = {};
  reduce<kWidth>(context, sums);
  sum_over_cluster(sums, scratch, args.plan.cluster);
  const Op op(group, sums);
  for_each_piece(args.plan, share, [&](const Piece& piece) {
    float row_sums[2] = {};
    if (piece.exists) {
      map<kWidth>(context, op, piece, row_sums);
    }
    if (args.row_sums != nullptr) {
      write_row_sums(context, piece, row_sums);
    }
  });
}

}  // namespace monai_gan::cuda
