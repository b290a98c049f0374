// Rows of structural similarity: moments along the first axis, weighted sums of rows along the other two, what happens
// at one window, and the gradient of a row.
#include "cpu/kernels/memory.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

template <typename T>
double total(const T* row, std::int64_t count) {
  using A = accumulator_t<T>;
  constexpr std::int64_t width = kLanes<A>;
  Lanes<A> sums{};
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    sums += load(row + i);
  }
  if (i < count) {
    sums += load_part(row + i, count - i);
  }
  return sum<A>(sums);
}

// Moments of the windows over `part` columns, or over a whole vector of them, from column i on.
template <bool whole, typename T>
MONAI_GAN_INLINE void moments_at(const SsimRows<T>& rows, std::int64_t stride, const accumulator_t<T>* weights,
                                 std::int64_t taps, std::int64_t i, std::int64_t part, accumulator_t<T>* out,
                                 std::int64_t pitch) {
  using A = accumulator_t<T>;
  const Lanes<A> x_shift = all(rows.x_shift), y_shift = all(rows.y_shift);
  Lanes<A> sums[kSsimMoments] = {};
  for (std::int64_t t = 0; t < taps; ++t) {
    const T* at_x = rows.x + t * stride + i;
    const T* at_y = rows.y + t * stride + i;
    const Lanes<A> x = (whole ? load(at_x) : load_part(at_x, part)) - x_shift;
    const Lanes<A> y = (whole ? load(at_y) : load_part(at_y, part)) - y_shift;
    const Lanes<A> wx = weights[t] * x, wy = weights[t] * y;
    sums[kX] += wx;
    sums[kY] += wy;
    sums[kXX] += wx * x;
    sums[kYY] += wy * y;
    sums[kXY] += wx * y;
  }
  for (int map = 0; map < kSsimMoments; ++map) {
    store(out + map * pitch + i, sums[map]);
  }
}

template <typename T>
void moments(const SsimRows<T>& rows, std::int64_t stride, const accumulator_t<T>* weights, std::int64_t taps,
             accumulator_t<T>* out, std::int64_t pitch) {
  constexpr std::int64_t width = kLanes<accumulator_t<T>>;
  std::int64_t i = 0;
  for (; i + width <= rows.width; i += width) {
    moments_at<true>(rows, stride, weights, taps, i, width, out, pitch);
  }
  if (i < rows.width) {
    moments_at<false>(rows, stride, weights, taps, i, rows.width - i, out, pitch);
  }
}

// Several vectors at a time: an addition takes a few cycles, and they overlap.
template <std::int64_t vectors, typename A>
MONAI_GAN_INLINE void filter_at(const Taps<A>& taps, std::int64_t at, A* out) {
  constexpr std::int64_t width = kLanes<A>;
  Lanes<A> sums[vectors] = {};
  for (std::int64_t t = 0; t < taps.count; ++t) {
    const A* row = taps.rows[t] + at;
    for (std::int64_t k = 0; k < vectors; ++k) {
      sums[k] += taps.weights[t] * load(row + k * width);
    }
  }
  for (std::int64_t k = 0; k < vectors; ++k) {
    store(out + k * width, sums[k]);
  }
}

template <typename A>
void filter(const Taps<A>& shared, std::int64_t maps, A* out, std::int64_t pitch, std::int64_t count) {
  constexpr std::int64_t width = kLanes<A>, several = 4;
  const Taps<A> taps = shared;  // a copy that no store can change
  for (std::int64_t map = 0; map < maps; ++map) {
    std::int64_t i = 0;
    for (; i + several * width <= count; i += several * width) {
      filter_at<several>(taps, map * taps.pitch + i, out + map * pitch + i);
    }
    for (; i < count; i += width) {
      filter_at<1>(taps, map * taps.pitch + i, out + map * pitch + i);
    }
  }
}

// What is known of a window: means mx and my, l and cs, and 1 over the denominators of both.
template <typename A>
struct Window {
  Lanes<A> x, y, mx, my, luminance, contrast, per_means, per_variances;

  MONAI_GAN_INLINE Window(const A* moments, std::int64_t pitch, const SsimPoint<A>& point)
      : x(load(moments + kX * pitch)), y(load(moments + kY * pitch)), mx(x + point.x_shift), my(y + point.y_shift) {
    const Lanes<A> variances = (load(moments + kXX * pitch) - x * x) + (load(moments + kYY * pitch) - y * y);
    const Lanes<A> covariance = load(moments + kXY * pitch) - x * y;
    per_means = A(1) / (mx * mx + my * my + point.c1);
    per_variances = A(1) / (variances + point.c2);
    luminance = (A(2) * mx * my + point.c1) * per_means;
    contrast = (A(2) * covariance + point.c2) * per_variances;
  }
};

// Additions per lane before the result goes to a double: long sums stay accurate.
constexpr std::int64_t kAdditions = 128;

template <typename A>
void similarity(const A* moments, std::int64_t pitch, const SsimPoint<A>& shared, std::int64_t count, double* sums) {
  constexpr std::int64_t width = kLanes<A>;
  const SsimPoint<A> point = shared;
  for (std::int64_t start = 0; start < count; start += kAdditions * width) {
    const std::int64_t end = start + kAdditions * width < count ? start + kAdditions * width : count;
    Lanes<A> similarities{}, contrasts{};
    std::int64_t i = start;
    for (; i + width <= end; i += width) {
      const Window<A> window(moments + i, pitch, point);
      similarities += window.luminance * window.contrast;
      contrasts += window.contrast;
    }
    if (i < end) {
      const Window<A> window(moments + i, pitch, point);
      A parts[2][width];
      store(parts[0], window.luminance * window.contrast);
      store(parts[1], window.contrast);
      similarities += load_part(parts[0], end - i);
      contrasts += load_part(parts[1], end - i);
    }
    sums[0] += sum<A>(similarities);
    sums[1] += sum<A>(contrasts);
  }
}

template <typename A>
void slopes(const A* moments, std::int64_t pitch, const SsimPoint<A>& shared, std::int64_t count, A* out,
            std::int64_t out_pitch, std::int64_t maps) {
  constexpr std::int64_t width = kLanes<A>;
  const SsimPoint<A> point = shared;
  for (std::int64_t i = 0; i < count; i += width) {
    const Window<A> w(moments + i, pitch, point);
    Lanes<A> results[kSsimSlopes];
    const Lanes<A> to_contrast = point.to_similarity * w.luminance + point.to_contrast;
    const Lanes<A> to_means = A(2) * point.to_similarity * w.contrast * w.per_means;
    results[kOfOther] = A(2) * to_contrast * w.per_variances;
    results[kOfSame] = -w.contrast * results[kOfOther];
    results[kOfX] = to_means * (w.my - w.luminance * w.mx) - results[kOfSame] * w.x - results[kOfOther] * w.y;
    results[kOfY] = to_means * (w.mx - w.luminance * w.my) - results[kOfSame] * w.y - results[kOfOther] * w.x;
    for (std::int64_t map = 0; map < maps; ++map) {
      if (i + width <= count) {
        store(out + map * out_pitch + i, results[map]);
      } else {
        store_part(out + map * out_pitch + i, results[map], count - i);
      }
    }
  }
}

template <bool whole, bool both, typename T>
MONAI_GAN_INLINE void gradient_at(const Taps<accumulator_t<T>>& slopes, const SsimRows<T>& rows, std::int64_t i,
                                  std::int64_t part, T* grad_x, T* grad_y) {
  using A = accumulator_t<T>;
  constexpr int maps = both ? kSsimSlopes : kOfY;
  Lanes<A> sums[maps] = {};
  for (std::int64_t t = 0; t < slopes.count; ++t) {
    const A* row = slopes.rows[t] + i;
    for (int map = 0; map < maps; ++map) {
      sums[map] += slopes.weights[t] * load(row + map * slopes.pitch);
    }
  }
  const Lanes<A> x = (whole ? load(rows.x + i) : load_part(rows.x + i, part)) - rows.x_shift;
  const Lanes<A> y = (whole ? load(rows.y + i) : load_part(rows.y + i, part)) - rows.y_shift;
  const auto put = [&](T* to, const Lanes<A>& value) {
    if constexpr (whole) {
      store(to + i, value);
    } else {
      store_part(to + i, value, part);
    }
  };
  put(grad_x, sums[kOfX] + sums[kOfSame] * x + sums[kOfOther] * y);
  if constexpr (both) {
    put(grad_y, sums[kOfY] + sums[kOfSame] * y + sums[kOfOther] * x);
  }
}

template <bool both, typename T>
MONAI_GAN_INLINE void gradient_of(const Taps<accumulator_t<T>>& slopes, const SsimRows<T>& rows, T* grad_x,
                                  T* grad_y) {
  constexpr std::int64_t width = kLanes<accumulator_t<T>>;
  std::int64_t i = 0;
  for (; i + width <= rows.width; i += width) {
    gradient_at<true, both>(slopes, rows, i, width, grad_x, grad_y);
  }
  if (i < rows.width) {
    gradient_at<false, both>(slopes, rows, i, rows.width - i, grad_x, grad_y);
  }
}

template <typename T>
void gradient(const Taps<accumulator_t<T>>& slopes, const SsimRows<T>& rows, T* grad_x, T* grad_y) {
  const Taps<accumulator_t<T>> taps = slopes;
  const SsimRows<T> row = rows;
  if (grad_y == nullptr) {
    gradient_of<false>(taps, row, grad_x, grad_y);
  } else {
    gradient_of<true>(taps, row, grad_x, grad_y);
  }
}

template <typename T>
constexpr SsimKernels<T> kernels() {
  using A = accumulator_t<T>;
  return {total<T>, moments<T>, filter<A>, similarity<A>, slopes<A>, gradient<T>};
}

}  // namespace

extern const ForEachType<SsimKernels> similarities;
const ForEachType<SsimKernels> similarities = {kernels<float>(), kernels<double>(), kernels<bfloat16>()};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
