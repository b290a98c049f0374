// Counts what passed and prints what failed.
#pragma once

#include <cstdio>
#include <string>

namespace monai_gan::cuda {

class Report {
 public:
  void expect(bool holds, const std::string& what) {
    ++(holds ? passed_ : failed_);
    if (!holds) {
      std::printf("FAILED %s\n", what.c_str());
    }
  }

  // The exit status.
  int finish() const {
    std::printf("%d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0 ? 0 : 1;
  }

 private:
  int passed_ = 0;
  int failed_ = 0;
};

void test_plans(Report& report);
void test_reference(Report& report);
void test_kernels(Report& report, bool quick);

}  // namespace monai_gan::cuda
