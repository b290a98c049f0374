#pragma once

namespace monai_gan::tests {

void test_exponential();
void test_fork();
void test_gradient_norm_penalty();
void test_group_norm_act();
void test_interpolate();
void test_perceptual_distance();
void test_ssim();
void test_winograd();

}  // namespace monai_gan::tests
