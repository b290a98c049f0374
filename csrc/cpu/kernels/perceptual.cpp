// The passes of perceptual_distance over a tile; the formulas are in cpu/perceptual_distance.cpp.
//
// The distance takes two sweeps over the channels, lengths first and differences second, and the gradient a third one.
// Columns follow each other in memory: the sweeps take a few at a time, which stay in the first cache. As few positions
// of rows are short pieces far apart, which take several times as long to read as long ones: there the sweeps go over
// whole tiles, and while the later ones compute, the processor fetches half of the next tile during each.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "cpu/kernels/memory.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

// Scratch memory, a plane per number and position. Lengths are squares first; what becomes the gap is the difference of
// squares first and that of lengths then.
enum Plane { kLength, kOtherLength, kGapOf, kR, kOtherR, kDistance, kAlongSum, kOtherAlongSum, kPlanes };
static_assert(kPlanes == kPerPosition, "what the caller allocates");

template <typename A>
struct Planes {
  A* start;
  std::int64_t size;  // positions, rounded up to whole registers

  MONAI_GAN_INLINE A* operator[](std::int64_t plane) const { return start + plane * size; }
};

template <typename A>
struct LengthSums {
  Lanes<A> squares{}, other_squares{}, apart{};

  MONAI_GAN_INLINE void add(const Lanes<A>& f, const Lanes<A>& other) {
    squares += f * f;
    other_squares += other * other;
    apart += (other - f) * (other + f);
  }
};

template <typename A>
struct Difference {
  Lanes<A> least, gap;

  MONAI_GAN_INLINE Difference(const Lanes<A>& r, const Lanes<A>& other_r, const Lanes<A>& gap_of)
      : least(r < other_r ? r : other_r), gap(gap_of) {}

  MONAI_GAN_INLINE Lanes<A> operator()(const Lanes<A>& f, const Lanes<A>& other) const {
    return (f - other) * least + (gap > A(0) ? f : other) * gap;
  }
};

// What is wanted beside the distance.
enum class Beside { kNothing, kGradient, kStatistics };

template <Beside beside, typename A>
struct DistanceSums {
  Lanes<A> distance{}, along{}, other_along{};

  MONAI_GAN_INLINE void add(const Lanes<A>& f, const Lanes<A>& other, const Lanes<A>& weight,
                            const Difference<A>& difference) {
    const Lanes<A> d = difference(f, other), weighted = weight * d;
    distance += weighted * d;
    if constexpr (beside != Beside::kNothing) {
      along += weighted * f;
    }
    if constexpr (beside == Beside::kStatistics) {
      other_along += weighted * other;
    }
  }
};

// at(s, lanes) for all positions of a row, or channels of a column: whole registers, then the rest.
template <std::int64_t width, class At>
MONAI_GAN_INLINE void for_lanes(std::int64_t count, const At& at) {
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    at(i, width);
  }
  if (i < count) {
    at(i, count - i);
  }
}

// each(c, count) for all channels: some at a time, so that what belongs to positions travels less often.
template <class Each>
MONAI_GAN_INLINE void for_channels(std::int64_t channels, const Each& each) {
  constexpr int together = 8;
  std::int64_t c = 0;
  for (; c + together <= channels; c += together) {
    each(c, std::integral_constant<int, together>{});
  }
  for (; c < channels; ++c) {
    each(c, std::integral_constant<int, 1>{});
  }
}

template <typename T>
MONAI_GAN_INLINE Lanes<accumulator_t<T>> load_lanes(const T* from, std::int64_t lanes) {
  return lanes == kLanes<accumulator_t<T>> ? load(from) : load_part(from, lanes);
}

template <typename T>
void sum_squares_of_rows(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  std::fill_n(planes[kLength], 3 * planes.size, A(0));
  for_channels(tile.channels, [&](std::int64_t c, auto count) {
    for_lanes<kLanes<A>>(tile.positions, [&](std::int64_t s, std::int64_t lanes) {
      LengthSums<A> sums{load(planes[kLength] + s), load(planes[kOtherLength] + s), load(planes[kGapOf] + s)};
      for (int k = 0; k < count; ++k) {
        const std::int64_t at = (c + k) * tile.stride + s;
        sums.add(load_lanes(tile.f + at, lanes), load_lanes(tile.other + at, lanes));
      }
      store(planes[kLength] + s, sums.squares);
      store(planes[kOtherLength] + s, sums.other_squares);
      store(planes[kGapOf] + s, sums.apart);
    });
  });
}

template <typename T>
void sum_squares_of_columns(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  for (std::int64_t s = 0; s < planes.size; ++s) {
    LengthSums<A> sums;
    if (s < tile.positions) {
      const std::int64_t column = s * tile.stride;
      for_lanes<kLanes<A>>(tile.channels, [&](std::int64_t c, std::int64_t lanes) {
        sums.add(load_lanes(tile.f + column + c, lanes), load_lanes(tile.other + column + c, lanes));
      });
    }
    planes[kLength][s] = sum<A>(sums.squares);
    planes[kOtherLength][s] = sum<A>(sums.other_squares);
    planes[kGapOf][s] = sum<A>(sums.apart);
  }
}

// Lengths and their differences from the sums; false if a square has left the range of A, or there is a NaN.
template <typename A>
bool find_lengths(const Planes<A>& planes) {
  constexpr std::int64_t width = kLanes<A>;
  Lanes<A> zero{};
  for (std::int64_t s = 0; s < planes.size; s += width) {
    zero += A(0) * (load(planes[kLength] + s) + load(planes[kOtherLength] + s));
  }
  if (sum<A>(zero) != 0) {
    return false;
  }
  for (std::int64_t s = 0; s < planes.size; ++s) {
    planes[kLength][s] = std::sqrt(planes[kLength][s]);
    planes[kOtherLength][s] = std::sqrt(planes[kOtherLength][s]);
  }
  for (std::int64_t s = 0; s < planes.size; s += width) {
    store(planes[kGapOf] + s, load(planes[kGapOf] + s) / (load(planes[kLength] + s) + load(planes[kOtherLength] + s)));
  }
  return true;
}

// The same for numbers of any size, one by one, in double. at(from, c, s) is a number as a double.
template <typename T, class At>
void find_lengths_carefully(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes, const At& at) {
  using A = accumulator_t<T>;
  // The squares of huge doubles need a scale as well.
  constexpr double scale = sizeof(A) == sizeof(double) ? 0x1p-600 : 1;
  for (std::int64_t s = 0; s < tile.positions; ++s) {
    double squares[2] = {};
    for (std::int64_t c = 0; c < tile.channels; ++c) {
      for (int i = 0; i < 2; ++i) {
        const double number = scale * at(i, c, s);
        squares[i] += number * number;
      }
    }
    const double length = std::sqrt(squares[0]) / scale, other = std::sqrt(squares[1]) / scale;
    planes[kLength][s] = static_cast<A>(length);
    planes[kOtherLength][s] = static_cast<A>(other);
    planes[kGapOf][s] = static_cast<A>(other - length);
  }
}

template <typename A>
void find_reciprocals(const Planes<A>& planes, A eps) {
  for (std::int64_t s = 0; s < planes.size; s += kLanes<A>) {
    const Lanes<A> none{}, length = load(planes[kLength] + s), other = load(planes[kOtherLength] + s);
    const Lanes<A> r = length == A(0) ? none : A(1) / (length + eps);
    const Lanes<A> other_r = other == A(0) ? none : A(1) / (other + eps);
    const Lanes<A> far = r - other_r, least = r < other_r ? r : other_r, most = r < other_r ? other_r : r;
    const Lanes<A> near = load(planes[kGapOf] + s) * least * most;  // in this order: no product leaves the range of A
    store(planes[kR] + s, r);
    store(planes[kOtherR] + s, other_r);
    store(planes[kGapOf] + s, length * other == A(0) ? far : near);
  }
}

template <Beside beside, typename T>
void sum_differences_of_rows(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  std::fill_n(planes[kDistance], 3 * planes.size, A(0));
  const T* const then = beside == Beside::kGradient && !tile.past_caches ? tile.gradient : tile.other + tile.next;
  for_channels(tile.channels, [&](std::int64_t c, auto count) {
    for_lanes<kLanes<A>>(tile.positions, [&](std::int64_t s, std::int64_t lanes) {
      const Difference<A> difference(load(planes[kR] + s), load(planes[kOtherR] + s), load(planes[kGapOf] + s));
      DistanceSums<beside, A> sums;
      for (int k = 0; k < count; ++k) {
        const std::int64_t at = (c + k) * tile.stride + s;
        MONAI_GAN_PREFETCH(tile.f + tile.next + at);
        MONAI_GAN_PREFETCH(then + at);
        const Lanes<A> f = load_lanes(tile.f + at, lanes), other = load_lanes(tile.other + at, lanes);
        sums.add(f, other, all(tile.weight[c + k]), difference);
      }
      const auto add = [&](Plane plane, const Lanes<A>& part) {
        store(planes[plane] + s, load(planes[plane] + s) + part);
      };
      add(kDistance, sums.distance);
      if constexpr (beside != Beside::kNothing) {
        add(kAlongSum, sums.along);
      }
      if constexpr (beside == Beside::kStatistics) {
        add(kOtherAlongSum, sums.other_along);
      }
    });
  });
}

template <Beside beside, typename T>
void sum_differences_of_columns(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  for (std::int64_t s = 0; s < tile.positions; ++s) {
    const Difference<A> difference(all(planes[kR][s]), all(planes[kOtherR][s]), all(planes[kGapOf][s]));
    DistanceSums<beside, A> sums;
    const std::int64_t column = s * tile.stride;
    for_lanes<kLanes<A>>(tile.channels, [&](std::int64_t c, std::int64_t lanes) {
      sums.add(load_lanes(tile.f + column + c, lanes), load_lanes(tile.other + column + c, lanes),
               load_lanes(tile.weight + c, lanes), difference);
    });
    planes[kDistance][s] = sum<A>(sums.distance);
    planes[kAlongSum][s] = sum<A>(sums.along);
    planes[kOtherAlongSum][s] = sum<A>(sums.other_along);
  }
}

// What each vector of f loses along itself, and the same of the other one, from the sums.
template <typename A>
void find_along(const Planes<A>& planes) {
  for (std::int64_t s = 0; s < planes.size; s += kLanes<A>) {
    const auto at = [&](Plane plane) { return load(planes[plane] + s); };
    const Lanes<A> none{}, length = at(kLength), other = at(kOtherLength);
    store(planes[kAlongSum] + s, length == A(0) ? none : at(kAlongSum) * at(kR) / length);
    store(planes[kOtherAlongSum] + s, other == A(0) ? none : none - at(kOtherAlongSum) * at(kOtherR) / other);
  }
}

template <typename T>
void write_statistics(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  // In the order of FeatureStatistic.
  constexpr Plane sources[kFeatureStatistics] = {kR, kAlongSum, kOtherR, kOtherAlongSum, kGapOf};
  for (int k = 0; k < kFeatureStatistics; ++k) {
    for (std::int64_t s = 0; s < tile.positions; ++s) {
      tile.statistics[k * tile.planes + s] = planes[sources[k]][s];
    }
  }
}

template <typename A>
double total_distance(const Planes<A>& planes, std::int64_t positions) {
  double total = 0;
  for (std::int64_t s = 0; s < positions; ++s) {
    total += planes[kDistance][s];
  }
  return total;
}

template <typename T>
Planes<accumulator_t<T>> planes_of(const DistanceTile<T>& tile) {
  return {tile.scratch, (tile.positions + kMostLanes - 1) / kMostLanes * kMostLanes};
}

// What one position contributes to the gradient.
template <typename A>
struct Gradient {
  Difference<A> difference;
  Lanes<A> along, factor;

  MONAI_GAN_INLINE Gradient(const Lanes<A>& r, const Lanes<A>& other_r, const Lanes<A>& along_f, const Lanes<A>& gap,
                            A scale)
      : difference(r, other_r, gap), along(along_f), factor(scale * r) {}

  MONAI_GAN_INLINE Lanes<A> operator()(const Lanes<A>& f, const Lanes<A>& other, const Lanes<A>& weight) const {
    return factor * (weight * difference(f, other) - f * along);
  }
};

template <bool past_caches, typename T>
MONAI_GAN_INLINE void put_lanes(T* to, const Lanes<accumulator_t<T>>& value, std::int64_t lanes) {
  if (lanes == kLanes<accumulator_t<T>>) {
    put<past_caches>(to, value);
  } else {
    store_part(to, value, lanes);
  }
}

template <bool past_caches, typename T>
void write_gradient_of_rows(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  using A = accumulator_t<T>;
  for_channels(tile.channels, [&](std::int64_t c, auto count) {
    for_lanes<kLanes<A>>(tile.positions, [&](std::int64_t s, std::int64_t lanes) {
      const auto at = [&](const A* statistic) { return load_lanes(statistic + s, lanes); };
      const Gradient<A> gradient(at(out.reciprocal), at(out.other_reciprocal), at(out.along), at(out.gap), out.factor);
      for (int k = 0; k < count; ++k) {
        const std::int64_t row = (c + k) * tile.stride + s;
        MONAI_GAN_PREFETCH(tile.other + tile.next + row);
        const Lanes<A> f = load_lanes(tile.f + row, lanes), other = load_lanes(tile.other + row, lanes);
        put_lanes<past_caches>(out.to + row, gradient(f, other, all(tile.weight[c + k])), lanes);
      }
    });
  });
}

template <bool past_caches, typename T>
void write_gradient_of_columns(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  using A = accumulator_t<T>;
  for (std::int64_t s = 0; s < tile.positions; ++s) {
    const std::int64_t column = s * tile.stride;
    const auto at = [&](const A* statistic) { return all(statistic[s]); };
    const Gradient<A> gradient(at(out.reciprocal), at(out.other_reciprocal), at(out.along), at(out.gap), out.factor);
    for_lanes<kLanes<A>>(tile.channels, [&](std::int64_t c, std::int64_t lanes) {
      const Lanes<A> f = load_lanes(tile.f + column + c, lanes), other = load_lanes(tile.other + column + c, lanes);
      put_lanes<past_caches>(out.to + column + c, gradient(f, other, load_lanes(tile.weight + c, lanes)), lanes);
    });
  }
}

template <bool rows, bool past_caches, typename T>
MONAI_GAN_INLINE void write_gradient(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  if constexpr (rows) {
    write_gradient_of_rows<past_caches>(tile, out);
  } else {
    write_gradient_of_columns<past_caches>(tile, out);
  }
}

template <bool rows, typename T>
void write_gradient(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  if (out.past_caches) {
    write_gradient<rows, true>(tile, out);
  } else {
    write_gradient<rows, false>(tile, out);
  }
}

template <bool rows, typename T>
MONAI_GAN_INLINE void sum_squares(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  if constexpr (rows) {
    sum_squares_of_rows(tile, planes);
  } else {
    sum_squares_of_columns(tile, planes);
  }
}

template <bool rows, Beside beside, typename T>
MONAI_GAN_INLINE void sum_differences(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  if constexpr (rows) {
    sum_differences_of_rows<beside>(tile, planes);
  } else {
    sum_differences_of_columns<beside>(tile, planes);
  }
}

template <bool rows, typename T>
double distance(const DistanceTile<T>& tile) {
  using A = accumulator_t<T>;
  const Planes<A> planes{tile.scratch, (tile.positions + kMostLanes - 1) / kMostLanes * kMostLanes};
  sum_squares<rows>(tile, planes);
  if (!find_lengths(planes)) {
    find_lengths_carefully(tile, planes, [&](int i, std::int64_t c, std::int64_t s) -> double {
      A number[kLanes<A>];
      const std::int64_t at = rows ? c * tile.stride + s : s * tile.stride + c;
      store(number, load_part((i == 0 ? tile.f : tile.other) + at, 1));
      return number[0];
    });
  }
  find_reciprocals(planes, tile.eps);
  if (tile.gradient != nullptr) {
    sum_differences<rows, Beside::kGradient>(tile, planes);
    find_along(planes);
    write_gradient<rows, T>(tile, {planes[kR], planes[kOtherR], planes[kAlongSum], planes[kGapOf], tile.factor,
                                   tile.gradient, tile.past_caches});
  } else if (tile.statistics != nullptr) {
    sum_differences<rows, Beside::kStatistics>(tile, planes);
    find_along(planes);
    write_statistics(tile, planes);
  } else {
    sum_differences<rows, Beside::kNothing>(tile, planes);
  }
  return total_distance(planes, tile.positions);
}

template <typename T>
double distance_of_rows(const DistanceTile<T>& tile) {
  const double total = distance<true>(tile);
  finish_stream();
  return total;
}

// A few positions at a time: all sweeps but the first find them in the first cache.
template <typename T>
double distance_of_columns(const DistanceTile<T>& tile) {
  constexpr std::int64_t together = kMostLanes;
  double total = 0;
  for (std::int64_t start = 0; start < tile.positions; start += together) {
    DistanceTile<T> part = tile;
    const std::int64_t offset = start * tile.stride;
    part.f += offset;
    part.other += offset;
    part.positions = std::min(together, tile.positions - start);
    part.gradient += tile.gradient == nullptr ? 0 : offset;
    part.statistics += tile.statistics == nullptr ? 0 : start;
    total += distance<false>(part);
  }
  finish_stream();
  return total;
}

template <bool rows, typename T>
void gradient(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  write_gradient<rows, T>(tile, out);
  finish_stream();
}

template <typename T>
constexpr PerceptualLayouts<T> layouts() {
  return {{distance_of_rows<T>, gradient<true, T>}, {distance_of_columns<T>, gradient<false, T>}};
}

}  // namespace

extern const ForEachType<PerceptualLayouts> perceptual;
const ForEachType<PerceptualLayouts> perceptual = {layouts<float>(), layouts<double>(), layouts<bfloat16>()};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
