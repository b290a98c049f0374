// With the moments of a window (means mx, my and mean products, so that vx = E[xx] - mx^2 and so on), its share g of
// the gradient of the similarity and h of that of the contrast, and a = (g l + h) / (vx + vy + c2), the derivatives are
//
//   of E[xy]: 2 a      of E[xx] and E[yy]: -cs a
//   of mx: 2 g cs (my - l mx) / (mx^2 + my^2 + c1) + 2 cs a mx - 2 a my      and the same of my with x, y exchanged
//
// A position gets the derivatives of all windows over it, weighted as they weight it: the filters of the moments once
// more, since windows are symmetric. Moments are computed anew for that: it is cheaper than to keep them.
//
// Results do not depend on how the work is divided: every row of windows is computed in the same way, and their sums
// are added in order.
#include "cpu/ssim.h"

#include <cmath>

#include "cpu/isa.h"
#include "cpu/ssim_rows.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

namespace {

// Elements that pay for a thread: each costs as much as hundreds of an element-wise operation.
constexpr std::int64_t kGrain = 1024;
// Rows of x and y that the windows of a plane reach into: they should stay in the second cache from plane to plane.
constexpr std::int64_t kCacheBytes = std::int64_t{1} << 19;
// Output planes in flight in a backward pass, at least: each chunk of them ends with a wait for all threads.
constexpr std::int64_t kPlanes = 16;

std::int64_t ssim_threads(std::int64_t asked, const Volumes& volumes) {
  return useful_threads(asked, volumes.count * volumes.depth * volumes.height * volumes.width, kGrain);
}

// How a backward pass under deep windows is divided: into groups of volumes, and these into chunks of output planes.
struct Chunks {
  std::int64_t volumes, planes;
  std::int64_t kept;  // output planes of a volume in memory: a chunk, and those before it that still reach into it

  Chunks(const Volumes& in, std::int64_t reach, std::int64_t threads) {
    const std::int64_t depth = in.depth - reach;
    planes = std::min(depth, std::max(kPlanes, 4 * threads));
    volumes = planes < depth ? 1 : std::clamp<std::int64_t>(4 * threads / depth, 1, in.count);
    kept = planes + reach;
  }
};

template <typename A>
std::vector<A> window_of(std::int64_t size, double sigma) {
  std::vector<double> values;
  double total = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double distance = double(i) - double(size - 1) / 2, nearest = size % 2 == 0 ? 0.5 : 0;
    // From the nearest: a narrow Gaussian would vanish on all sides of an even window's middle.
    values.push_back(std::exp((nearest * nearest - distance * distance) / (2 * sigma * sigma)));
    total += values.back();
  }
  std::vector<A> result;
  for (double value : values) {
    result.push_back(static_cast<A>(value / total));
  }
  return result;
}

template <typename T>
SsimPlan<T> plan_of(const Volumes& volumes, const SsimOptions& options) {
  SsimPlan<T> plan{tables().ssim, volumes, {}, {}, 0};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    plan.window[axis] = window_of<accumulator_t<T>>(options.size[axis], options.sigma[axis]);
  }
  plan.out = {volumes.count, volumes.depth - options.size[0] + 1, volumes.height - options.size[1] + 1,
              volumes.width - options.size[2] + 1};
  plan.pitch = padded(volumes.width + 2 * (options.size[2] - 1)) + kSsimPadding;
  return plan;
}

// A number near those of a volume: the mean of some of its rows; zero where that is none.
template <typename T>
accumulator_t<T> shift_of(const SsimPlan<T>& plan, const T* volume) {
  const std::int64_t rows = plan.in.depth * plan.in.height, some = std::min<std::int64_t>(rows, 64);
  double total = 0;
  for (std::int64_t i = 0; i < some; ++i) {
    total += plan.kernels.total(volume + i * rows / some * plan.in.width, plan.in.width);
  }
  const double mean = total / double(some * plan.in.width);
  return std::isfinite(mean) ? static_cast<accumulator_t<T>>(mean) : accumulator_t<T>(0);
}

template <typename T>
std::vector<SsimPoint<accumulator_t<T>>> points_of(const SsimPlan<T>& plan, const SsimOptions& options, const T* x,
                                                   const T* y, std::int64_t threads) {
  using A = accumulator_t<T>;
  std::vector<SsimPoint<A>> points(plan.in.count);
  parallel_for(threads, plan.in.count, [&](std::int64_t volume, std::int64_t) {
    const std::int64_t start = plan.at(volume, 0, 0);
    points[volume] = {static_cast<A>(options.c1), static_cast<A>(options.c2), shift_of(plan, x + start),
                      shift_of(plan, y + start), A(0), A(0)};
  });
  return points;
}

// Bands of rows of a plane, so that there are units enough for the threads, and what windows of several planes read
// again stays in the cache. A band computes rows below it that the next one computes again, so it is not made much
// thinner than those.
template <typename T>
struct Bands {
  std::int64_t rows, count;

  Bands(const SsimPlan<T>& plan, std::int64_t height, std::int64_t planes, std::int64_t threads) {
    const std::int64_t bytes = 2 * (plan.taps(0) - 1) * plan.plane() * std::int64_t{sizeof(T)};
    const std::int64_t for_threads = threads == 1 ? 1 : (4 * threads + planes - 1) / planes;
    const std::int64_t wanted = std::max(for_threads, (bytes + kCacheBytes - 1) / kCacheBytes);
    rows = std::max((height + wanted - 1) / wanted, std::min(height, 2 * plan.taps(1)));
    count = (height + rows - 1) / rows;
  }
};

template <typename Worker, typename... Arguments>
std::vector<Worker> one_per_thread(std::int64_t threads, const Arguments&... arguments) {
  std::vector<Worker> workers;
  workers.reserve(threads);
  for (std::int64_t i = 0; i < threads; ++i) {
    workers.emplace_back(arguments...);
  }
  return workers;
}

// What the two ways of a backward pass share.
template <typename T>
struct Backward {
  using A = accumulator_t<T>;

  const SsimPlan<T>& plan;
  const std::vector<SsimPoint<A>>& points;
  const T* x;
  const T* y;
  T* grad_x;
  T* grad_y;
  A* workspace;
  std::int64_t threads;

  std::int64_t maps() const { return grad_y == nullptr ? kOfY : kSsimSlopes; }

  void gradient(std::int64_t volume, std::int64_t plane, std::int64_t row, const Taps<A>& slopes) const {
    const std::int64_t at = plan.at(volume, plane, row);
    const SsimPoint<A>& point = points[volume];
    plan.kernels.gradient(slopes, {x + at, y + at, point.x_shift, point.y_shift, plan.in.width}, grad_x + at,
                          grad_y == nullptr ? nullptr : grad_y + at);
  }

  // Windows of depth 1: each row is finished as soon as its slopes are there.
  void flat() const {
    const Bands<T> bands(plan, plan.in.height, plan.in.count * plan.in.depth, threads);
    std::vector<SlopeRows<T>> workers = one_per_thread<SlopeRows<T>>(threads, plan, maps());
    std::vector<RowRing<A>> results = one_per_thread<RowRing<A>>(threads, std::int64_t{1}, maps(), plan.pitch);
    const std::int64_t planes = plan.in.depth * bands.count;
    parallel_for(threads, plan.in.count * planes, [&](std::int64_t unit, std::int64_t thread) {
      const std::int64_t volume = unit / planes, band = unit % planes / plan.in.depth, plane = unit % plan.in.depth;
      const std::int64_t first = band * bands.rows, last = std::min(first + bands.rows, plan.in.height);
      A* const result = results[thread].row(0);
      const A* const rows[] = {result};
      workers[thread].run(
          x, y, points[volume], volume, plane, first, last, plan.pitch, [&](std::int64_t) { return result; },
          [&](std::int64_t row) { gradient(volume, plane, row, {rows, plan.window[0].data(), 1, plan.pitch}); });
    });
  }

  // Deeper windows: output planes are spread over rows and columns chunk by chunk, then the planes of the input that
  // no later chunk reaches are finished. Small volumes are taken several at a time.
  void deep() const {
    const std::int64_t reach = plan.taps(0) - 1, depth = plan.out.depth;
    const Chunks chunks(plan.in, reach, threads);
    const std::int64_t pitch = padded(plan.in.width), row_size = maps() * pitch;
    const Bands<T> bands(plan, plan.in.height, chunks.volumes * chunks.planes, threads);
    std::vector<SlopeRows<T>> workers = one_per_thread<SlopeRows<T>>(threads, plan, maps());
    std::vector<std::vector<const A*>> taps(threads, std::vector<const A*>(plan.taps(0)));
    const auto at = [&](std::int64_t member, std::int64_t plane, std::int64_t row) {
      return workspace + ((member * chunks.kept + plane % chunks.kept) * plan.in.height + row) * row_size;
    };
    for (std::int64_t start = 0; start < plan.in.count; start += chunks.volumes) {
      const std::int64_t members = std::min(chunks.volumes, plan.in.count - start);
      for (std::int64_t near = 0; near < depth; near += chunks.planes) {
        const std::int64_t planes = std::min(chunks.planes, depth - near);
        parallel_for(threads, members * bands.count * planes, [&](std::int64_t unit, std::int64_t thread) {
          const std::int64_t member = unit / (bands.count * planes), band = unit / planes % bands.count;
          const std::int64_t plane = near + unit % planes, first = band * bands.rows;
          workers[thread].run(
              x, y, points[start + member], start + member, plane, first,
              std::min(first + bands.rows, plan.in.height), pitch,
              [&](std::int64_t row) { return at(member, plane, row); }, [](std::int64_t) {});
        });
        const std::int64_t far = near + planes < depth ? near + planes : plan.in.depth;
        parallel_for(threads, members * (far - near), [&](std::int64_t unit, std::int64_t thread) {
          const std::int64_t member = unit / (far - near), plane = near + unit % (far - near);
          const std::int64_t from = std::max<std::int64_t>(0, plane - reach), to = std::min(plane, depth - 1);
          const A** rows = taps[thread].data();
          for (std::int64_t row = 0; row < plan.in.height; ++row) {
            for (std::int64_t other = from; other <= to; ++other) {
              rows[other - from] = at(member, other, row);
            }
            gradient(start + member, plane, row,
                     {rows, plan.window[0].data() + (reach - (plane - from)), to - from + 1, pitch});
          }
        });
      }
    }
  }
};

}  // namespace

template <typename T>
void ssim_forward(const Volumes& volumes, const SsimOptions& options, const T* x, const T* y,
                  accumulator_t<T>* similarity, accumulator_t<T>* contrast, std::int64_t asked) {
  const SsimPlan<T> plan = plan_of<T>(volumes, options);
  const std::int64_t threads = ssim_threads(asked, volumes);
  const auto points = points_of(plan, options, x, y, threads);
  const Volumes& out = plan.out;
  const Bands<T> bands(plan, out.height, out.count * out.depth, threads);
  std::vector<MomentRows<T>> workers = one_per_thread<MomentRows<T>>(threads, plan);
  struct Sums {
    double of[2] = {};
  };
  std::vector<Sums> rows(out.count * out.depth * out.height);
  const std::int64_t planes = out.depth * bands.count;
  parallel_for(threads, out.count * planes, [&](std::int64_t unit, std::int64_t thread) {
    // Consecutive units are planes of one band: their windows share most of their rows.
    const std::int64_t volume = unit / planes, band = unit % planes / out.depth, plane = unit % out.depth;
    const std::int64_t first = band * bands.rows, last = std::min(first + bands.rows, out.height);
    MomentRows<T>& moments = workers[thread];
    moments.begin(x, y, points[volume], volume, plane, first);
    for (std::int64_t row = first; row < last; ++row) {
      plan.kernels.similarity(moments.next(), plan.pitch, points[volume], out.width,
                              rows[(volume * out.depth + plane) * out.height + row].of);
    }
  });
  const std::int64_t each = out.depth * out.height;
  for (std::int64_t volume = 0; volume < out.count; ++volume) {
    double totals[2] = {};
    for (std::int64_t row = volume * each; row < (volume + 1) * each; ++row) {
      totals[0] += rows[row].of[0];
      totals[1] += rows[row].of[1];
    }
    similarity[volume] = static_cast<accumulator_t<T>>(totals[0] / double(each * out.width));
    contrast[volume] = static_cast<accumulator_t<T>>(totals[1] / double(each * out.width));
  }
}

std::int64_t ssim_workspace(const Volumes& volumes, const SsimOptions& options, bool both, std::int64_t asked) {
  if (options.size[0] == 1) {
    return 0;
  }
  const Chunks chunks(volumes, options.size[0] - 1, ssim_threads(asked, volumes));
  return chunks.volumes * chunks.kept * volumes.height * (both ? kSsimSlopes : kOfY) * padded(volumes.width);
}

template <typename T>
void ssim_backward(const Volumes& volumes, const SsimOptions& options, const accumulator_t<T>* to_similarity,
                   const accumulator_t<T>* to_contrast, const T* x, const T* y, T* grad_x, T* grad_y,
                   accumulator_t<T>* workspace, std::int64_t asked) {
  using A = accumulator_t<T>;
  const SsimPlan<T> plan = plan_of<T>(volumes, options);
  const std::int64_t threads = ssim_threads(asked, volumes);
  auto points = points_of(plan, options, x, y, threads);
  const double windows = double(plan.out.depth * plan.out.height * plan.out.width);
  for (std::int64_t volume = 0; volume < volumes.count; ++volume) {
    points[volume].to_similarity = static_cast<A>(to_similarity[volume] / windows);
    points[volume].to_contrast = static_cast<A>(to_contrast[volume] / windows);
  }
  const Backward<T> backward{plan, points, x, y, grad_x, grad_y, workspace, threads};
  if (options.size[0] == 1) {
    backward.flat();
  } else {
    backward.deep();
  }
}

#define MONAI_GAN_INSTANTIATE(T)                                                                                  \
  template void ssim_forward<T>(const Volumes&, const SsimOptions&, const T*, const T*, accumulator_t<T>*,        \
                                accumulator_t<T>*, std::int64_t);                                                 \
  template void ssim_backward<T>(const Volumes&, const SsimOptions&, const accumulator_t<T>*,                     \
                                 const accumulator_t<T>*, const T*, const T*, T*, T*, accumulator_t<T>*,          \
                                 std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
