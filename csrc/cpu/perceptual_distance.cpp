// At each position, with feature vectors f and f' of lengths s and s', and weights w:
//
//   r = 1 / (s + eps), or 0 where s is 0,  r' likewise,  gap = r - r',  d_c = f_c r - f'_c r'
//
//   distance = mean over positions of sum_c w_c d_c^2
//   df_c = 2 grad r (w_c d_c - f_c along) / positions,  along = sum_c w_c d_c f_c r / s
//
// and the same for f' with -d. Nearly equal features keep their digits in
//
//   d_c = (f_c - f'_c) min(r, r') + f_c max(gap, 0) + f'_c min(gap, 0)
//   gap = (s' - s) r r',  s' - s = sum_c (f'_c - f_c) (f'_c + f_c) / (s + s')
//
// where nothing subtracts two rounded numbers; equal features give exactly 0. Where one length is far from the other, no
// term is larger than a difference of vectors of length 1.
#include "cpu/perceptual_distance.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/isa.h"
#include "cpu/past_caches.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

namespace {

template <typename T>
const PerceptualKernels<T>& kernels(const Shape& shape) {
  const PerceptualLayouts<T>& layouts = tables().perceptual;
  return shape.channels_last ? layouts.columns : layouts.rows;
}

// Tiles of the positions of each sample, which depend on the shape alone: of about `elements` of a feature map.
class PositionTiles {
 public:
  PositionTiles(const Shape& shape, std::int64_t elements)
      : shape_(shape),
        size_(std::max(elements / shape.channels / kMostLanes, std::int64_t{1}) * kMostLanes),
        per_sample_((shape.positions + size_ - 1) / size_) {}

  std::int64_t size() const { return std::min(size_, shape_.positions); }  // at most
  std::int64_t count() const { return shape_.batch * per_sample_; }
  std::int64_t per_sample() const { return per_sample_; }
  std::int64_t sample(std::int64_t tile) const { return tile / per_sample_; }
  std::int64_t start(std::int64_t tile) const { return tile % per_sample_ * size_; }

  // Where the statistics of the tile begin in (batch, positions).
  std::int64_t plane_offset(std::int64_t tile) const { return sample(tile) * shape_.positions + start(tile); }

  template <typename T>
  FeatureTile<T> features(std::int64_t tile, const T* f, const T* other, const accumulator_t<T>* weight) const {
    const std::int64_t at = offset(tile), positions = std::min(size_, shape_.positions - start(tile));
    return {f + at, other + at, weight, shape_.channels, positions, stride()};
  }

  // Where the tile begins in a feature map.
  std::int64_t offset(std::int64_t tile) const {
    const std::int64_t first = sample(tile) * shape_.channels * shape_.positions;
    return first + start(tile) * (shape_.channels_last ? shape_.channels : 1);
  }

  std::int64_t stride() const { return shape_.channels_last ? shape_.channels : shape_.positions; }

 private:
  const Shape& shape_;
  std::int64_t size_, per_sample_;
};

// The weights, or ones.
template <typename A>
class Weights {
 public:
  Weights(const A* given, std::int64_t channels) : ones_(given == nullptr ? channels : 0, A(1)), given_(given) {}
  const A* get() const { return given_ == nullptr ? ones_.data() : given_; }

 private:
  std::vector<A> ones_;
  const A* given_;
};

}  // namespace

template <typename T>
void distance_forward(const Shape& shape, const DistanceForward<T>& arguments, std::int64_t threads) {
  using A = accumulator_t<T>;
  const PositionTiles tiles(shape, 16384);  // a copy of both feature maps leaves room in the second cache
  const Weights<A> weights(arguments.weight, shape.channels);
  const auto kernel = kernels<T>(shape).distance;
  threads = useful_threads(threads, shape.elements());
  const std::int64_t positions = (tiles.size() + kMostLanes - 1) / kMostLanes * kMostLanes;
  const std::int64_t each = positions * (kPerPosition + (shape.channels_last ? 0 : 2 * shape.channels));
  const std::unique_ptr<A[]> scratch(new A[threads * each]);
  std::vector<double> parts(tiles.count());
  parallel_for(threads, tiles.count(), [&](std::int64_t index, std::int64_t thread) {
    const FeatureTile<T> features = tiles.features(index, arguments.f, arguments.target, weights.get());
    parts[index] = kernel({features, arguments.statistics + tiles.plane_offset(index), shape.batch * shape.positions,
                           static_cast<A>(arguments.eps), scratch.get() + thread * each});
  });
  for (std::int64_t sample = 0; sample < shape.batch; ++sample) {
    double total = 0;
    for (std::int64_t tile = 0; tile < tiles.per_sample(); ++tile) {
      total += parts[sample * tiles.per_sample() + tile];
    }
    arguments.distance[sample] = static_cast<A>(total / double(shape.positions));
  }
}

template <typename T>
void distance_backward(const Shape& shape, const DistanceBackward<T>& arguments, std::int64_t threads) {
  using A = accumulator_t<T>;
  const PositionTiles tiles(shape, 65536);  // long pieces of rows
  const Weights<A> weights(arguments.weight, shape.channels);
  const auto kernel = kernels<T>(shape).gradient;
  const std::int64_t size = sizeof(T);
  const bool past = past_caches(3 * shape.elements() * size, tiles.stride() * size, {arguments.grad_f});
  parallel_for(useful_threads(threads, shape.elements()), tiles.count(), [&](std::int64_t index, std::int64_t) {
    const FeatureTile<T> features = tiles.features(index, arguments.f, arguments.other, weights.get());
    const std::int64_t at = tiles.plane_offset(index);
    const double factor = 2.0 * arguments.grad[tiles.sample(index)] / double(shape.positions);
    kernel({features, arguments.reciprocal + at, arguments.other_reciprocal + at, arguments.along + at,
            arguments.gap + at, static_cast<A>(factor), arguments.grad_f + tiles.offset(index), past});
  });
}

#define MONAI_GAN_INSTANTIATE(T)                                                               \
  template void distance_forward<T>(const Shape&, const DistanceForward<T>&, std::int64_t);   \
  template void distance_backward<T>(const Shape&, const DistanceBackward<T>&, std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
