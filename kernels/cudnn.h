// cuDNN, NVIDIA's library of convolutions, found and loaded at run time: nothing is linked, so a
// program that never asks for it needs none. It computes the passes between a convolution's larger
// and smaller image; kernels/cuda/cudnn_conv.cu brings our layouts to it.
//
//   small[n,p,q,k] = sum_{r,s,c} big[n, p*stride - top + r, q*stride - left + s, c] * w[k,r,s,c]
#pragma once
#include <memory>
#include <string>

#include "kernels/exec.h"
#include "kernels/lookup.h"
#include "kernels/view.h"

namespace gsx::kernels {

// Images are dense NHWC with `cs` channels, so padding lanes are channels like others; the filter
// is K R S C with small.cs, r, s, big.cs. All elements are floats, or with MathMode::bf16 BF16.
struct CudnnShape {
  View big, small;
  int r = 0, s = 0, stride = 1, top = 0, left = 0;  // zeros around `big`, as many on either side
  MathMode math = MathMode::fp32;
};

class Cudnn {
 public:
  // A handle for the calling thread's device and this stream. The library is what GSX_CUDNN names
  // or libcudnn.so.9. A Failure says what was tried and what to do.
  Cudnn(void* stream, Lookup lookup);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  std::string version() const;  // "9.1.0"

  // Each writes its last argument. Of the algorithms that give the same bits on every run, cuDNN's
  // heuristics choose by shape; scratch memory comes from the workspace.
  void forward(Exec&, const CudnnShape&, const void* big, const void* w, void* small);
  void backward_big(Exec&, const CudnnShape&, const void* small, const void* w, void* big);
  void backward_weight(Exec&, const CudnnShape&, const void* big, const void* small, void* w);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gsx::kernels
