// Counts checks, and says which ones failed.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace monai_gan::tests {

struct Counts {
  int passed = 0, failed = 0;
};

inline Counts& counts() {
  static Counts both;
  return both;
}

inline void check(bool ok, const std::string& what) {
  ++(ok ? counts().passed : counts().failed);
  if (!ok) {
    std::printf("FAILED %s\n", what.c_str());
  }
}

// All |got - wanted| <= tolerance; a NaN is wanted where there is one.
inline void check_close(const std::vector<double>& got, const std::vector<double>& wanted, double tolerance,
                        const std::string& what) {
  bool ok = got.size() == wanted.size();
  double worst = 0;
  for (std::size_t i = 0; ok && i < got.size(); ++i) {
    if (std::isnan(wanted[i]) || std::isnan(got[i])) {
      ok = std::isnan(wanted[i]) && std::isnan(got[i]);
    } else if (got[i] != wanted[i]) {
      worst = std::fmax(worst, std::fabs(got[i] - wanted[i]));
    }
  }
  check(ok && worst <= tolerance, what + ": off by " + std::to_string(worst / tolerance) + " tolerances");
}

template <typename T>
void check_same_bits(const std::vector<T>& a, const std::vector<T>& b, const std::string& what) {
  check(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0, what);
}

}  // namespace monai_gan::tests
