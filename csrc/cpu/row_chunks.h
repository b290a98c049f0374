// Loops over (batch, inner) in pieces that depend on the shape alone, so that the number of threads changes no result.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/past_caches.h"
#include "cpu/threads.h"

namespace monai_gan::cpu {

struct Rows {
  std::int64_t batch, inner;

  std::int64_t elements() const { return batch * inner; }

  // For results of a call that touches this many tensors.
  template <typename T>
  bool past_caches(std::int64_t tensors, const T* result) const {
    const std::int64_t size = sizeof(T);
    return cpu::past_caches(tensors * elements() * size, inner * size, {result});
  }
};

class RowChunks {
 public:
  explicit RowChunks(const Rows& rows) : rows_(rows), per_row_((rows.inner + kChunk - 1) / kChunk) {}

  std::int64_t count() const { return rows_.batch * per_row_; }
  std::int64_t per_row() const { return per_row_; }

  // body(chunk, row, start, elements): chunks of a row follow each other; start counts from the first row's beginning.
  template <typename Body>
  void for_each(std::int64_t threads, const Body& body) const {
    parallel_for(useful_threads(threads, rows_.elements()), count(), [&](std::int64_t chunk, std::int64_t) {
      const std::int64_t row = chunk / per_row_, start = chunk % per_row_ * kChunk;
      body(chunk, row, row * rows_.inner + start, std::min(kChunk, rows_.inner - start));
    });
  }

 private:
  static constexpr std::int64_t kChunk = 16384;

  Rows rows_;
  std::int64_t per_row_;
};

}  // namespace monai_gan::cpu
