// Many threads translate with one model for long: load_threads MODEL SECONDS THREADS. Every image
// must have the bits of the first, and memory must not grow once all threads have been at work.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "engine/context.h"
#include "gs/translate.h"
#include "models/graph.h"

namespace {

double resident_megabytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "load_threads: expected MODEL SECONDS THREADS\n");
    return 2;
  }
  const int seconds = std::atoi(argv[2]), count = std::atoi(argv[3]);
  const auto context = gsx::Context::create();
  const gsx::Graph graph = gsx::load_model(context, argv[1], true);
  const gsx::Tensor x = gsx::Tensor::empty(context, {1, 3, 96, 128});
  gsx::Rng(1).fill_uniform(x, graph.input_format.lo, graph.input_format.hi);
  const std::vector<float> wanted = gsx::translate(graph, x).to_vector();

  std::atomic<int64_t> images{0}, others{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        others += gsx::translate(graph, x).to_vector() != wanted;
        ++images;
      }
    });
  // The first tenth is for every thread to find its scratch.
  std::vector<double> held;
  for (int tenth = 0; tenth < 10; ++tenth) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100 * seconds));
    held.push_back(resident_megabytes());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double after_one = held.front(), most = *std::max_element(held.begin(), held.end());
  std::printf(
      "%d threads, %d s: %lld images, %lld with other bits; %.1f MB after a tenth, %.1f at most\n",
      count, seconds, static_cast<long long>(images), static_cast<long long>(others), after_one,
      most);
  return others > 0 || most > 1.1 * after_one + 2;
}
