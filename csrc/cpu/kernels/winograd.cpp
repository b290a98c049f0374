// The transforms and products of cpu/winograd.cpp, a vector of channels at a time.
//
// A patch of 6 x 6 pixels and a kernel of 3 x 3 are taken to values at six points per axis, 0, 1, -1, 1/2, -2 and
// infinity, and products of values back to 4 x 4 results. Among sets of small numbers this one rounds least (found by
// trying; Barabasz et al. 2018 say why): half the error of 0, 1, -1, 2, -2.
#include "cpu/kernels/memory.h"
#include "cpu/kernels/tables.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

using V = Lanes<float>;

template <int count>
struct Values {
  V at[count];
};

struct OfPatch {
  static constexpr int from = 6, to = 6;
  static MONAI_GAN_INLINE Values<to> apply(const V (&d)[from]) {
    const V near = d[1] - d[3], far = d[2] - d[4];
    return {{2 * (d[0] + d[4]) - 3 * near - 4 * d[2], d[2] + 5 * d[3] + 2 * (d[4] - d[1]),
             5 * d[2] - d[3] - 2 * (d[1] + d[4]), 2 * near + far, near - 2 * far,
             2 * (d[1] + d[5]) - 3 * far - 4 * d[3]}};
  }
};

struct OfKernel {
  static constexpr int from = 3, to = 6;
  static MONAI_GAN_INLINE Values<to> apply(const V (&g)[from]) {
    const V ends = g[0] + g[2];
    return {{0.5F * g[0], (ends + g[1]) * (1.0F / 6), (ends - g[1]) * (1.0F / 6),
             (4 * g[0] + 2 * g[1] + g[2]) * (4.0F / 15), (g[0] - 2 * g[1] + 4 * g[2]) * (1.0F / 30), 0.5F * g[2]}};
  }
};

struct OfProducts {
  static constexpr int from = 6, to = 4;
  static MONAI_GAN_INLINE Values<to> apply(const V (&m)[from]) {
    const V even = m[1] + m[2], odd = m[1] - m[2];
    return {{m[0] + even + m[3] + m[4], odd + 0.5F * m[3] - 2 * m[4], even + 0.25F * m[3] + 4 * m[4],
             odd + 0.125F * m[3] - 8 * m[4] + m[5]}};
  }
};

// Both axes: from(i, j, channel) is read for a square, and to(i, j, channel, value) is given another one.
template <class Transform, class From, class To>
MONAI_GAN_INLINE void transform(std::int64_t channels, const From& from, const To& to) {
  for (std::int64_t c = 0; c < channels; c += kLanes<float>) {
    V half[Transform::to][Transform::from];
    for (int j = 0; j < Transform::from; ++j) {
      V column[Transform::from];
      for (int i = 0; i < Transform::from; ++i) {
        column[i] = from(i, j, c);
      }
      const auto values = Transform::apply(column);
      for (int i = 0; i < Transform::to; ++i) {
        half[i][j] = values.at[i];
      }
    }
    for (int i = 0; i < Transform::to; ++i) {
      const auto values = Transform::apply(half[i]);
      for (int j = 0; j < Transform::to; ++j) {
        to(i, j, c, values.at[j]);
      }
    }
  }
}

template <class Transform>
void to_points(const float* const* pixels, std::int64_t channels, float* points, std::int64_t pitch) {
  transform<Transform>(
      channels, [&](int i, int j, std::int64_t c) { return load(pixels[Transform::from * i + j] + c); },
      [&](int i, int j, std::int64_t c, const V& value) {
        store(points + (Transform::to * i + j) * pitch + c, value);
      });
}

void from_points(const float* points, std::int64_t pitch, const float* bias, std::int64_t channels,
                 float* const* pixels) {
  transform<OfProducts>(
      channels, [&](int i, int j, std::int64_t c) { return load(points + (OfProducts::from * i + j) * pitch + c); },
      [&](int i, int j, std::int64_t c, const V& value) {
        store(pixels[OfProducts::to * i + j] + c, value + load(bias + c));
      });
}

// Matrices by rows: a value of `left` is at [row * left_stride + channel], and so on.
struct Product {
  const float* left;
  const float* right;
  float* out;
  std::int64_t left_stride, right_stride, out_stride, channels;
  bool more;  // added to what is in `out`
};

// A few rows times a few vectors of columns, whose sums stay in registers.
template <int rows, int vectors>
MONAI_GAN_INLINE void multiply_piece(const Product& product, std::int64_t first) {
  const float* left = product.left + first * product.left_stride;
  V sums[rows][vectors] = {};
  for (std::int64_t c = 0; c < product.channels; ++c) {
    V row[vectors];
    for (int v = 0; v < vectors; ++v) {
      row[v] = load(product.right + c * product.right_stride + v * kLanes<float>);
    }
    for (int r = 0; r < rows; ++r) {
      const V factor = all(left[r * product.left_stride + c]);
      for (int v = 0; v < vectors; ++v) {
        sums[r][v] += factor * row[v];
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      float* const to = product.out + (first + r) * product.out_stride + v * kLanes<float>;
      store(to, product.more ? load(to) + sums[r][v] : sums[r][v]);
    }
  }
}

template <int vectors>
void multiply_rows(const Product& product, std::int64_t rows) {
  // With a row of vectors and a factor no more than the registers of a processor with AVX-512, or of others.
  constexpr int together = vectors == 4 && kLanes<float> < 16 ? 3 : 6;
  std::int64_t r = 0;
  for (; r + together <= rows; r += together) {
    multiply_piece<together, vectors>(product, r);
  }
  for (; r < rows; ++r) {
    multiply_piece<1, vectors>(product, r);
  }
}

// Columns are multiples of 16.
void multiply_columns(Product product, std::int64_t rows, std::int64_t columns) {
  if constexpr (kLanes<float> == 16) {
    const auto serves = columns == 64   ? multiply_rows<4>
                        : columns == 48 ? multiply_rows<3>
                        : columns == 32 ? multiply_rows<2>
                                        : multiply_rows<1>;
    serves(product, rows);
  } else {
    for (std::int64_t k = 0; k < columns; k += 16, product.right += 16, product.out += 16) {
      multiply_rows<16 / kLanes<float>>(product, rows);
    }
  }
}

void multiply(const float* left, std::int64_t rows, std::int64_t channels, const float* right, std::int64_t results,
              float* out) {
  // Sums of sums round less than long ones, and this much of a slab stays in the first cache.
  constexpr std::int64_t handy = 128;
  for (std::int64_t slab = 0; slab < results; slab += kWinogradSlab) {
    const std::int64_t width = results - slab < kWinogradSlab ? results - slab : kWinogradSlab;
    for (std::int64_t c = 0; c < channels; c += handy) {
      const std::int64_t count = channels - c < handy ? channels - c : handy;
      multiply_columns({left + c, right + slab * channels + c * width, out + slab, channels, width, results, count, c > 0},
                       rows, width);
    }
  }
}

}  // namespace

extern const WinogradKernels winograd;
const WinogradKernels winograd = {to_points<OfPatch>, to_points<OfKernel>, multiply, from_points};

}  // namespace monai_gan::cpu::MONAI_GAN_ISA
