#include "cpu/isa.h"

#include <cstdlib>
#include <stdexcept>

namespace monai_gan::cpu {

#define MONAI_GAN_DECLARE(set)                            \
  namespace set {                                         \
  extern const ForEachType<NormActLayouts> norm_act;      \
  extern const ForEachType<RowKernels> rows;              \
  extern const ForEachType<MixKernels> mixtures;          \
  extern const ForEachType<PerceptualLayouts> perceptual; \
  extern const ForEachType<SsimKernels> similarities;     \
  extern const WinogradKernels winograd;                  \
  }
MONAI_GAN_DECLARE(baseline)
#ifdef MONAI_GAN_AVX
MONAI_GAN_DECLARE(avx2)
MONAI_GAN_DECLARE(avx512)
#endif
#undef MONAI_GAN_DECLARE

namespace {

constexpr char kVariable[] = "MONAI_GAN_CPU_ISA";

struct Set {
  std::string name;
  Tables tables;
};

#define MONAI_GAN_SET(set) \
  Set { #set, {set::norm_act, set::rows, set::mixtures, set::perceptual, set::similarities, set::winograd} }

// In ascending order. The flags in CMakeLists.txt and the features asked for here belong together.
std::vector<Set> sets() {
  std::vector<Set> found = {MONAI_GAN_SET(baseline)};
#ifdef MONAI_GAN_AVX
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(MONAI_GAN_SET(avx2));
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      found.push_back(MONAI_GAN_SET(avx512));
    }
  }
#endif
  return found;
}
#undef MONAI_GAN_SET

Set choose() {
  const std::vector<Set> found = sets();
  const char* asked = std::getenv(kVariable);
  if (asked == nullptr || *asked == '\0') {
    return found.back();
  }
  std::string known;
  for (const Set& set : found) {
    if (set.name == asked) {
      return set;
    }
    known += (known.empty() ? "" : ", ") + set.name;
  }
  throw std::invalid_argument(std::string(kVariable) + "=" + asked +
                              " names no instruction set that this build can use on this processor; set it to one of " +
                              known + ", or unset it.");
}

const Set& chosen() {
  static const Set set = choose();
  return set;
}

}  // namespace

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (const Set& set : sets()) {
    names.push_back(set.name);
  }
  return names;
}

const std::string& isa() { return chosen().name; }

const Tables& tables() { return chosen().tables; }

}  // namespace monai_gan::cpu
