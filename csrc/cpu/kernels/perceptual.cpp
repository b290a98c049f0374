// The passes of perceptual_distance over a tile; the formulas are in cpu/perceptual_distance.cpp.
//
// The distance takes two sweeps over the channels: lengths first, differences second. Rows are copied on the way: rows
// of images whose size is a power of two compete for the same few lines of a cache, so that the second sweep would find
// little of them there.
#include <cmath>

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
  MONAI_GAN_INLINE A* copies() const { return start + kPlanes * size; }
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
  Lanes<A> least, of_f, of_other;

  MONAI_GAN_INLINE Difference(const Lanes<A>& r, const Lanes<A>& other_r, const Lanes<A>& gap)
      : least(r < other_r ? r : other_r), of_f(gap > A(0) ? gap : Lanes<A>{}), of_other(gap - of_f) {}

  MONAI_GAN_INLINE Lanes<A> operator()(const Lanes<A>& f, const Lanes<A>& other) const {
    return (f - other) * least + f * of_f + other * of_other;
  }
};

template <typename A>
struct DistanceSums {
  Lanes<A> distance{}, along{}, other_along{};

  MONAI_GAN_INLINE void add(const Lanes<A>& f, const Lanes<A>& other, const Lanes<A>& weight,
                            const Difference<A>& difference) {
    const Lanes<A> d = difference(f, other), weighted = weight * d;
    distance += weighted * d;
    along += weighted * f;
    other_along += weighted * other;
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

// The hardware follows a row by itself but does not know the next one.
template <typename T>
MONAI_GAN_INLINE void prefetch_row(const FeatureTile<T>& tile, std::int64_t at) {
  MONAI_GAN_PREFETCH(tile.f + at);
  MONAI_GAN_PREFETCH(tile.other + at);
}

template <typename T>
MONAI_GAN_INLINE Lanes<accumulator_t<T>> load_lanes(const T* from, std::int64_t lanes) {
  return lanes == kLanes<accumulator_t<T>> ? load(from) : load_part(from, lanes);
}

template <typename T>
MONAI_GAN_INLINE void store_lanes(T* to, const Lanes<accumulator_t<T>>& value, std::int64_t lanes) {
  if (lanes == kLanes<accumulator_t<T>>) {
    store(to, value);
  } else {
    store_part(to, value, lanes);
  }
}

// Some channels at a time, so that the sums travel less often. `copy` is theirs.
template <int count, typename T>
MONAI_GAN_INLINE void add_squares_of_rows(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes,
                                          std::int64_t c, accumulator_t<T>* copy) {
  using A = accumulator_t<T>;
  for_lanes<kLanes<A>>(tile.positions, [&](std::int64_t s, std::int64_t lanes) {
    LengthSums<A> sums{load(planes[kLength] + s), load(planes[kOtherLength] + s), load(planes[kGapOf] + s)};
    for (int k = 0; k < count; ++k) {
      const std::int64_t at = (c + k) * tile.stride + s;
      prefetch_row(tile, at + count * tile.stride);
      const Lanes<A> f = load_lanes(tile.f + at, lanes), other = load_lanes(tile.other + at, lanes);
      store(copy + 2 * k * planes.size + s, f);
      store(copy + (2 * k + 1) * planes.size + s, other);
      sums.add(f, other);
    }
    store(planes[kLength] + s, sums.squares);
    store(planes[kOtherLength] + s, sums.other_squares);
    store(planes[kGapOf] + s, sums.apart);
  });
}

template <typename T>
void sum_squares_of_rows(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  constexpr int together = 4;
  for (std::int64_t s = 0; s < planes.size; ++s) {
    planes[kLength][s] = planes[kOtherLength][s] = planes[kGapOf][s] = 0;
  }
  accumulator_t<T>* copy = planes.copies();
  std::int64_t c = 0;
  for (; c + together <= tile.channels; c += together, copy += 2 * together * planes.size) {
    add_squares_of_rows<together>(tile, planes, c, copy);
  }
  for (; c < tile.channels; ++c, copy += 2 * planes.size) {
    add_squares_of_rows<1>(tile, planes, c, copy);
  }
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

template <typename T>
void sum_differences_of_rows(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>, together = 2;
  for (std::int64_t s = 0; s < planes.size; s += together * width) {
    const auto difference = [&](std::int64_t at) {
      return Difference<A>(load(planes[kR] + at), load(planes[kOtherR] + at), load(planes[kGapOf] + at));
    };
    const Difference<A> differences[together] = {difference(s), difference(s + width)};
    DistanceSums<A> sums[together];
    const A* copy = planes.copies() + s;
    for (std::int64_t c = 0; c < tile.channels; ++c, copy += 2 * planes.size) {
      const Lanes<A> weight = all(tile.weight[c]);
      for (std::int64_t k = 0; k < together; ++k) {
        sums[k].add(load(copy + k * width), load(copy + k * width + planes.size), weight, differences[k]);
      }
    }
    for (std::int64_t k = 0; k < together; ++k) {
      store(planes[kDistance] + s + k * width, sums[k].distance);
      store(planes[kAlongSum] + s + k * width, sums[k].along);
      store(planes[kOtherAlongSum] + s + k * width, sums[k].other_along);
    }
  }
}

template <typename T>
void sum_differences_of_columns(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  using A = accumulator_t<T>;
  for (std::int64_t s = 0; s < tile.positions; ++s) {
    const Difference<A> difference(all(planes[kR][s]), all(planes[kOtherR][s]), all(planes[kGapOf][s]));
    DistanceSums<A> sums;
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

// Features come as they are, of type T, or as the copies of the distance, of its accumulator.
template <bool past_caches, typename S, typename T>
void write_gradient_of_rows(const FeatureTile<S>& tile, const GradientOut<T>& out) {
  using A = accumulator_t<T>;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    const std::int64_t row = c * tile.stride;
    const Lanes<A> weight = all(tile.weight[c]);
    for_lanes<kLanes<A>>(tile.positions, [&](std::int64_t s, std::int64_t lanes) {
      prefetch_row(tile, row + tile.stride + s);
      const auto at = [&](const A* statistic) { return load_lanes(statistic + s, lanes); };
      const Gradient<A> gradient(at(out.reciprocal), at(out.other_reciprocal), at(out.along), at(out.gap), out.factor);
      const Lanes<A> f = load_lanes(tile.f + row + s, lanes), other = load_lanes(tile.other + row + s, lanes);
      put_lanes<past_caches>(out.to + c * out.stride + s, gradient(f, other, weight), lanes);
    });
  }
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

template <typename S, typename T>
void gradient_of_rows(const FeatureTile<S>& tile, const GradientOut<T>& out) {
  if (out.past_caches) {
    write_gradient_of_rows<true>(tile, out);
    finish_stream();
  } else {
    write_gradient_of_rows<false>(tile, out);
  }
}

template <typename T>
void gradient_of_columns(const FeatureTile<T>& tile, const GradientOut<T>& out) {
  if (out.past_caches) {
    write_gradient_of_columns<true>(tile, out);
    finish_stream();
  } else {
    write_gradient_of_columns<false>(tile, out);
  }
}

template <typename T>
GradientOut<T> gradient_of(const DistanceTile<T>& tile, const Planes<accumulator_t<T>>& planes) {
  return {planes[kR], planes[kOtherR], planes[kAlongSum], planes[kGapOf],
          tile.factor, tile.gradient, tile.stride, tile.past_caches};
}

template <typename T>
double distance_of_rows(const DistanceTile<T>& tile) {
  using A = accumulator_t<T>;
  const auto planes = planes_of(tile);
  sum_squares_of_rows(tile, planes);
  if (!find_lengths(planes)) {
    find_lengths_carefully(tile, planes, [&](int i, std::int64_t c, std::int64_t s) -> double {
      return planes.copies()[(2 * c + i) * planes.size + s];
    });
  }
  find_reciprocals(planes, tile.eps);
  sum_differences_of_rows(tile, planes);
  find_along(planes);
  if (tile.gradient == nullptr) {
    write_statistics(tile, planes);
  } else {
    const A* copies = planes.copies();
    gradient_of_rows(FeatureTile<A>{copies, copies + planes.size, tile.weight, tile.channels, tile.positions,
                                    2 * planes.size},
                     gradient_of(tile, planes));
  }
  return total_distance(planes, tile.positions);
}

template <typename T>
double distance_of_columns(const DistanceTile<T>& tile) {
  using A = accumulator_t<T>;
  const auto planes = planes_of(tile);
  sum_squares_of_columns(tile, planes);
  if (!find_lengths(planes)) {
    find_lengths_carefully(tile, planes, [&](int i, std::int64_t c, std::int64_t s) -> double {
      A number[kLanes<A>];
      store(number, load_part((i == 0 ? tile.f : tile.other) + s * tile.stride + c, 1));
      return number[0];
    });
  }
  find_reciprocals(planes, tile.eps);
  sum_differences_of_columns(tile, planes);
  find_along(planes);
  if (tile.gradient == nullptr) {
    write_statistics(tile, planes);
  } else {
    gradient_of_columns<T>(tile, gradient_of(tile, planes));
  }
  return total_distance(planes, tile.positions);
}

template <typename T>
constexpr PerceptualLayouts<T> layouts() {
  return {{distance_of_rows<T>, gradient_of_rows<T, T>}, {distance_of_columns<T>, gradient_of_columns<T>}};
}

}  // namespace

extern const ForEachType<PerceptualLayouts> perceptual;
const ForEachType<PerceptualLayouts> perceptual = {layouts<float>(), layouts<double>(), layouts<bfloat16>()};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
