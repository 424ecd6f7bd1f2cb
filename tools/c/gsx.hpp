// gsx.h for C++17 and later: failures as exceptions, models as objects. Header-only; links with
// libgsx_c.so, whose interface stays the same from version to version, unlike that of namespace
// gsx.
#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gsx.h"

namespace gsxc {

class Error : public std::runtime_error {
 public:
  Error(gsx_status kind, const std::string& why, std::string result_so_far = {})
      : std::runtime_error(why), status(kind), result(std::move(result_so_far)) {}
  gsx_status status;
  std::string result;  // of compress() where its budget was missed
};

namespace detail {

inline void check(gsx_status status) {
  if (status != GSX_OK) throw Error(status, gsx_error());
}

struct Close {
  void operator()(gsx_model* model) const { gsx_close(model); }
};
struct Free {
  void operator()(char* text) const { gsx_free(text); }
};

}  // namespace detail

struct Options {
  int threads = 0;          // 0: as many as the process may run on
  std::string device = {};  // empty: "cpu"
  std::string isa = {};     // empty: the best
};

// Rows of width pixels of three bytes, red, green, blue.
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

// Several threads may use one at once.
class Model {
 public:
  explicit Model(const std::string& model, const Options& options = {}) {
    const gsx_options given = as_c(options);
    keep(gsx_open(model.c_str(), &given));
  }
  Model(const void* content, std::size_t bytes, const Options& options = {}) {
    const gsx_options given = as_c(options);
    keep(gsx_open_memory(content, bytes, &given));
  }

  std::string describe() const {  // JSON
    const char* text = gsx_describe(model_.get());
    if (text == nullptr) throw Error(GSX_MISUSED, gsx_error());
    return text;
  }

  Image operator()(const Image& image) const {
    if (image.rgb.size() != std::size_t{3} * image.width * image.height)
      throw Error(GSX_MISUSED, "gsxc::Model: rgb must have three bytes for every pixel");
    std::int32_t width = 0, height = 0;
    detail::check(gsx_output_size(model_.get(), image.width, image.height, &width, &height));
    Image result{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
    detail::check(gsx_run_u8(model_.get(), image.rgb.data(), image.width, image.height, 0,
                             result.rgb.data(), 0));
    return result;
  }

 private:
  static gsx_options as_c(const Options& o) {
    return {sizeof(gsx_options), o.threads, o.device.empty() ? nullptr : o.device.c_str(),
            o.isa.empty() ? nullptr : o.isa.c_str()};
  }
  void keep(gsx_model* model) {
    if (model == nullptr) throw Error(GSX_FAILED, gsx_error());
    model_.reset(model);
  }
  std::unique_ptr<gsx_model, detail::Close> model_;
};

// Returns true to go on.
using Progress = std::function<bool(const gsx_progress&)>;

// gsx_compress; gives the result as JSON. What `progress` throws stops the run and comes out here.
inline std::string compress(const std::string& settings, const Progress& progress = {}) {
  struct Call {
    const Progress& progress;
    std::exception_ptr thrown;
  } call{progress, nullptr};
  const auto function = [](const gsx_progress* p, void* user) -> std::int32_t {
    auto& c = *static_cast<Call*>(user);
    if (c.thrown) return 1;
    try {
      return c.progress(*p) ? 0 : 1;
    } catch (...) {
      c.thrown = std::current_exception();
      return 1;
    }
  };
  char* text = nullptr;
  const gsx_status status =
      gsx_compress(settings.c_str(), progress ? +function : nullptr, &call, &text);
  const std::unique_ptr<char, detail::Free> result(text);
  if (call.thrown) std::rethrow_exception(call.thrown);
  if (status != GSX_OK) throw Error(status, gsx_error(), text ? text : "");
  return text;
}

}  // namespace gsxc
