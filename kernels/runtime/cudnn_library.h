// The part of cuDNN 9's interface that gsx calls, by hand, so that building needs no cuDNN. Where
// its headers are, kernels/runtime/nvcc/cudnn_check.cpp holds these against them.
#pragma once
#include <cstddef>

#include "kernels/runtime/shared_library.h"

namespace gsx::kernels::cudnn {

using Status = int;
constexpr Status kSuccess = 0;
constexpr int kFloat = 0, kBf16 = 9;                  // cudnnDataType_t
constexpr int kNhwc = 1;                              // cudnnTensorFormat_t
constexpr int kCrossCorrelation = 1;                  // cudnnConvolutionMode_t
constexpr int kDefault = 0, kTensorOp = 1, kFma = 3;  // cudnnMathType_t
constexpr int kDeterministic = 1;                     // cudnnDeterminism_t

using Handle = struct HandleOf*;
using Tensor = struct TensorOf*;
using Filter = struct FilterOf*;
using Convolution = struct ConvolutionOf*;

// What the heuristics say of an algorithm: cudnnConvolutionFwdAlgoPerf_t and its siblings.
struct Choice {
  int algorithm;
  Status status;
  float time;
  size_t memory;
  int determinism;
  int math;
  int reserved[3];
};

// Each member is the function cudnn + its name.
struct Functions {
  explicit Functions(const SharedLibrary&);

  size_t (*GetVersion)();
  const char* (*GetErrorString)(Status);
  Status (*Create)(Handle*);
  Status (*Destroy)(Handle);
  Status (*SetStream)(Handle, void*);
  Status (*CreateTensorDescriptor)(Tensor*);
  Status (*DestroyTensorDescriptor)(Tensor);
  Status (*SetTensor4dDescriptor)(Tensor, int format, int type, int n, int c, int h, int w);
  Status (*CreateFilterDescriptor)(Filter*);
  Status (*DestroyFilterDescriptor)(Filter);
  Status (*SetFilter4dDescriptor)(Filter, int type, int format, int k, int c, int h, int w);
  Status (*CreateConvolutionDescriptor)(Convolution*);
  Status (*DestroyConvolutionDescriptor)(Convolution);
  Status (*SetConvolution2dDescriptor)(Convolution, int pad_h, int pad_w, int stride_h,
                                       int stride_w, int dilation_h, int dilation_w, int mode,
                                       int type);
  Status (*SetConvolutionMathType)(Convolution, int math);
  Status (*GetConvolutionForwardAlgorithm_v7)(Handle, Tensor x, Filter, Convolution, Tensor y,
                                              int wanted, int* found, Choice*);
  Status (*GetConvolutionBackwardDataAlgorithm_v7)(Handle, Filter, Tensor dy, Convolution,
                                                   Tensor dx, int wanted, int* found, Choice*);
  Status (*GetConvolutionBackwardFilterAlgorithm_v7)(Handle, Tensor x, Tensor dy, Convolution,
                                                     Filter, int wanted, int* found, Choice*);
  Status (*ConvolutionForward)(Handle, const void* alpha, Tensor, const void* x, Filter,
                               const void* w, Convolution, int algorithm, void* scratch,
                               size_t bytes, const void* beta, Tensor, void* y);
  Status (*ConvolutionBackwardData)(Handle, const void* alpha, Filter, const void* w, Tensor,
                                    const void* dy, Convolution, int algorithm, void* scratch,
                                    size_t bytes, const void* beta, Tensor, void* dx);
  Status (*ConvolutionBackwardFilter)(Handle, const void* alpha, Tensor, const void* x, Tensor,
                                      const void* dy, Convolution, int algorithm, void* scratch,
                                      size_t bytes, const void* beta, Filter, void* dw);
};

// Calls visit(name, pointer) for every function.
template <class F, class Visit>
void for_each_function(F& f, Visit&& visit) {
#define GSX_VISIT(name) visit("cudnn" #name, f.name)
  GSX_VISIT(GetVersion);
  GSX_VISIT(GetErrorString);
  GSX_VISIT(Create);
  GSX_VISIT(Destroy);
  GSX_VISIT(SetStream);
  GSX_VISIT(CreateTensorDescriptor);
  GSX_VISIT(DestroyTensorDescriptor);
  GSX_VISIT(SetTensor4dDescriptor);
  GSX_VISIT(CreateFilterDescriptor);
  GSX_VISIT(DestroyFilterDescriptor);
  GSX_VISIT(SetFilter4dDescriptor);
  GSX_VISIT(CreateConvolutionDescriptor);
  GSX_VISIT(DestroyConvolutionDescriptor);
  GSX_VISIT(SetConvolution2dDescriptor);
  GSX_VISIT(SetConvolutionMathType);
  GSX_VISIT(GetConvolutionForwardAlgorithm_v7);
  GSX_VISIT(GetConvolutionBackwardDataAlgorithm_v7);
  GSX_VISIT(GetConvolutionBackwardFilterAlgorithm_v7);
  GSX_VISIT(ConvolutionForward);
  GSX_VISIT(ConvolutionBackwardData);
  GSX_VISIT(ConvolutionBackwardFilter);
#undef GSX_VISIT
}

inline Functions::Functions(const SharedLibrary& library) {
  for_each_function(*this, [&](const char* name, auto& function) { library.find(name, function); });
}

}  // namespace gsx::kernels::cudnn
