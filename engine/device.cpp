// Naming devices and finding their backends; see device.h.
#include "engine/device.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "engine/error.h"
#include "kernels/backend.h"

namespace gsx {

namespace {

// Why there is no CUDA device here; empty when there is one.
std::string why_no_cuda() {
  const kernels::Backend* cuda = kernels::cuda_backend();
  if (!cuda) return "this build has no CUDA (configure with -DGSX_CUDA=ON)";
  if (cuda->memory.device_count() > 0) return "";
  return "this machine has no NVIDIA GPU with a driver (" + cuda->memory.absence() + ")";
}

std::string describe(const kernels::DeviceInfo& info) {
  std::ostringstream text;
  text.precision(3);
  text << info.name << ", " << static_cast<double>(info.memory_bytes) / (1 << 30)
       << " GiB, compute capability " << info.major << '.' << info.minor;
  if (!info.software.empty()) text << ", " << info.software;
  return text.str();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Device& d) {
  switch (d.kind) {
    case Device::cpu: return out << "cpu";
    case Device::cuda: return out << "cuda:" << d.index;
    case Device::emulated: break;
  }
  return out << "emulated";
}

Device parse_device(const std::string& text) {
  if (text == "cpu") return {};
  if (text == "emulated") return {Device::emulated, 0};
  if (text == "cuda") return {Device::cuda, 0};
  if (text.rfind("cuda:", 0) == 0 && text.size() > 5) {
    int index = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + 5, end, index);
    if (error == std::errc() && rest == end && index >= 0) return {Device::cuda, index};
  }
  fail("device: expected cpu, cuda",
       kernels::emulated_backend() ? ", cuda:N or emulated" : " or cuda:N", ", got ", text);
}

const kernels::Backend& backend_of(const Device& device) {
  switch (device.kind) {
    case Device::cpu: return kernels::cpu_backend;
    case Device::emulated:
      GSX_CHECK(
          kernels::emulated_backend(), "device emulated is not available: it is for tests, and ",
          "not in this program; use the one that the tests run (tests/gsx in a build folder)");
      return *kernels::emulated_backend();
    case Device::cuda: break;
  }
  const std::string absence = why_no_cuda();
  GSX_CHECK(absence.empty(), "device ", device, " is not available: ", absence,
            "; compute on the cpu instead");
  const kernels::Backend& cuda = *kernels::cuda_backend();
  const int count = cuda.memory.device_count();
  GSX_CHECK(device.index < count, "device ", device, " is not available: this machine has ", count,
            count == 1 ? " CUDA device, cuda:0" : " CUDA devices, the last being cuda:",
            count == 1 ? "" : std::to_string(count - 1));
  return cuda;
}

std::vector<DeviceReport> report_devices() {
  std::vector<DeviceReport> all = {{"cpu", true, true, "this processor"}};
  const std::string absence = why_no_cuda();
  if (!absence.empty()) all.push_back({"cuda", true, false, absence});
  const kernels::Backend* cuda = kernels::cuda_backend();
  const int count = cuda ? cuda->memory.device_count() : 0;
  for (int i = 0; i < count; ++i) {
    all.push_back({"cuda:" + std::to_string(i), true, true, describe(cuda->memory.device_info(i))});
  }
  if (kernels::emulated_backend())
    all.push_back(
        {"emulated", false, true,
         "the CUDA kernels on the processor, for tests: slow, and its times mean nothing"});
  return all;
}

}  // namespace gsx
