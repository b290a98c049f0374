// Sum and sum of squared deviations from the mean, per channel of a tile.
//
// Each block is read twice while it is in the nearest cache: once for a mean to subtract, once for the deviations from
// it. Blocks are joined as in Chan, Golub and LeVeque 1983, so that a large mean costs no digits of the variance.
#pragma once

#include "cpu/kernels/walk.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

// Moments of `width` sequences of equal length, block by block.
template <int width>
struct Moments {
  double count = 0, total[width] = {}, squares[width] = {};

  // `added` numbers per sequence, by sums of their deviations from pivot and of the squares of those.
  template <typename A>
  MONAI_GAN_INLINE void join(double added, const A* pivot, const A* deviations, const A* squared_deviations) {
    const double per_added = 1 / added, weight = count * added / (count + added);
    const double per_count = count > 0 ? 1 / count : 0, others = count > 0 ? 1 : 0;
    for (int i = 0; i < width; ++i) {
      const double shift = deviations[i] * per_added;
      const double apart = others * (pivot[i] + shift) - total[i] * per_count;
      squares[i] += squared_deviations[i] - deviations[i] * shift + apart * apart * weight;
      total[i] += pivot[i] * added + deviations[i];
    }
    count += added;
  }
};

template <typename T>
void moments_of_rows(const Tile<T>& tile) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    Moments<1> moments;
    for (std::int64_t start = 0; start < tile.positions; start += kAdditions * width) {
      const T* block = tile.in[0] + c * tile.stride + start;
      const std::int64_t count = least(kAdditions * width, tile.positions - start);
      const std::int64_t whole = count - count % width;
      Lanes<A> first{}, second{};
      for (std::int64_t s = 0; s < whole; s += width) {
        first += load(block + s);
      }
      if (whole < count) {
        first += load_part(block + whole, count - whole);
      }
      const A pivot = sum<A>(first) / A(count);
      first = Lanes<A>{};
      for (std::int64_t s = 0; s < whole; s += width) {
        const Lanes<A> deviation = load(block + s) - pivot;
        first += deviation;
        second += deviation * deviation;
      }
      if (whole < count) {
        // The lanes past the end hold zeros, whose deviations do not count.
        A part[width];
        store(part, load_part(block + whole, count - whole) - pivot);
        for (std::int64_t i = count - whole; i < width; ++i) {
          part[i] = 0;
        }
        const Lanes<A> deviation = load(part);
        first += deviation;
        second += deviation * deviation;
      }
      const A deviations = sum<A>(first), squares = sum<A>(second);
      moments.join(double(count), &pivot, &deviations, &squares);
    }
    tile.sums[kTotal * tile.planes + c] = moments.total[0];
    tile.sums[kSquares * tile.planes + c] = moments.squares[0];
  }
}

template <bool whole, typename T>
MONAI_GAN_INLINE void moments_of_lanes(const Tile<T>& tile, std::int64_t c, std::int64_t lanes) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  const auto at = [&](std::int64_t s) {
    const T* from = tile.in[0] + s * tile.stride + c;
    return whole ? load(from) : load_part(from, lanes);
  };
  Moments<width> moments;
  for (std::int64_t start = 0; start < tile.positions; start += kAdditions) {
    const std::int64_t end = least(start + kAdditions, tile.positions);
    Lanes<A> first{}, second{};
    for (std::int64_t s = start; s < end; ++s) {
      MONAI_GAN_PREFETCH(tile.in[0] + (s + kAhead) * tile.stride + c);
      first += at(s);
    }
    const Lanes<A> pivots = first / A(end - start);
    first = Lanes<A>{};
    for (std::int64_t s = start; s < end; ++s) {
      const Lanes<A> deviation = at(s) - pivots;
      first += deviation;
      second += deviation * deviation;
    }
    A pivot[width], deviations[width], squares[width];
    store(pivot, pivots);
    store(deviations, first);
    store(squares, second);
    moments.join(double(end - start), pivot, deviations, squares);
  }
  for (std::int64_t i = 0; i < lanes; ++i) {
    tile.sums[kTotal * tile.planes + c + i] = moments.total[i];
    tile.sums[kSquares * tile.planes + c + i] = moments.squares[i];
  }
}

template <typename T>
void moments_of_columns(const Tile<T>& tile) {
  constexpr std::int64_t width = kLanes<accumulator_t<T>>;
  std::int64_t c = 0;
  for (; c + width <= tile.channels; c += width) {
    moments_of_lanes<true>(tile, c, width);
  }
  if (c < tile.channels) {
    moments_of_lanes<false>(tile, c, tile.channels - c);
  }
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
