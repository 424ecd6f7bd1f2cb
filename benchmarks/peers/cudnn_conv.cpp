// cuDNN on the convolutions that gsx bench conv timed: reads its JSON, times the same shapes on the
// same GPU, and prints both: cudnn_conv RESULTS.json [--math fp32|tf32]. cuDNN gets its favourite
// layout (NCHW) and, of its algorithms, the fastest it finds. It pads with zeros where we mirror.
#include <cuda_runtime.h>
#include <cudnn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

void check(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw std::runtime_error(std::string(what) + ": " + cudnnGetErrorString(status));
}

class Memory {
 public:
  explicit Memory(size_t bytes) {
    check(cudaMalloc(&data_, std::max<size_t>(bytes, 1)), "cudaMalloc");
    check(cudaMemset(data_, 0, bytes), "cudaMemset");
  }
  ~Memory() { cudaFree(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  float* get() const { return static_cast<float*>(data_); }

 private:
  void* data_ = nullptr;
};

// Median milliseconds of five runs after one, each with other data in the caches before it.
double time_ms(const std::function<void()>& run) {
  constexpr size_t kFlushed = size_t{128} << 20;
  static const Memory flushed(kFlushed);
  cudaEvent_t from, to;
  check(cudaEventCreate(&from), "cudaEventCreate");
  check(cudaEventCreate(&to), "cudaEventCreate");
  run();
  std::vector<float> ms(5);
  for (float& t : ms) {
    check(cudaMemsetAsync(flushed.get(), 0, kFlushed), "cudaMemsetAsync");
    check(cudaEventRecord(from), "cudaEventRecord");
    run();
    check(cudaEventRecord(to), "cudaEventRecord");
    check(cudaEventSynchronize(to), "cudaEventSynchronize");
    check(cudaEventElapsedTime(&t, from, to), "cudaEventElapsedTime");
  }
  cudaEventDestroy(from);
  cudaEventDestroy(to);
  std::sort(ms.begin(), ms.end());
  return ms[2];
}

// One convolution between a large image `x` and a small one `y`; a transposed one is its gradient.
struct Convolution {
  Convolution(const Json& s, cudnnMathType_t math)
      : transposed(s.at("transposed")), n(s.at("n")), c(s.at("c")), k(s.at("k")) {
    const int kernel = s.at("kernel"), stride = s.at("stride"), pad = s.at("pad")[0];
    int h = s.at("h"), w = s.at("w");
    if (transposed) {
      std::swap(c, k);
      const int bottom = s.at("pad")[1];
      h = (h - 1) * stride + kernel - pad - bottom;
      w = (w - 1) * stride + kernel - pad - bottom;
    }
    check(cudnnCreateTensorDescriptor(&x), "x");
    check(cudnnCreateTensorDescriptor(&y), "y");
    check(cudnnCreateFilterDescriptor(&filter), "filter");
    check(cudnnCreateConvolutionDescriptor(&conv), "convolution");
    check(cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, n, c, h, w), "x");
    check(cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, k, c, kernel,
                                     kernel),
          "filter");
    check(cudnnSetConvolution2dDescriptor(conv, pad, pad, stride, stride, 1, 1,
                                          CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "convolution");
    check(cudnnSetConvolutionMathType(conv, math), "math type");
    int yn, yc, yh, yw;
    check(cudnnGetConvolution2dForwardOutputDim(conv, x, filter, &yn, &yc, &yh, &yw), "output");
    check(cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, yn, yc, yh, yw), "y");
    x_bytes = size_t{4} * n * c * h * w;
    y_bytes = size_t{4} * yn * yc * yh * yw;
    w_bytes = size_t{4} * k * c * kernel * kernel;
  }
  ~Convolution() {
    cudnnDestroyTensorDescriptor(x);
    cudnnDestroyTensorDescriptor(y);
    cudnnDestroyFilterDescriptor(filter);
    cudnnDestroyConvolutionDescriptor(conv);
  }
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  bool transposed;
  int n, c, k;
  cudnnTensorDescriptor_t x = nullptr, y = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t conv = nullptr;
  size_t x_bytes = 0, y_bytes = 0, w_bytes = 0;
};

// The first algorithm that works, of those cuDNN found fastest first.
template <class Perf>
const Perf& best(const std::vector<Perf>& found, int count) {
  for (int i = 0; i < count; ++i)
    if (found[static_cast<size_t>(i)].status == CUDNN_STATUS_SUCCESS)
      return found[static_cast<size_t>(i)];
  throw std::runtime_error("cuDNN found no algorithm");
}

double time_pass(cudnnHandle_t cudnn, const Convolution& d, const std::string& pass) {
  constexpr int kMost = 8;
  const float one = 1, zero = 0;
  const Memory x(d.x_bytes), y(d.y_bytes), w(d.w_bytes);
  int count = 0;
  const bool forward = pass == (d.transposed ? "conv backward_input" : "conv forward");
  if (pass == "conv backward_weight") {
    std::vector<cudnnConvolutionBwdFilterAlgoPerf_t> found(kMost);
    check(cudnnFindConvolutionBackwardFilterAlgorithm(cudnn, d.x, d.y, d.conv, d.filter, kMost,
                                                      &count, found.data()),
          "backward filter");
    const auto& algo = best(found, count);
    const Memory scratch(algo.memory);
    return time_ms([&] {
      check(
          cudnnConvolutionBackwardFilter(cudnn, &one, d.x, x.get(), d.y, y.get(), d.conv, algo.algo,
                                         scratch.get(), algo.memory, &zero, d.filter, w.get()),
          "backward filter");
    });
  }
  if (forward) {
    std::vector<cudnnConvolutionFwdAlgoPerf_t> found(kMost);
    check(cudnnFindConvolutionForwardAlgorithm(cudnn, d.x, d.filter, d.conv, d.y, kMost, &count,
                                               found.data()),
          "forward");
    const auto& algo = best(found, count);
    const Memory scratch(algo.memory);
    return time_ms([&] {
      check(cudnnConvolutionForward(cudnn, &one, d.x, x.get(), d.filter, w.get(), d.conv, algo.algo,
                                    scratch.get(), algo.memory, &zero, d.y, y.get()),
            "forward");
    });
  }
  std::vector<cudnnConvolutionBwdDataAlgoPerf_t> found(kMost);
  check(cudnnFindConvolutionBackwardDataAlgorithm(cudnn, d.filter, d.y, d.conv, d.x, kMost, &count,
                                                  found.data()),
        "backward data");
  const auto& algo = best(found, count);
  const Memory scratch(algo.memory);
  return time_ms([&] {
    check(cudnnConvolutionBackwardData(cudnn, &one, d.filter, w.get(), d.y, y.get(), d.conv,
                                       algo.algo, scratch.get(), algo.memory, &zero, d.x, x.get()),
          "backward data");
  });
}

void compare(const Json& ours, cudnnMathType_t math) {
  cudaDeviceProp device;
  check(cudaGetDeviceProperties(&device, 0), "no CUDA device");
  cudnnHandle_t cudnn;
  check(cudnnCreate(&cudnn), "cudnnCreate");
  std::printf("%s, cuDNN %zu, %s\n%-22s %-44s %9s %9s %7s\n", device.name, cudnnGetVersion(),
              math == CUDNN_FMA_MATH ? "FP32" : "TF32", "kernel", "layer", "gsx ms", "cuDNN ms",
              "ratio");
  for (const Json& k : ours.at("kernels")) {
    const std::string kernel = k.at("kernel");
    if (k.at("shape").is_null() || k.at("ms").is_null() || kernel == "conv forward_codes") continue;
    const double ms = time_pass(cudnn, Convolution(k.at("shape"), math), kernel);
    std::printf("%-22s %-44s %9.3f %9.3f %7.2f\n", kernel.c_str(),
                k.at("layer").get<std::string>().c_str(), k.at("ms").get<double>(), ms,
                k.at("ms").get<double>() / ms);
  }
  cudnnDestroy(cudnn);
}

}  // namespace

int main(int argc, char** argv) {
  const bool tf32 =
      argc == 4 && std::strcmp(argv[2], "--math") == 0 && std::strcmp(argv[3], "tf32") == 0;
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "cudnn_conv: cudnn_conv RESULTS.json [--math fp32|tf32]\n");
    return 2;
  }
  try {
    std::ifstream file(argv[1]);
    if (!file) throw std::runtime_error(std::string(argv[1]) + " cannot be read");
    compare(Json::parse(file), tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cudnn_conv: %s\n", error.what());
    return 1;
  }
  return 0;
}
