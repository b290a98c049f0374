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
#include <numeric>
#include <utility>
#include <vector>

#include "cpu/huge_pages.h"
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

// Equal tiles of the positions of each sample, which depend on the shape alone: of about `elements` of a feature map.
class PositionTiles {
 public:
  PositionTiles(const Shape& shape, std::int64_t elements)
      : shape_(shape),
        size_(size_of(shape, std::max(shape.channels * shape.positions / elements, std::int64_t{1}))),
        per_sample_((shape.positions + size_ - 1) / size_) {}

  std::int64_t size() const { return size_; }  // at most
  std::int64_t count() const { return shape_.batch * per_sample_; }
  std::int64_t per_sample() const { return per_sample_; }
  std::int64_t sample(std::int64_t tile) const { return tile / per_sample_; }
  std::int64_t start(std::int64_t tile) const { return tile % per_sample_ * size_; }

  // Where the statistics of the tile begin in (batch, positions).
  std::int64_t plane_offset(std::int64_t tile) const { return sample(tile) * shape_.positions + start(tile); }

  // threads: how many take tiles in turn.
  template <typename T>
  FeatureTile<T> features(std::int64_t tile, std::int64_t threads, const T* f, const T* other,
                          const accumulator_t<T>* weight) const {
    const std::int64_t at = offset(tile), positions = std::min(size_, shape_.positions - start(tile));
    const std::int64_t next = offset(std::min(tile + threads, count() - 1)) - at;
    return {f + at, other + at, weight, shape_.channels, positions, stride(), next};
  }

  // Where the tile begins in a feature map.
  std::int64_t offset(std::int64_t tile) const {
    const std::int64_t first = sample(tile) * shape_.channels * shape_.positions;
    return first + start(tile) * (shape_.channels_last ? shape_.channels : 1);
  }

  std::int64_t stride() const { return shape_.channels_last ? shape_.channels : shape_.positions; }

 private:
  static std::int64_t size_of(const Shape& shape, std::int64_t per_sample) {
    return ((shape.positions + per_sample - 1) / per_sample + kMostLanes - 1) / kMostLanes * kMostLanes;
  }

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

// The distance of one layer, tile by tile.
template <typename T>
class LayerSums {
 public:
  using A = accumulator_t<T>;

  // total: elements of all layers; cotangent: of the distance.
  LayerSums(const DistanceLayer<T>& layer, A* statistics, double eps, std::int64_t total, double cotangent = 1)
      : layer_(layer),
        tiles_(layer_.shape, elements_of_a_tile(layer.shape)),
        weights_(layer.weight, layer.shape.channels),
        statistics_(statistics),
        eps_(static_cast<A>(eps)),
        factor_(static_cast<A>(2.0 * cotangent / double(layer.shape.positions))),
        parts_(tiles_.count()) {
    const std::int64_t size = sizeof(T);
    past_caches_ = past_caches(3 * total * size, tiles_.stride() * size, {layer.gradient});
    if (layer.gradient != nullptr) {
      ask_for_huge_pages(layer.gradient, layer.shape.elements() * size);
    }
  }

  std::int64_t tiles() const { return tiles_.count(); }

  // Numbers that a tile needs for itself.
  std::int64_t scratch() const { return kPerPosition * tiles_.size(); }

  void add(std::int64_t tile, std::int64_t threads, A* scratch) {
    const Shape& shape = layer_.shape;
    A* statistics = statistics_ == nullptr ? nullptr : statistics_ + tiles_.plane_offset(tile);
    T* gradient = layer_.gradient == nullptr ? nullptr : layer_.gradient + tiles_.offset(tile);
    parts_[tile] = kernels<T>(shape).distance({tiles_.features(tile, threads, layer_.f, layer_.target, weights_.get()),
                                               statistics, shape.batch * shape.positions, eps_, scratch, gradient,
                                               factor_, past_caches_});
  }

  double distance(std::int64_t sample) const {
    const auto first = parts_.begin() + sample * tiles_.per_sample();
    return std::accumulate(first, first + tiles_.per_sample(), 0.0) / double(layer_.shape.positions);
  }

 private:
  // Rows as long as possible, as long as the sweeps find what the first of them has read in a cache; but some tiles for
  // threads to share.
  static std::int64_t elements_of_a_tile(const Shape& shape) {
    constexpr std::int64_t least = 16384, most = 262144;
    return std::min(std::max(shape.elements() / 8, least), most);
  }

  DistanceLayer<T> layer_;
  PositionTiles tiles_;
  Weights<A> weights_;
  A* statistics_;
  A eps_, factor_;
  bool past_caches_;
  std::vector<double> parts_;
};

// Memory that begins with a line of a cache.
template <typename A>
struct alignas(64) Line {
  A numbers[64 / sizeof(A)];
};

// All tiles of all layers in one loop: threads wait for each other once.
template <typename T>
void sum_layers(const std::vector<std::unique_ptr<LayerSums<T>>>& layers, std::int64_t batch,
                accumulator_t<T>* distance, std::int64_t threads) {
  std::vector<std::pair<LayerSums<T>*, std::int64_t>> tiles;
  std::int64_t each = 0;
  for (const auto& layer : layers) {
    each = std::max(each, layer->scratch());
    for (std::int64_t tile = 0; tile < layer->tiles(); ++tile) {
      tiles.emplace_back(layer.get(), tile);
    }
  }
  using A = accumulator_t<T>;
  const std::int64_t lines = each * sizeof(A) / sizeof(Line<A>);
  const std::unique_ptr<Line<A>[]> scratch(new Line<A>[threads * lines]);
  parallel_for_any(threads, static_cast<std::int64_t>(tiles.size()), [&](std::int64_t index, std::int64_t thread) {
    tiles[index].first->add(tiles[index].second, threads, scratch[thread * lines].numbers);
  });
  for (std::int64_t sample = 0; sample < batch; ++sample) {
    double total = 0;
    for (const auto& layer : layers) {
      total += layer->distance(sample);
    }
    distance[sample] = static_cast<A>(total);
  }
}

}  // namespace

template <typename T>
void distance_forward(const Shape& shape, const DistanceForward<T>& arguments, std::int64_t threads) {
  std::vector<std::unique_ptr<LayerSums<T>>> layers;
  const DistanceLayer<T> layer{shape, arguments.f, arguments.target, arguments.weight, nullptr};
  layers.push_back(std::make_unique<LayerSums<T>>(layer, arguments.statistics, arguments.eps, shape.elements()));
  sum_layers(layers, shape.batch, arguments.distance, useful_threads(threads, shape.elements()));
}

template <typename T>
void distance_of_layers(const std::vector<DistanceLayer<T>>& given, double eps, double cotangent,
                        accumulator_t<T>* distance, std::int64_t threads) {
  std::vector<std::unique_ptr<LayerSums<T>>> layers;
  std::int64_t elements = 0;
  for (const DistanceLayer<T>& layer : given) {
    elements += layer.shape.elements();
  }
  for (const DistanceLayer<T>& layer : given) {
    layers.push_back(std::make_unique<LayerSums<T>>(layer, nullptr, eps, elements, cotangent));
  }
  sum_layers(layers, given[0].shape.batch, distance, useful_threads(threads, elements));
}

template <typename T>
void distance_backward(const Shape& shape, const DistanceBackward<T>& arguments, std::int64_t threads) {
  using A = accumulator_t<T>;
  const PositionTiles tiles(shape, 65536);  // long pieces of rows
  const Weights<A> weights(arguments.weight, shape.channels);
  const auto kernel = kernels<T>(shape).gradient;
  const std::int64_t size = sizeof(T), bytes = shape.elements() * size;
  const bool past = past_caches(3 * bytes, tiles.stride() * size, {arguments.grad_f});
  ask_for_huge_pages(arguments.grad_f, bytes);
  threads = useful_threads(threads, shape.elements());
  parallel_for_any(threads, tiles.count(), [&](std::int64_t index, std::int64_t) {
    const std::int64_t at = tiles.plane_offset(index);
    const double factor = 2.0 * arguments.grad[tiles.sample(index)] / double(shape.positions);
    kernel(tiles.features(index, threads, arguments.f, arguments.other, weights.get()),
           {arguments.reciprocal + at, arguments.other_reciprocal + at, arguments.along + at, arguments.gap + at,
            static_cast<A>(factor), arguments.grad_f + tiles.offset(index), past});
  });
}

template <typename T>
void scale_gradients(const std::vector<LayerGradient<T>>& layers, const accumulator_t<T>* factors, std::int64_t batch,
                     std::int64_t threads) {
  constexpr std::int64_t piece = 65536;
  struct Piece {
    T* start;
    std::int64_t size, sample;
  };
  std::vector<Piece> pieces;
  std::int64_t elements = 0;
  for (const LayerGradient<T>& layer : layers) {
    elements += batch * layer.size;
    for (std::int64_t sample = 0; sample < batch; ++sample) {
      for (std::int64_t start = 0; start < layer.size; start += piece) {
        pieces.push_back({layer.gradient + sample * layer.size + start, std::min(piece, layer.size - start), sample});
      }
    }
  }
  const RowKernels<T>& rows = tables().rows;
  parallel_for_any(useful_threads(threads, elements), static_cast<std::int64_t>(pieces.size()),
                   [&](std::int64_t index, std::int64_t) {
                     const Piece& one = pieces[index];
                     rows.scale(one.start, factors[one.sample], one.start, one.size, false);
                   });
}

#define MONAI_GAN_INSTANTIATE(T)                                                               \
  template void distance_forward<T>(const Shape&, const DistanceForward<T>&, std::int64_t);   \
  template void distance_backward<T>(const Shape&, const DistanceBackward<T>&, std::int64_t);  \
  template void distance_of_layers<T>(const std::vector<DistanceLayer<T>>&, double, double,   \
                                      accumulator_t<T>*, std::int64_t);                        \
  template void scale_gradients<T>(const std::vector<LayerGradient<T>>&,                      \
                                   const accumulator_t<T>*, std::int64_t, std::int64_t);
MONAI_GAN_INSTANTIATE(float)
MONAI_GAN_INSTANTIATE(double)
MONAI_GAN_INSTANTIATE(bfloat16)
#undef MONAI_GAN_INSTANTIATE

}  // namespace monai_gan::cpu
