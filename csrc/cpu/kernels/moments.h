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

// at(0), ..., at(count - 1) are vectors. Several sums at a time: an addition takes a few cycles, and they overlap.
template <typename A, class At>
MONAI_GAN_INLINE Lanes<A> sum_of(const At& at, std::int64_t count) {
  Lanes<A> sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::int64_t k = 0; k < 4; ++k) {
      sums[k] += at(i + k);
    }
  }
  for (; i < count; ++i) {
    sums[0] += at(i);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <typename A>
struct Deviations {
  Lanes<A> total{}, squares{};

  MONAI_GAN_INLINE void add(const Lanes<A>& deviation) {
    total += deviation;
    squares += deviation * deviation;
  }
};

template <typename A, class At>
MONAI_GAN_INLINE Deviations<A> deviations_of(const At& at, std::int64_t count, const Lanes<A>& pivot) {
  Deviations<A> sums[2];
  std::int64_t i = 0;
  for (; i + 2 <= count; i += 2) {
    sums[0].add(at(i) - pivot);
    sums[1].add(at(i + 1) - pivot);
  }
  if (i < count) {
    sums[0].add(at(i) - pivot);
  }
  return {sums[0].total + sums[1].total, sums[0].squares + sums[1].squares};
}

template <typename T>
void moments_of_rows(const Tile<T>& tile) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    Moments<1> moments;
    for (std::int64_t start = 0; start < tile.positions; start += kAdditions * width) {
      const T* block = tile.in[0] + c * tile.stride + start;
      const std::int64_t count = least(kAdditions * width, tile.positions - start);
      const std::int64_t vectors = count / width, rest = count % width;
      const auto at = [&](std::int64_t i) { return load(block + i * width); };
      const Lanes<A> end = rest > 0 ? load_part(block + vectors * width, rest) : Lanes<A>{};
      const A pivot = sum<A>(sum_of<A>(at, vectors) + end) / A(count);
      Deviations<A> deviations = deviations_of<A>(at, vectors, all(pivot));
      if (rest > 0) {
        // The lanes past the end hold zeros, whose deviations do not count.
        A part[width];
        store(part, end - pivot);
        for (std::int64_t i = rest; i < width; ++i) {
          part[i] = 0;
        }
        deviations.add(load(part));
      }
      const A total = sum<A>(deviations.total), squares = sum<A>(deviations.squares);
      moments.join(double(count), &pivot, &total, &squares);
    }
    tile.sums[kTotal * tile.planes + c] = moments.total[0];
    tile.sums[kSquares * tile.planes + c] = moments.squares[0];
  }
}

template <bool whole, typename T>
MONAI_GAN_INLINE void moments_of_lanes(const Tile<T>& tile, std::int64_t c, std::int64_t lanes) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  Moments<width> moments;
  for (std::int64_t start = 0; start < tile.positions; start += kAdditions) {
    const T* block = tile.in[0] + start * tile.stride + c;
    const std::int64_t count = least(kAdditions, tile.positions - start);
    const auto at = [&](std::int64_t s) {
      return whole ? load(block + s * tile.stride) : load_part(block + s * tile.stride, lanes);
    };
    const auto first_at = [&](std::int64_t s) {
      MONAI_GAN_PREFETCH(block + (s + kAhead) * tile.stride);
      return at(s);
    };
    const Lanes<A> pivots = sum_of<A>(first_at, count) / A(count);
    const Deviations<A> deviations = deviations_of<A>(at, count, pivots);
    A pivot[width], total[width], squares[width];
    store(pivot, pivots);
    store(total, deviations.total);
    store(squares, deviations.squares);
    moments.join(double(count), pivot, total, squares);
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
