// What sanitizers must find in kernels on the emulated device, and that they find nothing in clean
// ones. The kernels run in programs built for it: sanitizers end a program with their report.
#include <string>

#include "tests/catch.h"
#include "tests/cli/process.h"

namespace {

using Words = std::vector<std::string>;

void check_found(const ProcessResult& result, const Words& words) {
  INFO(result.err);
  CHECK(result.exit_code != 0);
  CHECK_FALSE(result.timed_out);
  for (const std::string& word : words) CHECK(result.err.find(word) != std::string::npos);
}

void check_clean(const ProcessResult& result) {
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());
}

constexpr std::chrono::milliseconds kPatience{300000};

ProcessResult with_address_sanitizer(const std::string& name) {
  return run_process({GSX_PLANTED_ADDRESS, name},
                     {.environment = {{"ASAN_OPTIONS", ""}}, .timeout = kPatience});
}

// Its shadow memory does not fit around randomised addresses.
ProcessResult with_thread_sanitizer(const std::string& name) {
  return run_process({"setarch", "-R", GSX_PLANTED_THREAD, name},
                     {.environment = {{"TSAN_OPTIONS", ""}}, .timeout = kPatience});
}

}  // namespace

TEST_CASE("AddressSanitizer finds accesses out of bounds", "[address]") {
  const std::string what = "AddressSanitizer: heap-buffer-overflow";
  check_found(with_address_sanitizer("global_out_of_bounds"),
              {what, "global_out_of_bounds_kernel", "READ of size 4"});
  check_found(with_address_sanitizer("shared_out_of_bounds"),
              {what, "shared_out_of_bounds_kernel", "WRITE of size 4"});
  check_found(with_address_sanitizer("copy_out_of_bounds"),
              {what, "copy_out_of_bounds_kernel", "READ of size 4"});
}

TEST_CASE("AddressSanitizer finds nothing in clean kernels", "[address]") {
  check_clean(with_address_sanitizer("reversed"));
  check_clean(with_address_sanitizer("clean"));
}

TEST_CASE("ThreadSanitizer finds races within and between blocks", "[thread]") {
  const std::string what = "ThreadSanitizer: data race";
  check_found(with_thread_sanitizer("missing_barrier"), {what, "missing_barrier_kernel"});
  check_found(with_thread_sanitizer("reused_buffer"), {what, "reused_buffer_kernel"});
  check_found(with_thread_sanitizer("non_atomic_update"), {what, "non_atomic_update_kernel"});
  check_found(with_thread_sanitizer("update_by_blocks"), {what, "update_by_blocks_kernel"});
}

TEST_CASE("ThreadSanitizer finds nothing in clean kernels", "[thread]") {
  check_clean(with_thread_sanitizer("reversed"));
  check_clean(with_thread_sanitizer("clean"));
}
