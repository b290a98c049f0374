// The skeleton of operations on groups of channels: sums over each channel, a small computation that turns them into
// coefficients, and an element-wise pass with those.
//
// A Step says what these are:
//   kSums, kCoefficients                    how many per channel
//   summed                                  the shape that `reduce` sees: the shape itself, or whole groups as channels
//   const T* in[3], T* out[2]               the tensors
//   TileFunction<T> reduce, map             the passes
//   prepare(unit, coefficients)             the coefficients that `reduce` needs
//   finish(unit, sums, planes, coefficients)  those that `map` needs; sum k of a channel is at [k * planes + channel]
//   join(sums, part, channels, before, added)  adds the sums of `added` positions to those of `before`
#pragma once

#include <memory>
#include <vector>

#include "cpu/division.h"
#include "cpu/kernels/tables.h"
#include "cpu/past_caches.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

template <typename T, class Step>
class TwoPasses {
 public:
  TwoPasses(const Shape& shape, const Step& step, std::int64_t threads)
      : step_(step), threads_(threads), summed_(step.summed, threads), mapped_(shape, threads) {
    std::int64_t tensors = 0;
    for (const T* tensor : {step.in[0], step.in[1], step.in[2], static_cast<const T*>(step.out[0]),
                            static_cast<const T*>(step.out[1])}) {
      tensors += tensor == nullptr ? 0 : 1;
    }
    const std::int64_t size = sizeof(T), stride = shape.channels_last ? shape.channels : shape.positions;
    past_caches_ = past_caches(tensors * shape.elements() * size, stride * size, {step.out[0], step.out[1]});
  }

  void run() {
    if (mapped_.one_thread_per_unit(threads_)) {
      std::vector<Scratch> scratch;
      for (std::int64_t thread = 0; thread < threads_; ++thread) {
        scratch.push_back(allocate(1));
      }
      parallel_for(threads_, mapped_.units(),
                   [&](std::int64_t unit, std::int64_t thread) { alone(unit, scratch[thread]); });
      return;
    }
    const Scratch scratch = allocate(summed_.tiles());
    for (std::int64_t unit = 0; unit < mapped_.units(); ++unit) {
      together(unit, scratch);
    }
  }

 private:
  using A = accumulator_t<T>;

  struct Scratch {
    std::unique_ptr<A[]> coefficients;
    std::unique_ptr<double[]> sums, parts;
  };

  Scratch allocate(std::int64_t parts) const {
    const std::int64_t sums = Step::kSums * summed_.unit_channels();
    const std::int64_t coefficients = Step::kCoefficients * mapped_.unit_channels();
    return {std::unique_ptr<A[]>(new A[coefficients]), std::unique_ptr<double[]>(new double[sums]),
            std::unique_ptr<double[]>(new double[sums * parts])};
  }

  void alone(std::int64_t index, const Scratch& scratch) const {
    const Unit unit = mapped_.unit(index), summed = summed_.unit(index);
    step_.prepare(unit, scratch.coefficients.get());
    step_.reduce(summed_tile(summed, 0, 0, summed.channels, scratch, scratch.sums.get()));
    for (std::int64_t tile = 1; tile < summed_.tiles(); ++tile) {
      step_.reduce(summed_tile(summed, tile, 0, summed.channels, scratch, scratch.parts.get()));
      join(summed, tile, scratch.sums.get(), scratch.parts.get());
    }
    step_.finish(unit, scratch.sums.get(), summed.channels, scratch.coefficients.get());
    // Backwards: what was read last is still in the cache.
    for (std::int64_t tile = mapped_.tiles() - 1; tile >= 0; --tile) {
      step_.map(mapped_tile(unit, tile, 0, unit.channels, scratch));
    }
  }

  void together(std::int64_t index, const Scratch& scratch) const {
    const Unit unit = mapped_.unit(index), summed = summed_.unit(index);
    const std::int64_t sums = Step::kSums * summed.channels;
    step_.prepare(unit, scratch.coefficients.get());
    share(summed_, summed, [&](std::int64_t tile, std::int64_t channel, std::int64_t channels) {
      step_.reduce(summed_tile(summed, tile, channel, channels, scratch, scratch.parts.get() + tile * sums));
    });
    std::copy_n(scratch.parts.get(), sums, scratch.sums.get());
    for (std::int64_t tile = 1; tile < summed_.tiles(); ++tile) {
      join(summed, tile, scratch.sums.get(), scratch.parts.get() + tile * sums);
    }
    step_.finish(unit, scratch.sums.get(), summed.channels, scratch.coefficients.get());
    share(mapped_, unit, [&](std::int64_t tile, std::int64_t channel, std::int64_t channels) {
      step_.map(mapped_tile(unit, tile, channel, channels, scratch));
    });
  }

  // body(tile, channel, channels) for all tiles of a unit, over the threads.
  template <typename Body>
  void share(const Division& division, const Unit& unit, const Body& body) const {
    const std::int64_t each = division.share_channels(unit), shares = (unit.channels + each - 1) / each;
    parallel_for(threads_, division.tiles() * shares, [&](std::int64_t index, std::int64_t) {
      const std::int64_t channel = index % shares * each;
      body(index / shares, channel, std::min(each, unit.channels - channel));
    });
  }

  void join(const Unit& unit, std::int64_t tile, double* sums, const double* part) const {
    step_.join(sums, part, unit.channels, summed_.tile_start(tile), summed_.tile_positions(tile));
  }

  Tile<T> summed_tile(const Unit& unit, std::int64_t index, std::int64_t channel, std::int64_t channels,
                      const Scratch& scratch, double* sums) const {
    Tile<T> tile = part(summed_, unit, index, channel, channels);
    tile.coefficients = scratch.coefficients.get() + channel;
    tile.sums = sums + channel;
    return tile;
  }

  Tile<T> mapped_tile(const Unit& unit, std::int64_t index, std::int64_t channel, std::int64_t channels,
                      const Scratch& scratch) const {
    Tile<T> tile = part(mapped_, unit, index, channel, channels);
    tile.past_caches = past_caches_;
    tile.coefficients = scratch.coefficients.get() + channel;
    return tile;
  }

  // Some channels of a unit, counted from its first, over one tile of positions.
  Tile<T> part(const Division& division, const Unit& unit, std::int64_t index, std::int64_t channel,
               std::int64_t channels) const {
    const Shape& shape = division.shape();
    const std::int64_t at = division.offset(unit.sample, unit.channel + channel, division.tile_start(index));
    Tile<T> tile{};
    for (int i = 0; i < 3; ++i) {
      tile.in[i] = step_.in[i] == nullptr ? nullptr : step_.in[i] + at;
    }
    for (int i = 0; i < 2; ++i) {
      tile.out[i] = step_.out[i] == nullptr ? nullptr : step_.out[i] + at;
    }
    tile.channels = channels;
    tile.positions = division.tile_positions(index);
    tile.stride = shape.channels_last ? shape.channels : shape.positions;
    tile.planes = unit.channels;
    return tile;
  }

  const Step& step_;
  std::int64_t threads_;
  Division summed_, mapped_;  // of equal units
  bool past_caches_;
};

}  // namespace monai_gan::cpu
