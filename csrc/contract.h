// What the Python package and this module have agreed on.
#pragma once

namespace monai_gan {

// One more whenever a function of the module changes its name, its arguments or what it does with them; the same number
// stands in monai_gan/ops/_native.py. Python hands over bare addresses, so that an older module would write anywhere.
constexpr int kContract = 4;

}  // namespace monai_gan
