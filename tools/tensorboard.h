// A run as TensorBoard's event files: scalars, histograms of gammas, and sample sheets.
#pragma once
#include <filesystem>
#include <fstream>

#include "engine/io/image.h"
#include "engine/json.h"

namespace gsx::tools {

// Records of TensorFlow's TFRecord format, each an Event (tensorflow/core/util/event.proto). A file
// of every start of a run: where a resumed run does steps again, readers forget the older ones.
class EventFiles {
 public:
  // Files come into `folder`, which is made with the first event.
  explicit EventFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // A line of the run's log, as gs/train/run_log.h describes it. Error when it cannot be written.
  void add(const Json& line);
  void add(const Image& sheet, const std::string& stage, int total_step);

 private:
  void open(int first_step);
  void write(const std::string& event);

  std::filesystem::path folder_, path_;
  std::ofstream out_;
};

// The CRC-32C (Castagnoli) of bytes, as TFRecord masks it.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace gsx::tools
