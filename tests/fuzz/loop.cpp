// A target on random bytes, without a fuzzer: fuzz_loop TARGET SECONDS [SEED [FIRST]]. Case n of a
// seed is always the same; a case that fails is named, so that `fuzz_loop TARGET 0 SEED n` does it
// again. For targets whose coverage says little and whose time is computing: under the fuzzer's
// sanitizers there is one instruction set, here all of them.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/target.h"

namespace {

char failed[200];  // what is said of the case that runs, should it end the process

void tell_case(int signal_number) {
  [[maybe_unused]] const ssize_t told = write(STDERR_FILENO, failed, std::strlen(failed));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

uint64_t number_in(const char* text) { return std::strtoull(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
  const fuzz::Target* target = nullptr;
  for (const fuzz::Target& t : fuzz::targets())
    if (argc > 2 && std::strcmp(t.name, argv[1]) == 0) target = &t;
  if (!target) {
    std::fprintf(stderr, "fuzz_loop: expected TARGET SECONDS [SEED [FIRST]]\n");
    return 2;
  }
  const uint64_t seconds = number_in(argv[2]), seed = argc > 3 ? number_in(argv[3]) : 1;
  const uint64_t first = argc > 4 ? number_in(argv[4]) : 0;
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL})
    std::signal(signal_number, tell_case);
  const auto start = std::chrono::steady_clock::now();
  uint64_t done = 0;
  do {
    const uint64_t number = first + done;
    std::snprintf(failed, sizeof failed, "fuzz_loop: failed: %s 0 %llu %llu\n", target->name,
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(number));
    target->run(fuzz::random_bytes(seed, number, 16 + number % 49));
    ++done;
  } while (std::chrono::steady_clock::now() - start < std::chrono::seconds(seconds));
  std::printf("fuzz_loop: %s: %llu cases from %llu of seed %llu\n", target->name,
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(seed));
  return 0;
}
