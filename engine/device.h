// Where computation can happen: the processor, CUDA devices, and the emulated device, which runs
// the CUDA kernels on the processor so that they can be tested where there is no GPU.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace gsx {

namespace kernels {
struct Backend;
}

struct Device {
  enum Kind : uint8_t { cpu, cuda, emulated } kind = cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};
std::ostream& operator<<(std::ostream&, const Device&);

// "cpu", "cuda", "cuda:N" or "emulated"; anything else is an Error.
Device parse_device(const std::string&);

// What computes on a device; an Error that says why and what to do when this build or this machine
// has no such device.
const kernels::Backend& backend_of(const Device&);

// What gsx knows of a kind of device, or of one of several.
struct DeviceReport {
  std::string name;  // as parse_device takes it
  bool real = false, available = false;
  std::string description;  // what it is, or why it is not available
};
std::vector<DeviceReport> report_devices();

}  // namespace gsx
