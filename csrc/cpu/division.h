// How a tensor is divided for operations on groups of channels: into units, which are independent of each other, and
// units into tiles of positions.
//
// A unit is taken through all passes before the next one, so that the second pass finds it in the cache. The tiles
// depend on the shape alone, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace monai_gan::cpu {

// A tensor (batch, channels, positions), or (batch, positions, channels) in memory if channels_last.
struct Shape {
  std::int64_t batch, channels, positions, groups;
  bool channels_last;

  std::int64_t elements() const { return batch * channels * positions; }
  std::int64_t group_channels() const { return channels / groups; }
};

// Whole groups of one sample: all of them if channels_last, else as many as make a handy piece of memory.
struct Unit {
  std::int64_t sample, group, groups, channel, channels;
};

class Division {
 public:
  Division(const Shape& shape, std::int64_t threads) : shape_(shape) {
    const std::int64_t group_elements = shape.group_channels() * shape.positions;
    const std::int64_t handy = std::clamp<std::int64_t>(shape.elements() / (4 * threads), 1, kHandyElements);
    groups_ = shape.channels_last ? shape.groups : std::clamp<std::int64_t>(handy / group_elements, 1, shape.groups);
    units_per_sample_ = (shape.groups + groups_ - 1) / groups_;
    tile_ = shape.channels_last ? std::clamp<std::int64_t>(kHandyElements / shape.channels, 64, 1024) : kHandyElements;
  }

  const Shape& shape() const { return shape_; }
  std::int64_t units() const { return shape_.batch * units_per_sample_; }
  std::int64_t unit_channels() const { return groups_ * shape_.group_channels(); }  // at most
  std::int64_t tiles() const { return (shape_.positions + tile_ - 1) / tile_; }
  std::int64_t tile_start(std::int64_t tile) const { return tile * tile_; }
  std::int64_t tile_positions(std::int64_t tile) const { return std::min(tile_, shape_.positions - tile * tile_); }

  Unit unit(std::int64_t index) const {
    const std::int64_t group = index % units_per_sample_ * groups_;
    const std::int64_t groups = std::min(groups_, shape_.groups - group);
    const std::int64_t each = shape_.group_channels();
    return {index / units_per_sample_, group, groups, group * each, groups * each};
  }

  // Whether the units alone keep the threads busy; otherwise the threads share the tiles of each unit.
  bool one_thread_per_unit(std::int64_t threads) const {
    const std::int64_t rounds = (units() + threads - 1) / threads;
    return 8 * units() >= 7 * rounds * threads;
  }

  // Rows of a tile are independent: threads that share a unit take this many channels of a tile each.
  std::int64_t share_channels(const Unit& unit) const {
    if (shape_.channels_last) {
      return unit.channels;
    }
    return std::clamp<std::int64_t>(kHandyElements / std::min(tile_, shape_.positions), 1, unit.channels);
  }

  // Where position and channel are, in elements from the start of the tensor.
  std::int64_t offset(std::int64_t sample, std::int64_t channel, std::int64_t position) const {
    return shape_.channels_last ? (sample * shape_.positions + position) * shape_.channels + channel
                                : (sample * shape_.channels + channel) * shape_.positions + position;
  }

 private:
  static constexpr std::int64_t kHandyElements = 16384;

  Shape shape_;
  std::int64_t groups_, units_per_sample_, tile_;
};

}  // namespace monai_gan::cpu
