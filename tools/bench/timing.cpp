// Clocks, events and ceilings; see timing.h.
#include "tools/bench/timing.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/tensor.h"
#include "kernels/backend.h"

namespace gsx::tools {
namespace {

constexpr double kShortest = 2e-3;                       // seconds of a sample on the CPU
constexpr int64_t kFlushed = int64_t{128} << 20;         // bytes: more than a GPU's caches hold
constexpr int64_t kSummed = int64_t{64} << 20;           // bytes of each operand of the sum
constexpr int64_t kGpuRounds = 16384, kCpuRounds = 100;  // of the peak's work

// Seconds that `runs` runs take until the device is done with them.
double wall_time(Context& context, const std::function<void()>& work, int runs) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int i = 0; i < runs; ++i) work();
  context.synchronize();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Two events of a GPU's stream.
class EventTimer {
 public:
  explicit EventTimer(Context& context)
      : context_(context),
        memory_(context.backend().memory),
        flushed_(context.allocate(kFlushed)),
        from_(memory_.create_event()),
        to_(memory_.create_event()) {}
  ~EventTimer() {
    memory_.destroy_event(from_);
    memory_.destroy_event(to_);
    context_.deallocate(flushed_);
  }
  EventTimer(const EventTimer&) = delete;
  EventTimer& operator=(const EventTimer&) = delete;

  double run(const std::function<void()>& work) {
    void* stream = context_.exec().stream;
    context_.clear(flushed_, kFlushed);
    memory_.record_event(from_, stream);
    work();
    memory_.record_event(to_, stream);
    memory_.synchronize_event(to_);
    return 1e-3 * memory_.elapsed_ms(from_, to_);
  }

 private:
  Context& context_;
  const kernels::MemoryKernels& memory_;
  void *flushed_, *from_, *to_;
};

}  // namespace

Timing summarize(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const size_t n = seconds.size();
  return {(seconds[(n - 1) / 2] + seconds[n / 2]) / 2, seconds.front(), seconds.back(),
          static_cast<int>(n)};
}

Timing time_work(Context& context, const std::function<void()>& work, int samples) {
  return time_in_turns({{context, work}}, samples).front();
}

std::vector<Timing> time_in_turns(const std::vector<Work>& works, int samples) {
  std::vector<std::function<double()>> sample;
  for (const Work& w : works) {
    const double first = wall_time(w.context, w.run, 1);
    if (w.context.device().kind == Device::cuda) {
      const auto timer = std::make_shared<EventTimer>(w.context);
      sample.push_back([timer, &w] { return timer->run(w.run); });
    } else {
      const int runs = static_cast<int>(std::clamp(kShortest / std::max(first, 1e-9), 1.0, 1000.0));
      sample.push_back([runs, &w] { return wall_time(w.context, w.run, runs) / runs; });
    }
  }
  std::vector<std::vector<double>> seconds(works.size());
  for (int i = 0; i < samples; ++i)
    for (size_t j = 0; j < works.size(); ++j) seconds[j].push_back(sample[j]());
  std::vector<Timing> timings;
  for (std::vector<double>& s : seconds) timings.push_back(summarize(std::move(s)));
  return timings;
}

Ceilings measure_ceilings(const ContextPtr& context) {
  if (context->device().kind == Device::emulated) return {};
  const kernels::Backend& backend = context->backend();
  kernels::Exec& exec = context->exec();
  double flop = 0;
  const bool cpu = context->device().kind == Device::cpu;
  const Timing peak = time_work(
      *context, [&] { flop = backend.peak.multiply_adds(exec, cpu ? kCpuRounds : kGpuRounds); }, 5);
  const int64_t count = kSummed / static_cast<int64_t>(sizeof(float));
  const Tensor x = Tensor::zeros(context, {count}), y = Tensor::zeros(context, {count});
  const Timing sum = time_work(
      *context,
      [&] {
        backend.elementwise.accumulate(exec, count, x.device_data<float>(), y.device_data<float>());
      },
      5);
  return {flop / peak.least, 3 * static_cast<double>(kSummed) / sum.least};
}

}  // namespace gsx::tools
