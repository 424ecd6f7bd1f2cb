// Holds what kernels/runtime/cudnn_library.h says of cuDNN against cuDNN's own headers.
#include <cudnn.h>

#include "kernels/runtime/cudnn_library.h"
#include "kernels/runtime/nvcc/alike.h"

namespace gsx::kernels::cudnn {
namespace {

#define GSX_SAME(name) static_assert(alike(decltype(Functions::name){}, decltype(&cudnn##name){}))
GSX_SAME(GetVersion);
GSX_SAME(GetErrorString);
GSX_SAME(Create);
GSX_SAME(Destroy);
GSX_SAME(SetStream);
GSX_SAME(CreateTensorDescriptor);
GSX_SAME(DestroyTensorDescriptor);
GSX_SAME(SetTensor4dDescriptor);
GSX_SAME(CreateFilterDescriptor);
GSX_SAME(DestroyFilterDescriptor);
GSX_SAME(SetFilter4dDescriptor);
GSX_SAME(CreateConvolutionDescriptor);
GSX_SAME(DestroyConvolutionDescriptor);
GSX_SAME(SetConvolution2dDescriptor);
GSX_SAME(SetConvolutionMathType);
GSX_SAME(GetConvolutionForwardAlgorithm_v7);
GSX_SAME(GetConvolutionBackwardDataAlgorithm_v7);
GSX_SAME(GetConvolutionBackwardFilterAlgorithm_v7);
GSX_SAME(ConvolutionForward);
GSX_SAME(ConvolutionBackwardData);
GSX_SAME(ConvolutionBackwardFilter);
#undef GSX_SAME

template <class Theirs>
constexpr bool same_choice() {
  return sizeof(Choice) == sizeof(Theirs) &&
         offsetof(Choice, algorithm) == offsetof(Theirs, algo) &&
         offsetof(Choice, status) == offsetof(Theirs, status) &&
         offsetof(Choice, memory) == offsetof(Theirs, memory) &&
         offsetof(Choice, determinism) == offsetof(Theirs, determinism) &&
         offsetof(Choice, math) == offsetof(Theirs, mathType);
}
static_assert(same_choice<cudnnConvolutionFwdAlgoPerf_t>());
static_assert(same_choice<cudnnConvolutionBwdDataAlgoPerf_t>());
static_assert(same_choice<cudnnConvolutionBwdFilterAlgoPerf_t>());

static_assert(kSuccess == CUDNN_STATUS_SUCCESS && kDeterministic == CUDNN_DETERMINISTIC);
static_assert(kFloat == CUDNN_DATA_FLOAT && kBf16 == CUDNN_DATA_BFLOAT16);
static_assert(kNhwc == CUDNN_TENSOR_NHWC && kCrossCorrelation == CUDNN_CROSS_CORRELATION);
static_assert(kDefault == CUDNN_DEFAULT_MATH && kTensorOp == CUDNN_TENSOR_OP_MATH);
static_assert(kFma == CUDNN_FMA_MATH);

}  // namespace
}  // namespace gsx::kernels::cudnn
