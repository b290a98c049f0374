#include <limits>

#include "cpu/interpolate.h"
#include "cpu/philox.h"
#include "tests/check.h"
#include "tests/numbers.h"
#include "tests/tests.h"

namespace monai_gan::tests {
namespace {

template <typename T>
void check_mixture(std::int64_t batch, std::int64_t inner, std::int64_t threads) {
  using A = accumulator_t<T>;
  std::mt19937 generator(3);
  std::vector<T> real = normal<T>(generator, batch * inner), fake = normal<T>(generator, batch * inner);
  real[0] = narrow<T>(std::numeric_limits<double>::quiet_NaN());
  const std::vector<A> weights = normal<A>(generator, batch);
  std::vector<T> out(batch * inner);
  std::vector<double> wanted;
  for (std::int64_t i = 0; i < batch * inner; ++i) {
    const A w = weights[i / inner], rest = 1 - w;
    // Two products and their sum, each rounded by itself.
    const volatile A first = w * static_cast<A>(widen(real[i])), second = rest * static_cast<A>(widen(fake[i]));
    wanted.push_back(widen(narrow<T>(first + second)));
  }
  cpu::interpolate<T>({batch, inner}, real.data(), fake.data(), weights.data(), out.data(), threads);
  check_close(wide(out), wanted, std::numeric_limits<double>::min(),
              std::string(Limits<T>::name) + " mixture of " + std::to_string(batch) + " x " + std::to_string(inner));
}

template <typename T>
void check_type() {
  check_mixture<T>(1, 1, 1);
  check_mixture<T>(3, 17, 3);
  check_mixture<T>(2, 40001, 3);
  check_mixture<T>(1, (33 << 20) / (3 * sizeof(T)), 2);  // past the caches
}

// The published vectors of Random123.
void check_known_answers() {
  using cpu::Counter;
  check(cpu::philox({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        "philox of zeros");
  check(cpu::philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        "philox of ones");
  check(cpu::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
            Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        "philox of pi");
}

void check_random() {
  const std::int64_t state[] = {-5, std::int64_t{1} << 40};
  const std::vector<float> real(12, 1.0F), fake(12, 0.0F);
  std::vector<float> out(12), weights(4);
  cpu::interpolate_random<float>({4, 3}, real.data(), fake.data(), state, weights.data(), out.data(), 2);
  bool ok = true;
  for (std::size_t i = 0; i < 12; ++i) {
    const float weight = weights[i / 3];
    ok = ok && out[i] == weight && weight >= 0 && weight < 1 &&
         weight == cpu::uniform(static_cast<std::uint64_t>(state[0]), static_cast<std::uint64_t>(state[1]), i / 3);
  }
  check(ok, "weights are drawn from the state, one per sample");
}

}  // namespace

void test_interpolate() {
  check_type<float>();
  check_type<double>();
  check_type<bfloat16>();
  check_known_answers();
  check_random();
}

}  // namespace monai_gan::tests
