// Stands in for cuDNN: a library with its functions that computes on the host by double loops over
// what the descriptors say, in cuDNN's layouts, and refuses what cuDNN would not take. The
// environment variable GSX_FAKE_CUDNN asks for faults: "old", "no_device", "unsure".
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernels/runtime/cudnn_library.h"

namespace {

using gsx::kernels::cudnn::Choice;

constexpr int kBadParameter = 2000, kNotInitialized = 1001;
constexpr int kRightAlgorithm = 1;
constexpr size_t kScratch = 1000;

int live = 0, plans = 0;  // descriptors and handles that exist; choices made

bool faulty(const char* what) {
  const char* wanted = std::getenv("GSX_FAKE_CUDNN");
  return wanted && std::strcmp(wanted, what) == 0;
}

struct Handle {
  bool has_stream = false;
};
struct Image {
  int type = -1, n = 0, c = 0, h = 0, w = 0;
  int64_t size() const { return int64_t{n} * c * h * w; }
};
struct Filter {
  int type = -1, k = 0, c = 0, r = 0, s = 0;
  int64_t size() const { return int64_t{k} * c * r * s; }
};
struct Convolution {
  int pad_h = 0, pad_w = 0, stride_h = 0, stride_w = 0, math = -1;
};

double read(const void* p, int type, int64_t i) {
  if (type == 0) return static_cast<const float*>(p)[i];
  const uint32_t bits = uint32_t{static_cast<const uint16_t*>(p)[i]} << 16;
  float v;
  std::memcpy(&v, &bits, sizeof(v));
  return v;
}

void write(void* p, int type, int64_t i, double value) {
  const float v = static_cast<float>(value);
  if (type == 0) {
    static_cast<float*>(p)[i] = v;
    return;
  }
  uint32_t bits;
  std::memcpy(&bits, &v, sizeof(v));
  static_cast<uint16_t*>(p)[i] = static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// Whether the shapes are those of one convolution from x to y.
bool fit(const Image& x, const Filter& f, const Convolution& c, const Image& y) {
  const auto out = [](int size, int pad, int taps, int stride) {
    return (size + 2 * pad - taps) / stride + 1;
  };
  return x.n == y.n && x.c == f.c && y.c == f.k && x.type == f.type && y.type == f.type &&
         y.h == out(x.h, c.pad_h, f.r, c.stride_h) && y.w == out(x.w, c.pad_w, f.s, c.stride_w) &&
         (c.math == 1 || c.math == 3) && (f.type == 0 || c.math == 1);
}

// Calls f(place in x, in the filter, in y) for every product.
template <class F>
void each_product(const Image& x, const Filter& f, const Convolution& c, const Image& y,
                  F&& visit) {
  for (int n = 0; n < y.n; ++n)
    for (int p = 0; p < y.h; ++p)
      for (int q = 0; q < y.w; ++q)
        for (int r = 0; r < f.r; ++r)
          for (int s = 0; s < f.s; ++s) {
            const int h = p * c.stride_h - c.pad_h + r, w = q * c.stride_w - c.pad_w + s;
            if (h < 0 || h >= x.h || w < 0 || w >= x.w) continue;
            const int64_t at_x = ((int64_t{n} * x.h + h) * x.w + w) * x.c;
            const int64_t at_y = ((int64_t{n} * y.h + p) * y.w + q) * y.c;
            for (int k = 0; k < f.k; ++k)
              for (int i = 0; i < f.c; ++i)
                visit(at_x + i, ((int64_t{k} * f.r + r) * f.s + s) * f.c + i, at_y + k);
          }
}

// A result being summed up.
class Sum {
 public:
  Sum(void* to, int type, int64_t size) : to_(to), type_(type), size_(size) {
    values_ = static_cast<double*>(std::calloc(static_cast<size_t>(size), sizeof(double)));
  }
  ~Sum() {
    for (int64_t i = 0; i < size_; ++i) write(to_, type_, i, values_[i]);
    std::free(values_);
  }
  Sum(const Sum&) = delete;
  Sum& operator=(const Sum&) = delete;
  double& operator[](int64_t i) { return values_[i]; }

 private:
  void* to_;
  int type_;
  int64_t size_;
  double* values_;
};

bool may_run(const Handle* h, const Convolution& c, int algorithm, void* scratch, size_t bytes,
             const void* alpha, const void* beta) {
  const bool right = h->has_stream && (c.math == 1 || c.math == 3) &&
                     algorithm == kRightAlgorithm && scratch && bytes == kScratch &&
                     *static_cast<const float*>(alpha) == 1 &&
                     *static_cast<const float*>(beta) == 0;
  if (right) std::memset(scratch, 0xff, bytes);
  return right;
}

// Algorithms from the fastest on: one that varies, one that wants too much, one that rounds, one
// that does not work, the right one.
int choose(bool fits, const Convolution& c, int wanted, int* found, Choice* out) {
  if (!fits) return kBadParameter;
  ++plans;
  const Choice all[] = {{0, 0, 1, 0, 0, c.math, {}},
                        {2, 0, 2, size_t{1} << 40, 1, c.math, {}},
                        {3, 0, 3, 0, 1, 2, {}},
                        {4, 3000, 4, 0, 1, c.math, {}},
                        {kRightAlgorithm, 0, 5, kScratch, 1, c.math == 3 ? 0 : c.math, {}}};
  *found = std::min(wanted, faulty("unsure") ? 4 : 5);
  std::copy(all, all + *found, out);
  return 0;
}

template <class T>
int create(T** p) {
  *p = new T;
  ++live;
  return 0;
}
template <class T>
int destroy(T* p) {
  delete p;
  --live;
  return 0;
}

}  // namespace

extern "C" {

// For the test.
int fake_cudnn_live() { return live; }
int fake_cudnn_plans() { return plans; }

size_t cudnnGetVersion() { return faulty("old") ? 8907 : 90102; }
const char* cudnnGetErrorString(int status) {
  return status == kNotInitialized ? "CUDNN_STATUS_NOT_INITIALIZED" : "CUDNN_STATUS_BAD_PARAM";
}
int cudnnCreate(Handle** p) { return faulty("no_device") ? kNotInitialized : create(p); }
int cudnnDestroy(Handle* p) { return destroy(p); }
int cudnnSetStream(Handle* h, void*) {
  h->has_stream = true;
  return 0;
}
int cudnnCreateTensorDescriptor(Image** p) { return create(p); }
int cudnnDestroyTensorDescriptor(Image* p) { return destroy(p); }
int cudnnSetTensor4dDescriptor(Image* t, int format, int type, int n, int c, int h, int w) {
  *t = {type, n, c, h, w};
  return format == 1 && (type == 0 || type == 9) && t->size() > 0 ? 0 : kBadParameter;
}
int cudnnCreateFilterDescriptor(Filter** p) { return create(p); }
int cudnnDestroyFilterDescriptor(Filter* p) { return destroy(p); }
int cudnnSetFilter4dDescriptor(Filter* f, int type, int format, int k, int c, int h, int w) {
  *f = {type, k, c, h, w};
  return format == 1 && (type == 0 || type == 9) && f->size() > 0 ? 0 : kBadParameter;
}
int cudnnCreateConvolutionDescriptor(Convolution** p) { return create(p); }
int cudnnDestroyConvolutionDescriptor(Convolution* p) { return destroy(p); }
int cudnnSetConvolution2dDescriptor(Convolution* c, int pad_h, int pad_w, int stride_h,
                                    int stride_w, int dilation_h, int dilation_w, int mode,
                                    int type) {
  *c = {pad_h, pad_w, stride_h, stride_w, -1};
  return pad_h >= 0 && pad_w >= 0 && stride_h > 0 && stride_w > 0 && dilation_h == 1 &&
                 dilation_w == 1 && mode == 1 && type == 0
             ? 0
             : kBadParameter;
}
int cudnnSetConvolutionMathType(Convolution* c, int math) {
  c->math = math;
  return 0;
}
int cudnnGetConvolutionForwardAlgorithm_v7(Handle*, Image* x, Filter* f, Convolution* c, Image* y,
                                           int wanted, int* found, Choice* out) {
  return choose(fit(*x, *f, *c, *y), *c, wanted, found, out);
}
int cudnnGetConvolutionBackwardDataAlgorithm_v7(Handle*, Filter* f, Image* y, Convolution* c,
                                                Image* x, int wanted, int* found, Choice* out) {
  return choose(fit(*x, *f, *c, *y), *c, wanted, found, out);
}
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(Handle*, Image* x, Image* y, Convolution* c,
                                                  Filter* f, int wanted, int* found, Choice* out) {
  return choose(fit(*x, *f, *c, *y), *c, wanted, found, out);
}
int cudnnConvolutionForward(Handle* h, const void* alpha, Image* x, const void* x_data, Filter* f,
                            const void* w, Convolution* c, int algorithm, void* scratch,
                            size_t bytes, const void* beta, Image* y, void* y_data) {
  if (!may_run(h, *c, algorithm, scratch, bytes, alpha, beta)) return kBadParameter;
  Sum sum(y_data, y->type, y->size());
  each_product(*x, *f, *c, *y, [&](int64_t i, int64_t j, int64_t k) {
    sum[k] += read(x_data, x->type, i) * read(w, f->type, j);
  });
  return 0;
}
int cudnnConvolutionBackwardData(Handle* h, const void* alpha, Filter* f, const void* w, Image* y,
                                 const void* y_data, Convolution* c, int algorithm, void* scratch,
                                 size_t bytes, const void* beta, Image* x, void* x_data) {
  if (!may_run(h, *c, algorithm, scratch, bytes, alpha, beta)) return kBadParameter;
  Sum sum(x_data, x->type, x->size());
  each_product(*x, *f, *c, *y, [&](int64_t i, int64_t j, int64_t k) {
    sum[i] += read(y_data, y->type, k) * read(w, f->type, j);
  });
  return 0;
}
int cudnnConvolutionBackwardFilter(Handle* h, const void* alpha, Image* x, const void* x_data,
                                   Image* y, const void* y_data, Convolution* c, int algorithm,
                                   void* scratch, size_t bytes, const void* beta, Filter* f,
                                   void* w) {
  if (!may_run(h, *c, algorithm, scratch, bytes, alpha, beta)) return kBadParameter;
  Sum sum(w, f->type, f->size());
  each_product(*x, *f, *c, *y, [&](int64_t i, int64_t j, int64_t k) {
    sum[j] += read(x_data, x->type, i) * read(y_data, y->type, k);
  });
  return 0;
}

}  // extern "C"
