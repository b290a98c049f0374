// What the instruction-set specific kernels offer. Their sources are compiled once per instruction set, each time in a
// namespace of its own; the rest of the program reaches them through these tables of function pointers.
//
// Only plain data here: an inline function would be compiled with several sets of flags, and the linker would keep one.
#pragma once

#include "cpu/types.h"

namespace monai_gan::cpu {

// Part of a tensor (channels, positions). All tensors of a call share one layout: rows (the positions of a channel
// follow each other) or columns (the channels of a position follow each other).
template <typename T>
struct Tile {
  using A = accumulator_t<T>;

  const T* in[3];         // read
  T* out[2];              // written; no overlap with what is read
  std::int64_t channels;
  std::int64_t positions;
  std::int64_t stride;    // elements from one row (or column) to the next
  const A* coefficients;  // coefficient k of channel c is at [k * planes + c]
  double* sums;           // sum k of channel c goes to [k * planes + c]
  std::int64_t planes;
  bool past_caches;       // see cpu/past_caches.h
};

template <typename T>
using TileFunction = void (*)(const Tile<T>&);

// Coefficients of a channel: those of y = weight h + bias with h = (x - mean) rstd and of the activation, then those of
// the linear combination that the element-wise step computes.
enum NormCoefficient { kMean, kRstd, kWeight, kBias, kSlope, kNormCoefficients };
enum BackwardCoefficient { kXOfGy = kNormCoefficients, kXOfH, kXOf1, kBackwardCoefficients };
enum DoubleCoefficient { kUOfV = kNormCoefficients, kUOfH, kUOf1, kToXOfV, kToXOfH, kToXOf1, kDoubleCoefficients };

// Sums over the positions of a channel. The last five are for activations with a second derivative; w is the incoming
// gradient times that.
enum Moment { kTotal, kSquares, kMoments };
enum BackwardSum { kGy, kGyH, kBackwardSums };
enum DoubleSum { kV = kBackwardSums, kVH, kVGy, kDoubleSums, kW = kDoubleSums, kWH, kWHH, kWV, kWVH, kSmoothSums };

// Functions with an index serve piecewise-linear activations [0] and smooth ones [1].
template <typename T>
struct NormActKernels {
  TileFunction<T> moments;
  TileFunction<T> forward[2];
  TileFunction<T> backward_sums[2];
  TileFunction<T> backward[2];
  TileFunction<T> double_sums[2];
  TileFunction<T> double_backward[2];
};

template <typename T>
struct NormActLayouts {
  NormActKernels<T> rows;
  NormActKernels<T> columns;
};

template <typename T>
struct RowKernels {
  double (*dot)(const T* a, const T* b, std::int64_t count);
  double (*squares)(const T* x, std::int64_t count);
  void (*scale)(const T* x, accumulator_t<T> a, T* out, std::int64_t count, bool past_caches);
  void (*combine)(const T* x, accumulator_t<T> a, const T* y, accumulator_t<T> b, T* out, std::int64_t count,
                  bool past_caches);
};

template <typename T>
struct MixKernels {
  void (*mix)(const T* real, const T* fake, accumulator_t<T> weight, T* out, std::int64_t count, bool past_caches);
};

// Some positions of two feature maps of one sample, laid out as for Tile, with what belongs to these positions; the
// formulas are in cpu/perceptual_distance.cpp.
template <typename T>
struct FeatureTile {
  using A = accumulator_t<T>;

  const T* f;
  const T* other;
  const A* weight;        // one per channel
  std::int64_t channels;
  std::int64_t positions;
  std::int64_t stride;    // elements from one row (or column) to the next
  std::int64_t next;      // elements from this tile to the one that most likely follows on this thread
};

// Statistics per position, in this order, each a plane.
enum FeatureStatistic { kReciprocal, kAlong, kOtherReciprocal, kOtherAlong, kGap, kFeatureStatistics };

// Of scratch memory for a distance: numbers per position; positions count as a multiple of the lanes of the widest
// register.
constexpr std::int64_t kPerPosition = 8, kMostLanes = 16;

template <typename T>
struct DistanceTile : FeatureTile<T> {
  using typename FeatureTile<T>::A;

  A* statistics;          // statistic k of position i goes to [k * planes + i]; null for none
  std::int64_t planes;
  A eps;
  A* scratch;
  T* gradient;            // of f times `factor`, laid out like f; null for none
  A factor;
  bool past_caches;
};

// Where the gradient of a tile goes, and what it takes beside the features.
template <typename T>
struct GradientOut {
  using A = accumulator_t<T>;

  const A* reciprocal;    // one per position, like the next three
  const A* other_reciprocal;
  const A* along;
  const A* gap;
  A factor;
  T* to;                  // laid out like the features
  bool past_caches;
};

template <typename T>
struct PerceptualKernels {
  double (*distance)(const DistanceTile<T>&);  // the sum over the positions
  void (*gradient)(const FeatureTile<T>&, const GradientOut<T>&);
};

template <typename T>
struct PerceptualLayouts {
  PerceptualKernels<T> rows;
  PerceptualKernels<T> columns;
};

// Rows of several maps; `rows[t]` is where tap t of a window finds the first map, the others are `pitch` apart.
template <typename A>
struct Taps {
  const A* const* rows;
  const A* weights;
  std::int64_t count, pitch;
};

// Rows of x and y, and the numbers that are subtracted from both: variances keep their digits under a large mean.
template <typename T>
struct SsimRows {
  const T* x;
  const T* y;
  accumulator_t<T> x_shift, y_shift;
  std::int64_t width;
};

// Moments of windows, of shifted x and y, in the order of their maps: means, mean squares, mean product.
enum SsimMoment { kX, kY, kXX, kYY, kXY, kSsimMoments };
// What a position of x or y gets from the windows over it: factors of its own value and of the other's, and numbers.
enum SsimSlope { kOfSame, kOfOther, kOfX, kOfY, kSsimSlopes };

template <typename A>
struct SsimPoint {
  A c1, c2, x_shift, y_shift;
  A to_similarity, to_contrast;  // for slopes
};

// Buffers of maps hold whole vectors: rows of them are read and written to the next multiple of kSsimPadding.
constexpr std::int64_t kSsimPadding = 16;

template <typename T>
struct SsimKernels {
  using A = accumulator_t<T>;

  double (*total)(const T* row, std::int64_t count);
  // Rows of a volume `stride` apart; maps of out `pitch` apart.
  void (*moments)(const SsimRows<T>& rows, std::int64_t stride, const A* weights, std::int64_t taps, A* out,
                  std::int64_t pitch);
  void (*filter)(const Taps<A>& taps, std::int64_t maps, A* out, std::int64_t pitch, std::int64_t count);
  // Adds sums over a row of windows to sums[0], similarity, and sums[1], contrast.
  void (*similarity)(const A* moments, std::int64_t pitch, const SsimPoint<A>& point, std::int64_t count,
                     double* sums);
  // Writes exactly `count` slopes per map; of y only if there are that many maps.
  void (*slopes)(const A* moments, std::int64_t pitch, const SsimPoint<A>& point, std::int64_t count, A* out,
                 std::int64_t out_pitch, std::int64_t maps);
  // grad_y may be null.
  void (*gradient)(const Taps<A>& slopes, const SsimRows<T>& rows, T* grad_x, T* grad_y);
};

// Columns of a matrix that lie together.
constexpr std::int64_t kWinogradSlab = 64;

// A vector of channels of a square of pixels, and values at 36 points, `pitch` apart; see cpu/winograd.h.
struct WinogradKernels {
  void (*patch)(const float* const* pixels, std::int64_t channels, float* points, std::int64_t pitch);   // 6 x 6
  void (*kernel)(const float* const* pixels, std::int64_t channels, float* points, std::int64_t pitch);  // 3 x 3
  // out (rows, results) = left (rows, channels) times right (channels, results), which lies in slabs of kWinogradSlab
  // columns, the last one maybe narrower, each (channels, width).
  void (*multiply)(const float* left, std::int64_t rows, std::int64_t channels, const float* right,
                   std::int64_t results, float* out);
  void (*result)(const float* points, std::int64_t pitch, const float* bias, std::int64_t channels,
                 float* const* pixels);  // 4 x 4
};

struct Tables {
  ForEachType<NormActLayouts> norm_act;
  ForEachType<RowKernels> rows;
  ForEachType<MixKernels> mix;
  ForEachType<PerceptualLayouts> perceptual;
  ForEachType<SsimKernels> ssim;
  WinogradKernels winograd;
};

}  // namespace monai_gan::cpu
