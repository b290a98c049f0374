// Large pages for large results.
//
// The system gives memory out in pages of 4 KiB, each at its first touch, which costs more than to write the page. What
// is larger than the allocator keeps for later is new at every call.
#pragma once

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace monai_gan::cpu {

// What the allocator gives back to the system at once when it is freed; smaller pieces it may keep for later.
constexpr std::int64_t kNeverKept = std::int64_t{32} << 20;

// Asks for pages of 2 MiB within [start, start + bytes), all of which is about to be written, if that is no less than
// `fewest`; a hint and no more.
inline void ask_for_huge_pages([[maybe_unused]] void* start, [[maybe_unused]] std::int64_t bytes,
                               [[maybe_unused]] std::int64_t fewest = kNeverKept) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const std::uintptr_t from = (reinterpret_cast<std::uintptr_t>(start) + page - 1) / page * page;
  const std::uintptr_t to = (reinterpret_cast<std::uintptr_t>(start) + static_cast<std::uintptr_t>(bytes)) / page * page;
  if (bytes >= fewest && from < to) {
    madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
  }
#endif
}

}  // namespace monai_gan::cpu
