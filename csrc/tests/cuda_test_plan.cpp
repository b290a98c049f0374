// Plans hold the whole group, and no more than a block's shared memory.
#include "cuda/plan.h"

#include <string>

#include "tests/cuda_report.h"

namespace monai_gan::cuda {

namespace {

std::string name_of(const Shape& shape, int itemsize) {
  return "plan of " + std::to_string(shape.channels / shape.groups) + " x " + std::to_string(shape.positions) + " x " +
         std::to_string(itemsize) + " bytes: ";
}

void expect_consistent(Report& report, const Shape& shape, int itemsize, const Machine& machine) {
  const std::optional<Plan> plan = make_plan(shape, 3, itemsize, 16, machine);
  if (!plan) {
    return;
  }
  const std::string name = name_of(shape, itemsize);
  const std::int64_t channels = shape.channels / shape.groups;
  const int teams = plan->warps * kWarp >> plan->lane_bits;
  report.expect(plan->cluster <= machine.cluster && plan->cluster == plan->channel_splits * plan->space_splits,
                name + "the cluster is made of its splits");
  report.expect(std::int64_t{plan->channel_splits} * plan->rows >= channels, name + "every channel is held");
  report.expect(std::int64_t{plan->space_splits} * plan->length >= shape.positions, name + "every position is held");
  report.expect(std::int64_t{plan->pieces} * plan->piece_length >= plan->length, name + "every position is taken");
  report.expect(plan->length % plan->width == 0 && plan->piece_length % plan->width == 0,
                name + "vectors are not cut");
  report.expect(kScratchBytes + 3 * plan->rows * plan->length * itemsize <= plan->shared_bytes &&
                    plan->shared_bytes <= machine.shared_bytes,
                name + "shared memory suffices");
  report.expect(kWarp >> plan->lane_bits >= 1 && teams >= 1 && plan->warps <= kMaxWarps, name + "teams are whole");
}

// The most positions of one channel that fit.
std::int64_t capacity(int itemsize, int inputs, const Machine& machine) {
  std::int64_t fits = 0;
  for (std::int64_t bit = std::int64_t{1} << 24; bit >= 16; bit /= 2) {
    if (make_plan({1, 1, 1, fits + bit}, inputs, itemsize, 16, machine)) {
      fits += bit;
    }
  }
  return fits;
}

}  // namespace

void test_plans(Report& report) {
  const Machine ampere = machine_of(8, 0, 108);
  const Machine hopper = machine_of(9, 0, 132);
  for (const Machine& machine : {ampere, hopper, machine_of(8, 9, 128), machine_of(12, 0, 170)}) {
    for (const std::int64_t channels : {1, 2, 3, 5, 8, 64, 513, 2048}) {
      for (const std::int64_t positions : {1, 7, 16, 63, 1000, 4096, 35937, 262144}) {
        for (const int itemsize : {2, 4}) {
          expect_consistent(report, {2, channels, 1, positions}, itemsize, machine);
        }
      }
    }
  }
  report.expect(!make_plan({1, 1, 1, 64}, 3, 2, 16, machine_of(7, 5, 40)), "devices before 8.0 are not served");
  report.expect(make_plan({1, 1, 1, 64 * 64 * 64}, 3, 2, 16, hopper).has_value(), "64^3 in 16 bits fits on 9.0");
  report.expect(!make_plan({1, 1, 1, 64 * 64 * 64}, 3, 4, 16, hopper), "64^3 in 32 bits does not");
  report.expect(!make_plan({1, 1, 1, 65}, 3, 2, 16, hopper), "odd rows of 16 bits are not served");
  report.expect(!make_plan({1, 1, 1, 64}, 3, 2, 2, hopper), "nor are odd addresses");
  report.expect(make_plan({1, 1, 1, 66}, 3, 2, 16, hopper)->width == 2, "even rows are read in pairs");
  report.expect(make_plan({1, 1, 1, 64}, 3, 4, 4, hopper)->width == 1, "unaligned rows of 32 bits one by one");
  report.expect(capacity(4, 3, ampere) >= 13'700, "a block of 8.0 holds 13700 positions in 32 bits");
  report.expect(make_plan({64, 64, 64, 4096}, 3, 2, 16, hopper)->cluster == 1, "many small groups need no clusters");
  report.expect(make_plan({1, 4, 4, 32768}, 3, 2, 16, hopper)->cluster == 8, "few groups spread over the processors");
  std::printf("positions of one channel that fit (3 inputs, 16 and 32 bits): 8.0: %lld, %lld; 9.0: %lld, %lld\n",
              static_cast<long long>(capacity(2, 3, ampere)), static_cast<long long>(capacity(4, 3, ampere)),
              static_cast<long long>(capacity(2, 3, hopper)), static_cast<long long>(capacity(4, 3, hopper)));
}

}  // namespace monai_gan::cuda
