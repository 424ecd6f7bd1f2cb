// Compares tables of Gram matrices and fully connected layers with the CPU's, at awkward shapes.
#pragma once
#include <functional>

#include "kernels/gram.h"
#include "kernels/linear.h"

namespace dense_cases {

// What is set before every run.
using Prepare = std::function<void(gsx::kernels::Exec&)>;

void compare_gram(
    const gsx::kernels::GramKernels&, double tolerance,
    const Prepare& = [](gsx::kernels::Exec&) {});
void compare_linear(
    const gsx::kernels::LinearKernels&, const Prepare& = [](gsx::kernels::Exec&) {});

}  // namespace dense_cases
