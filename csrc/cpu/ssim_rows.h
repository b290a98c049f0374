// Structural similarity row by row: what one thread keeps of an output plane is as many rows as a window is high.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/kernels/tables.h"
#include "cpu/ssim.h"

namespace monai_gan::cpu {

inline std::int64_t padded(std::int64_t width) { return (width + kSsimPadding - 1) / kSsimPadding * kSsimPadding; }

// What all threads share.
template <typename T>
struct SsimPlan {
  using A = accumulator_t<T>;

  SsimKernels<T> kernels;
  Volumes in, out;  // out: the windows that lie inside
  std::array<std::vector<A>, 3> window;
  std::int64_t pitch;  // of a row of a map with as many zeros on both sides as windows reach, and whole vectors

  std::int64_t taps(int axis) const { return static_cast<std::int64_t>(window[axis].size()); }
  std::int64_t plane() const { return in.height * in.width; }
  // The row of x or y.
  std::int64_t at(std::int64_t volume, std::int64_t plane, std::int64_t row) const {
    return ((volume * in.depth + plane) * in.height + row) * in.width;
  }
};

// Rows of several maps, of which the latest are kept.
template <typename A>
class RowRing {
 public:
  RowRing(std::int64_t rows, std::int64_t maps, std::int64_t pitch)
      : rows_(rows), size_(maps * pitch), values_(rows * size_) {}

  A* row(std::int64_t index) { return values_.data() + index % rows_ * size_; }

 private:
  std::int64_t rows_, size_;
  std::vector<A> values_;
};

// The moments of the windows of a plane.
template <typename T>
class MomentRows {
 public:
  using A = accumulator_t<T>;

  explicit MomentRows(const SsimPlan<T>& plan)
      : plan_(plan), ring_(plan.taps(1), kSsimMoments, plan.pitch), below_(1, kSsimMoments, plan.pitch),
        moments_(1, kSsimMoments, plan.pitch), rows_(std::max(plan.taps(1), plan.taps(2))) {}

  // Go to a row of windows of an output plane.
  void begin(const T* x, const T* y, const SsimPoint<A>& point, std::int64_t volume, std::int64_t plane,
             std::int64_t row) {
    const std::int64_t start = plan_.at(volume, plane, 0);
    source_ = {x + start, y + start, point.x_shift, point.y_shift, plan_.in.width};
    row_ = read_ = row;
  }

  // The moments of the next row of windows, maps one pitch apart.
  const A* next() {
    for (; read_ < row_ + plan_.taps(1); ++read_) {
      const std::int64_t at = read_ * source_.width;
      const SsimRows<T> rows{source_.x + at, source_.y + at, source_.x_shift, source_.y_shift, source_.width};
      plan_.kernels.moments(rows, plan_.plane(), plan_.window[0].data(), plan_.taps(0), ring_.row(read_),
                            plan_.pitch);
    }
    for (std::int64_t t = 0; t < plan_.taps(1); ++t) {
      rows_[t] = ring_.row(row_ + t);
    }
    filter(1, below_.row(0), plan_.in.width);
    for (std::int64_t t = 0; t < plan_.taps(2); ++t) {
      rows_[t] = below_.row(0) + t;
    }
    filter(2, moments_.row(0), plan_.out.width);
    ++row_;
    return moments_.row(0);
  }

 private:
  void filter(int axis, A* to, std::int64_t count) {
    plan_.kernels.filter({rows_.data(), plan_.window[axis].data(), plan_.taps(axis), plan_.pitch}, kSsimMoments, to,
                         plan_.pitch, count);
  }

  const SsimPlan<T>& plan_;
  RowRing<A> ring_, below_, moments_;
  std::vector<const A*> rows_;
  SsimRows<T> source_{};
  std::int64_t row_ = 0, read_ = 0;
};

// The slopes of an output plane, spread over the rows and columns that its windows reach.
template <typename T>
class SlopeRows {
 public:
  using A = accumulator_t<T>;

  SlopeRows(const SsimPlan<T>& plan, std::int64_t maps)
      : plan_(plan), maps_(maps), moments_(plan), slopes_(1, maps, plan.pitch), ring_(plan.taps(1), maps, plan.pitch),
        rows_(std::max(plan.taps(1), plan.taps(2))) {}

  // For rows first to last - 1: write(row) tells where `maps` rows go, `pitch` apart; done(row) is told that they did.
  template <typename Write, typename Done>
  void run(const T* x, const T* y, const SsimPoint<A>& point, std::int64_t volume, std::int64_t plane,
           std::int64_t first, std::int64_t last, std::int64_t pitch, const Write& write, const Done& done) {
    const std::int64_t reach = plan_.taps(1) - 1, final = plan_.out.height - 1;
    std::int64_t window = std::max<std::int64_t>(0, first - reach);
    moments_.begin(x, y, point, volume, plane, window);
    for (std::int64_t row = first; row < last; ++row) {
      for (; window <= std::min(row, final); ++window) {
        spread(point, ring_.row(window));
      }
      const std::int64_t from = std::max<std::int64_t>(0, row - reach), to = std::min(row, final);
      for (std::int64_t other = from; other <= to; ++other) {
        rows_[other - from] = ring_.row(other);
      }
      // Windows are symmetric: tap `row - other` is as well the one counted from the other end.
      const A* weights = plan_.window[1].data() + (reach - (row - from));
      plan_.kernels.filter({rows_.data(), weights, to - from + 1, plan_.pitch}, maps_, write(row), pitch,
                           plan_.in.width);
      done(row);
    }
  }

 private:
  // The slopes of the next row of windows, along the columns.
  void spread(const SsimPoint<A>& point, A* to) {
    const std::int64_t reach = plan_.taps(2) - 1;
    plan_.kernels.slopes(moments_.next(), plan_.pitch, point, plan_.out.width, slopes_.row(0) + reach, plan_.pitch,
                         maps_);
    for (std::int64_t t = 0; t <= reach; ++t) {
      rows_[t] = slopes_.row(0) + t;
    }
    plan_.kernels.filter({rows_.data(), plan_.window[2].data(), reach + 1, plan_.pitch}, maps_, to, plan_.pitch,
                         plan_.in.width);
  }

  const SsimPlan<T>& plan_;
  std::int64_t maps_;
  MomentRows<T> moments_;
  RowRing<A> slopes_, ring_;
  std::vector<const A*> rows_;
};

}  // namespace monai_gan::cpu
