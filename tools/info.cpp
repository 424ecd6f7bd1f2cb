// `gsx info`: what this build can do on this machine.
#include <unistd.h>

#include <iomanip>
#include <iostream>

#include "engine/context.h"
#include "engine/io/image_folder.h"
#include "kernels/isa.h"
#include "kernels/limits.h"
#include "tools/commands.h"
#include "tools/options.h"

namespace gsx::tools {
namespace {

int64_t pages(int which) {
  return static_cast<int64_t>(sysconf(which)) * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
}

Json devices() {
  Json all = Json::array();
  for (const DeviceReport& d : report_devices()) {
    const bool cpu = d.name == "cpu";
    all.push_back({{"name", d.name},
                   {"real", d.real},
                   {"available", d.available},
                   {"description", cpu ? processor_name() : d.description}});
  }
  return all;
}

Json gather() {
  const ContextPtr context = Context::create();
  const kernels::Processors processors = kernels::processors();
  return {
      {"version", GSX_VERSION},
      {"devices", devices()},
      {"threads", context->threads()},
      {"processors", processors.usable},
      {"processor_quota", processors.quota ? Json(*processors.quota) : Json()},
      {"instruction_sets", kernels::isas()},
      {"formats",
       {{"models", {"safetensors", "pth", "npz", "onnx"}},
        {"images_in", image_format_names()},
        {"images_out", {"png"}},
        {"tensors", {"npy"}}}},
      {"memory", {{"total_bytes", pages(_SC_PHYS_PAGES)}, {"free_bytes", pages(_SC_AVPHYS_PAGES)}}},
  };
}

std::string joined(const Json& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word.get<std::string>();
  return all;
}

void print(const Json& info) {
  const auto row = [](const std::string& name) -> std::ostream& {
    return std::cout << std::left << std::setw(18) << name;
  };
  const auto gib = [](const Json& bytes) { return bytes.get<double>() / (1 << 30); };
  row("version") << info["version"].get<std::string>() << '\n';
  for (const Json& device : info["devices"]) {
    row("device") << device["name"].get<std::string>() << ": "
                  << (device["available"].get<bool>() ? "" : "not available: ")
                  << device["description"].get<std::string>() << '\n';
  }
  row("threads") << info["threads"] << ", on " << info["processors"]
                 << (info["processors"] == 1 ? " processor" : " processors");
  if (!info["processor_quota"].is_null())
    std::cout << " of which the control group allows " << info["processor_quota"];
  std::cout << '\n';
  row("instructions") << joined(info["instruction_sets"]) << " (the first is used)\n";
  row("models") << joined(info["formats"]["models"]) << '\n';
  row("images read") << joined(info["formats"]["images_in"]) << '\n';
  row("images written") << joined(info["formats"]["images_out"]) << '\n';
  row("tensors") << joined(info["formats"]["tensors"]) << '\n';
  row("memory") << std::fixed << std::setprecision(1) << gib(info["memory"]["total_bytes"])
                << " GiB, " << gib(info["memory"]["free_bytes"]) << " GiB unused\n";
}

}  // namespace

void add_info(const Command& program) {
  const Command command =
      program.add_subcommand("info", "Say what this build can do on this machine.");
  auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "print one JSON object");
  command.footer("Examples:\n  gsx info\n  gsx info --json\n");
  command.callback([json] {
    const Json info = gather();
    if (*json) {
      print_json(info);
    } else {
      print(info);
    }
  });
}

}  // namespace gsx::tools
