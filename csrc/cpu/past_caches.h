// Whether results are written past the caches.
//
// An ordinary store fetches the line that it overwrites. Where a call touches more memory than the caches hold, nobody
// finds the results there anyway, and that fetch is a fifth to a third of all traffic.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace monai_gan::cpu {

// bytes: of all tensors of the call; row: bytes from one row (or column) to the next. Such stores take whole lines.
inline bool past_caches(std::int64_t bytes, std::int64_t row, std::initializer_list<const void*> results) {
  constexpr std::int64_t line = 64, large = std::int64_t{32} << 20;
  bool fits = bytes >= large && row % line == 0;
  for (const void* result : results) {
    fits = fits && reinterpret_cast<std::uintptr_t>(result) % line == 0;
  }
  return fits;
}

}  // namespace monai_gan::cpu
