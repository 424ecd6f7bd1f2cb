// A small generator with fresh weights as a model file, and images for it.
#pragma once
#include <filesystem>
#include <string>

#include "engine/io/image.h"
#include "models/architectures.h"

inline std::string save_network(const std::filesystem::path& file, const std::string& architecture,
                                const gsx::Json& options) {
  gsx::Graph graph = gsx::make_architecture(architecture, options);
  gsx::Rng rng(1);
  graph.initialize(gsx::Context::create(), rng, {});
  gsx::save_model(graph, file);
  return file.string();
}

inline std::string save_generator(const std::filesystem::path& file) {
  return save_network(file, "fast_style", {{"width", 4}, {"blocks", 1}});
}

// Images of different shades differ.
inline std::string save_image(const std::filesystem::path& file, int shade, int width = 16,
                              int height = 16) {
  gsx::Image image(width, height);
  for (size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<uint8_t>(shade + 7 * static_cast<int>(i));
  gsx::write_png(file, image);
  return file.string();
}
