// How kernels go through a tile: rows (lanes run along the positions of one channel) or columns (lanes run along
// channels). What is computed is an Operation, the same for both:
//
//   kCoefficients, Operation(coefficients)      one value in all lanes (rows) or one per lane (columns)
//   kInputs, kSums, clear(), add(in), sums[]    for a reduction; lanes whose inputs are zero must add zero
//   kInputs, kOutputs, map(in, out)             for an element-wise step
#pragma once

#include "cpu/kernels/memory.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

// Additions per lane in A before the result goes to a double: long sums stay accurate.
constexpr std::int64_t kAdditions = 128;

// Positions between a column's vector in use and the one that is fetched: the hardware follows rows by itself, columns
// hardly.
constexpr std::int64_t kAhead = 64;

MONAI_GAN_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// The coefficients of one channel in all lanes.
template <typename A, int count>
MONAI_GAN_INLINE void spread(const A* from, std::int64_t planes, Lanes<A> (&to)[count]) {
  for (int k = 0; k < count; ++k) {
    to[k] = all(from[k * planes]);
  }
}

// The coefficients of a channel per lane.
template <typename A, int count>
MONAI_GAN_INLINE void gather(const A* from, std::int64_t planes, std::int64_t lanes, Lanes<A> (&to)[count]) {
  for (int k = 0; k < count; ++k) {
    to[k] = load_part(from + k * planes, lanes);
  }
}

template <typename T, int count>
struct Inputs {
  using A = accumulator_t<T>;
  Lanes<A> lanes[count];

  MONAI_GAN_INLINE Inputs(const T* const* in, std::int64_t at) {
    for (int i = 0; i < count; ++i) {
      lanes[i] = load(in[i] + at);
    }
  }
  MONAI_GAN_INLINE Inputs(const T* const* in, std::int64_t at, std::int64_t part) {
    for (int i = 0; i < count; ++i) {
      lanes[i] = load_part(in[i] + at, part);
    }
  }
};

template <class Operation, typename T>
void reduce_rows(const Tile<T>& shared) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  const Tile<T> tile = shared;  // a copy that no store can change
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    Lanes<A> coefficients[Operation::kCoefficients];
    spread(tile.coefficients + c, tile.planes, coefficients);
    Operation operation(coefficients);
    double totals[Operation::kSums] = {};
    const std::int64_t row = c * tile.stride;
    for (std::int64_t start = 0; start < tile.positions; start += kAdditions * width) {
      const std::int64_t end = least(start + kAdditions * width, tile.positions);
      operation.clear();
      std::int64_t s = start;
      for (; s + width <= end; s += width) {
        operation.add(Inputs<T, Operation::kInputs>(tile.in, row + s).lanes);
      }
      if (s < end) {
        operation.add(Inputs<T, Operation::kInputs>(tile.in, row + s, end - s).lanes);
      }
      for (int k = 0; k < Operation::kSums; ++k) {
        totals[k] += sum<A>(operation.sums[k]);
      }
    }
    for (int k = 0; k < Operation::kSums; ++k) {
      tile.sums[k * tile.planes + c] = totals[k];
    }
  }
}

template <class Operation, typename T, bool whole>
MONAI_GAN_INLINE void add_column(Operation& operation, const Tile<T>& tile, std::int64_t c, std::int64_t lanes,
                                 std::int64_t start, std::int64_t end) {
  for (std::int64_t s = start; s < end; ++s) {
    const std::int64_t at = s * tile.stride + c;
    for (int i = 0; i < Operation::kInputs; ++i) {
      MONAI_GAN_PREFETCH(tile.in[i] + at + kAhead * tile.stride);
    }
    operation.add(whole ? Inputs<T, Operation::kInputs>(tile.in, at).lanes
                        : Inputs<T, Operation::kInputs>(tile.in, at, lanes).lanes);
  }
}

template <class Operation, typename T>
void reduce_columns(const Tile<T>& shared) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  const Tile<T> tile = shared;
  for (std::int64_t c = 0; c < tile.channels; c += width) {
    const std::int64_t lanes = least(width, tile.channels - c);
    Lanes<A> coefficients[Operation::kCoefficients];
    gather(tile.coefficients + c, tile.planes, lanes, coefficients);
    Operation operation(coefficients);
    double totals[Operation::kSums][width] = {};
    for (std::int64_t start = 0; start < tile.positions; start += kAdditions) {
      const std::int64_t end = least(start + kAdditions, tile.positions);
      operation.clear();
      if (lanes == width) {
        add_column<Operation, T, true>(operation, tile, c, lanes, start, end);
      } else {
        add_column<Operation, T, false>(operation, tile, c, lanes, start, end);
      }
      for (int k = 0; k < Operation::kSums; ++k) {
        A part[width];
        store(part, operation.sums[k]);
        for (std::int64_t i = 0; i < width; ++i) {
          totals[k][i] += part[i];
        }
      }
    }
    for (int k = 0; k < Operation::kSums; ++k) {
      for (std::int64_t i = 0; i < lanes; ++i) {
        tile.sums[k * tile.planes + c + i] = totals[k][i];
      }
    }
  }
}

template <class Operation, typename T, bool past_caches>
MONAI_GAN_INLINE void map_at(const Operation& operation, const Tile<T>& tile, std::int64_t at) {
  Lanes<accumulator_t<T>> out[Operation::kOutputs];
  operation.map(Inputs<T, Operation::kInputs>(tile.in, at).lanes, out);
  for (int i = 0; i < Operation::kOutputs; ++i) {
    put<past_caches>(tile.out[i] + at, out[i]);
  }
}

template <class Operation, typename T>
MONAI_GAN_INLINE void map_part_at(const Operation& operation, const Tile<T>& tile, std::int64_t at, std::int64_t part) {
  Lanes<accumulator_t<T>> out[Operation::kOutputs];
  operation.map(Inputs<T, Operation::kInputs>(tile.in, at, part).lanes, out);
  for (int i = 0; i < Operation::kOutputs; ++i) {
    store_part(tile.out[i] + at, out[i], part);
  }
}

template <class Operation, typename T, bool past_caches>
MONAI_GAN_INLINE void map_all_rows(const Tile<T>& tile) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    Lanes<A> coefficients[Operation::kCoefficients];
    spread(tile.coefficients + c, tile.planes, coefficients);
    const Operation operation(coefficients);
    const std::int64_t row = c * tile.stride;
    std::int64_t s = 0;
    for (; s + width <= tile.positions; s += width) {
      map_at<Operation, T, past_caches>(operation, tile, row + s);
    }
    if (s < tile.positions) {
      map_part_at(operation, tile, row + s, tile.positions - s);
    }
  }
}

template <class Operation, typename T, bool past_caches>
MONAI_GAN_INLINE void map_all_columns(const Tile<T>& tile) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  constexpr std::int64_t line = 64 / (width * sizeof(T));  // vectors in a cache line, which is written as a whole
  std::int64_t c = 0;
  for (; c + line * width <= tile.channels; c += line * width) {
    Lanes<A> coefficients[line][Operation::kCoefficients];
    for (std::int64_t i = 0; i < line; ++i) {
      gather(tile.coefficients + c + i * width, tile.planes, width, coefficients[i]);
    }
    for (std::int64_t s = tile.positions - 1; s >= 0; --s) {
      const std::int64_t at = s * tile.stride + c;
      for (int i = 0; i < Operation::kInputs; ++i) {
        MONAI_GAN_PREFETCH(tile.in[i] + at - kAhead * tile.stride);
      }
      for (std::int64_t i = 0; i < line; ++i) {
        map_at<Operation, T, past_caches>(Operation(coefficients[i]), tile, at + i * width);
      }
    }
  }
  for (; c < tile.channels; c += width) {
    const std::int64_t lanes = least(width, tile.channels - c);
    Lanes<A> coefficients[Operation::kCoefficients];
    gather(tile.coefficients + c, tile.planes, lanes, coefficients);
    const Operation operation(coefficients);
    for (std::int64_t s = tile.positions - 1; s >= 0; --s) {
      const std::int64_t at = s * tile.stride + c;
      if (lanes == width) {
        map_at<Operation, T, false>(operation, tile, at);
      } else {
        map_part_at(operation, tile, at, lanes);
      }
    }
  }
}

template <class Operation, typename T>
void map_rows(const Tile<T>& shared) {
  const Tile<T> tile = shared;
  if (tile.past_caches) {
    map_all_rows<Operation, T, true>(tile);
    finish_stream();
  } else {
    map_all_rows<Operation, T, false>(tile);
  }
}

template <class Operation, typename T>
void map_columns(const Tile<T>& shared) {
  const Tile<T> tile = shared;
  if (tile.past_caches) {
    map_all_columns<Operation, T, true>(tile);
    finish_stream();
  } else {
    map_all_columns<Operation, T, false>(tile);
  }
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
