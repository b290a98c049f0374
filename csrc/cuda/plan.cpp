#include "cuda/plan.h"

#include <algorithm>
#include <limits>

namespace monai_gan::cuda {

namespace {

constexpr std::int64_t kKibibyte = 1024;
constexpr std::int64_t kReserved = 1024;          // shared memory that the system takes per block
constexpr int kMinWarps = 4;
constexpr int kVectorsPerThread = 2;              // fewer, and threads idle
constexpr std::int64_t kMinBlockElements = 4096;  // below this another block costs more than it brings
constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t round_up(std::int64_t a, std::int64_t b) { return divide_up(a, b) * b; }

struct Cut {
  int channel_splits;
  std::int64_t rows;
  std::int64_t length;

  std::int64_t elements() const { return rows * length; }
};

// How many elements a thread reads at once, or 0: what the hardware copies to shared memory in the background.
int width_of(std::int64_t positions, int itemsize, std::int64_t alignment) {
  for (const int bytes : {kWideBytes, kNarrowBytes}) {
    if (alignment % bytes == 0 && positions * itemsize % bytes == 0) {
      return bytes / itemsize;
    }
  }
  return 0;
}

// Cuts channels before positions where both are even: longer rows, fewer partial sums.
Cut cut_group(std::int64_t channels, std::int64_t positions, int width, int cluster) {
  Cut best{1, channels, round_up(divide_up(positions, cluster), width)};
  for (int splits = 2; splits <= cluster; splits *= 2) {
    const Cut cut{splits, divide_up(channels, splits), round_up(divide_up(positions, cluster / splits), width)};
    if (splits <= channels && cut.elements() <= best.elements()) {
      best = cut;
    }
  }
  return best;
}

std::int64_t shared_bytes(const Cut& cut, int inputs, int itemsize) {
  return kScratchBytes + round_up(cut.elements() * inputs * itemsize, kWideBytes);
}

// Teams of threads and pieces of rows such that the busiest thread reads the fewest vectors.
void assign_threads(Plan& plan, int max_warps) {
  const std::int64_t vectors = plan.length / plan.width;
  const std::int64_t wanted = divide_up(plan.rows * vectors, kWarp * kVectorsPerThread);
  plan.warps = static_cast<int>(std::clamp<std::int64_t>(wanted, std::min(kMinWarps, max_warps), max_warps));
  int lanes = 1;
  plan.lane_bits = 0;
  while (lanes < kWarp && lanes < vectors) {
    lanes *= 2;
    ++plan.lane_bits;
  }
  const std::int64_t teams = plan.warps * kWarp / lanes;
  const std::int64_t most = std::min(divide_up(vectors, lanes), divide_up(4 * teams, plan.rows));
  std::int64_t least_work = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t pieces = 1; pieces <= most; ++pieces) {
    const std::int64_t piece = divide_up(vectors, pieces);
    const std::int64_t work = divide_up(plan.rows * pieces, teams) * divide_up(piece, lanes);
    if (work < least_work) {
      least_work = work;
      plan.pieces = static_cast<int>(pieces);
      plan.piece_length = static_cast<int>(piece) * plan.width;
    }
  }
}

}  // namespace

Machine machine_of(int major, int minor, int processors) {
  if (major == 8) {
    const bool large = minor == 0 || minor == 7;
    return {(large ? 163 : 99) * kKibibyte, 1, processors};
  }
  if (major == 9 || major == 10) {
    return {227 * kKibibyte, kMaxCluster, processors};
  }
  if (major == 12) {
    return {99 * kKibibyte, 1, processors};
  }
  return {0, 1, processors};
}

std::optional<Plan> make_plan(const Shape& shape, int inputs, int itemsize, std::int64_t alignment,
                              const Machine& machine) {
  const std::int64_t channels = shape.channels / shape.groups;
  const std::int64_t groups = shape.batch * shape.groups;
  const int width = width_of(shape.positions, itemsize, alignment);
  const bool countable = shape.batch * shape.channels <= kMaxInt && groups <= kMaxInt / machine.cluster;
  if (width == 0 || machine.shared_bytes == 0 || !countable) {
    return std::nullopt;
  }
  // The smallest cluster with which two blocks share a multiprocessor, so that one reads while the other writes, and
  // every multiprocessor has a block.
  const std::int64_t half = (machine.shared_bytes + kReserved) / 2 - kReserved;
  std::optional<Cut> chosen;
  int cluster = 1;
  for (int size = 1; size <= machine.cluster; size *= 2) {
    const Cut cut = cut_group(channels, shape.positions, width, size);
    if (shared_bytes(cut, inputs, itemsize) > machine.shared_bytes) {
      continue;
    }
    if (chosen && cut.elements() < kMinBlockElements) {
      break;
    }
    chosen = cut;
    cluster = size;
    if (shared_bytes(cut, inputs, itemsize) <= half && groups * size >= machine.processors) {
      break;
    }
  }
  if (!chosen) {
    return std::nullopt;
  }
  Plan plan{};
  plan.batch = static_cast<int>(shape.batch);
  plan.channels = static_cast<int>(shape.channels);
  plan.groups = static_cast<int>(shape.groups);
  plan.positions = static_cast<int>(shape.positions);
  plan.cluster = cluster;
  plan.channel_splits = chosen->channel_splits;
  plan.space_splits = cluster / chosen->channel_splits;
  plan.rows = static_cast<int>(chosen->rows);
  plan.length = static_cast<int>(chosen->length);
  plan.width = width;
  plan.shared_bytes = static_cast<int>(shared_bytes(*chosen, inputs, itemsize));
  assign_threads(plan, machine.warps);
  plan.slots = plan.space_splits * plan.pieces;
  return plan;
}

}  // namespace monai_gan::cuda
