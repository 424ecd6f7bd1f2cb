// Convolutions by cuDNN: its descriptors, and which of its algorithms; see kernels/cudnn.h.
#include "kernels/cudnn.h"

#include <array>
#include <map>

#include "kernels/runtime/cudnn_library.h"

namespace gsx::kernels {
namespace {

using namespace cudnn;

constexpr size_t kMostScratch = size_t{1} << 30;  // bytes; algorithms that want more are passed by
constexpr size_t kOldest = 90000;                 // version 9.0.0

enum Pass { kForward, kBackwardBig, kBackwardWeight };
const char* const kPassNames[] = {"convolution", "input gradient", "filter gradient"};

const LibraryName kName = {"cudnn",           "cuDNN",   "GSX_CUDNN",
                           {"libcudnn.so.9"}, "cuDNN 9", "--conv-provider gsx"};

// A descriptor that is destroyed with its owner.
template <class T>
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() {
    if (value_) destroy_(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Status make(Status (*create)(T*), Status (*destroy)(T)) {
    destroy_ = destroy;
    return create(&value_);
  }
  T get() const { return value_; }

 private:
  T value_ = nullptr;
  Status (*destroy_)(T) = nullptr;
};

// What a pass over a shape needs; made once per context.
struct Plan {
  Descriptor<Tensor> big, small;
  Descriptor<Filter> filter;
  Descriptor<Convolution> convolution;
  int algorithm = 0;
  size_t scratch = 0;
};

using Key = std::array<int, 16>;
Key key_of(Pass pass, const CudnnShape& s) {
  const View &b = s.big, &m = s.small;
  return {pass, b.n,  b.h, b.w, b.c,      b.cs,  m.h,    m.w,
          m.c,  m.cs, s.r, s.s, s.stride, s.top, s.left, static_cast<int>(s.math)};
}

}  // namespace

struct Cudnn::Impl {
  SharedLibrary library;
  Functions f;
  Handle handle = nullptr;
  std::map<Key, Plan> plans;

  Impl(void* stream, Lookup lookup) : library(kName, lookup), f(library) {
    const size_t version = f.GetVersion();
    if (version < kOldest) {
      throw Failure("cudnn: version 9.0.0 or newer is needed, " + library.file() + " is " +
                    text(version));
    }
    check(f.Create(&handle), "starting");
    const Status status = f.SetStream(handle, stream);
    if (status != kSuccess) f.Destroy(handle);
    check(status, "taking a stream");
  }
  ~Impl() {
    plans.clear();
    f.Destroy(handle);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static std::string text(size_t v) {
    const size_t major = v < kOldest ? 1000 : 10000;  // what it counts in changed with version 9
    return std::to_string(v / major) + "." + std::to_string(v % major / 100) + "." +
           std::to_string(v % 100);
  }

  void check(Status status, const std::string& what) const {
    if (status == kSuccess) return;
    throw Failure("cudnn: " + what + ": " + f.GetErrorString(status));
  }

  const Plan& plan(Pass pass, const CudnnShape& s) {
    const Key key = key_of(pass, s);
    const auto found = plans.find(key);
    if (found != plans.end()) return found->second;
    Plan& p = plans[key];
    try {
      describe(p, s);
      choose(p, pass, s);
    } catch (...) {
      plans.erase(key);
      throw;
    }
    return p;
  }

  void describe(Plan& p, const CudnnShape& s) const {
    const int type = s.math == MathMode::bf16 ? kBf16 : kFloat;
    check(p.big.make(f.CreateTensorDescriptor, f.DestroyTensorDescriptor), "a descriptor");
    check(p.small.make(f.CreateTensorDescriptor, f.DestroyTensorDescriptor), "a descriptor");
    check(p.filter.make(f.CreateFilterDescriptor, f.DestroyFilterDescriptor), "a descriptor");
    check(p.convolution.make(f.CreateConvolutionDescriptor, f.DestroyConvolutionDescriptor),
          "a descriptor");
    const auto image = [&](Tensor t, const View& v) {
      check(f.SetTensor4dDescriptor(t, kNhwc, type, v.n, v.cs, v.h, v.w), "describing an image");
    };
    image(p.big.get(), s.big);
    image(p.small.get(), s.small);
    check(f.SetFilter4dDescriptor(p.filter.get(), type, kNhwc, s.small.cs, s.big.cs, s.r, s.s),
          "describing a filter");
    check(f.SetConvolution2dDescriptor(p.convolution.get(), s.top, s.left, s.stride, s.stride, 1, 1,
                                       kCrossCorrelation, kFloat),
          "describing a convolution");
    const int math = s.math == MathMode::fp32 ? kFma : kTensorOp;
    check(f.SetConvolutionMathType(p.convolution.get(), math), "describing a convolution");
  }

  // The best of what the heuristics name that keeps our promises: the same bits on every run, no
  // arithmetic below what was asked for. Nothing is timed, which could choose differently next
  // time. In FP32 the descriptor goes on saying so: heuristics may call that the default, which
  // by itself would allow TF32.
  void choose(Plan& p, Pass pass, const CudnnShape& s) const {
    constexpr int kWanted = 8;
    std::array<Choice, kWanted> choices = {};
    int count = 0;
    const std::string what = std::string("choosing how to compute a ") + kPassNames[pass];
    check(ask(p, pass, kWanted, &count, choices.data()), what);
    for (int i = 0; i < count; ++i) {
      const Choice& c = choices[static_cast<size_t>(i)];
      const bool exact = s.math == MathMode::fp32;
      const bool right = c.math == kDefault || c.math == (exact ? kFma : kTensorOp);
      if (c.status != kSuccess || c.determinism != kDeterministic || !right) continue;
      if (c.memory > kMostScratch) continue;
      p.algorithm = c.algorithm;
      p.scratch = c.memory;
      if (!exact) check(f.SetConvolutionMathType(p.convolution.get(), c.math), what);
      return;
    }
    throw Failure("cudnn: " + what + ": of " + std::to_string(count) +
                  " algorithms none gives the same bits on every run; compute with "
                  "--conv-provider gsx");
  }

  Status ask(const Plan& p, Pass pass, int wanted, int* count, Choice* choices) const {
    const Tensor big = p.big.get(), small = p.small.get();
    const Filter filter = p.filter.get();
    const Convolution conv = p.convolution.get();
    switch (pass) {
      case kForward:
        return f.GetConvolutionForwardAlgorithm_v7(handle, big, filter, conv, small, wanted, count,
                                                   choices);
      case kBackwardBig:
        return f.GetConvolutionBackwardDataAlgorithm_v7(handle, filter, small, conv, big, wanted,
                                                        count, choices);
      case kBackwardWeight: break;
    }
    return f.GetConvolutionBackwardFilterAlgorithm_v7(handle, big, small, conv, filter, wanted,
                                                      count, choices);
  }
};

Cudnn::Cudnn(void* stream, Lookup lookup) : impl_(std::make_unique<Impl>(stream, lookup)) {}
Cudnn::~Cudnn() = default;

std::string Cudnn::version() const { return Impl::text(impl_->f.GetVersion()); }

namespace {
constexpr float kOne = 1, kZero = 0;  // cuDNN writes kOne * result + kZero * what was there
}

void Cudnn::forward(Exec& e, const CudnnShape& s, const void* big, const void* w, void* small) {
  const Plan& p = impl_->plan(kForward, s);
  Workspace::Scope scope(*e.workspace);
  void* scratch = e.workspace->take(p.scratch);
  impl_->check(impl_->f.ConvolutionForward(impl_->handle, &kOne, p.big.get(), big, p.filter.get(),
                                           w, p.convolution.get(), p.algorithm, scratch, p.scratch,
                                           &kZero, p.small.get(), small),
               kPassNames[kForward]);
}

void Cudnn::backward_big(Exec& e, const CudnnShape& s, const void* small, const void* w,
                         void* big) {
  const Plan& p = impl_->plan(kBackwardBig, s);
  Workspace::Scope scope(*e.workspace);
  void* scratch = e.workspace->take(p.scratch);
  impl_->check(impl_->f.ConvolutionBackwardData(
                   impl_->handle, &kOne, p.filter.get(), w, p.small.get(), small,
                   p.convolution.get(), p.algorithm, scratch, p.scratch, &kZero, p.big.get(), big),
               kPassNames[kBackwardBig]);
}

void Cudnn::backward_weight(Exec& e, const CudnnShape& s, const void* big, const void* small,
                            void* w) {
  const Plan& p = impl_->plan(kBackwardWeight, s);
  Workspace::Scope scope(*e.workspace);
  void* scratch = e.workspace->take(p.scratch);
  impl_->check(impl_->f.ConvolutionBackwardFilter(
                   impl_->handle, &kOne, p.big.get(), big, p.small.get(), small,
                   p.convolution.get(), p.algorithm, scratch, p.scratch, &kZero, p.filter.get(), w),
               kPassNames[kBackwardWeight]);
}

}  // namespace gsx::kernels
