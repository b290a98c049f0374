// a x + b y over a row.
#pragma once

#include "cpu/kernels/memory.h"

namespace monai_gan::cpu::MONAI_GAN_ISA {
namespace {

template <typename T>
struct Scaled {
  const T* x;
  accumulator_t<T> a;

  MONAI_GAN_INLINE Lanes<accumulator_t<T>> at(std::int64_t i) const { return load(x + i) * a; }
  MONAI_GAN_INLINE Lanes<accumulator_t<T>> part_at(std::int64_t i, std::int64_t count) const {
    return load_part(x + i, count) * a;
  }
};

template <typename T>
struct Sum {
  Scaled<T> x, y;

  MONAI_GAN_INLINE Lanes<accumulator_t<T>> at(std::int64_t i) const { return x.at(i) + y.at(i); }
  MONAI_GAN_INLINE Lanes<accumulator_t<T>> part_at(std::int64_t i, std::int64_t count) const {
    return x.part_at(i, count) + y.part_at(i, count);
  }
};

template <bool past_caches, class Term, typename T>
MONAI_GAN_INLINE void write_to(const Term& term, T* out, std::int64_t count) {
  constexpr std::int64_t width = kLanes<accumulator_t<T>>;
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    put<past_caches>(out + i, term.at(i));
  }
  if (i < count) {
    store_part(out + i, term.part_at(i, count - i), count - i);
  }
}

template <class Term, typename T>
MONAI_GAN_INLINE void write(const Term& term, T* out, std::int64_t count, bool past_caches) {
  if (past_caches) {
    write_to<true>(term, out, count);
    finish_stream();
  } else {
    write_to<false>(term, out, count);
  }
}

}  // namespace
}  // namespace monai_gan::cpu::MONAI_GAN_ISA
