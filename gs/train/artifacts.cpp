// Names of a run's files; see artifacts.h.
#include "gs/train/artifacts.h"

namespace gsx {

Json Artifacts::to_json() const {
  return {{"teacher", teacher.filename().string()},
          {"discriminator", discriminator.filename().string()},
          {"model", model.filename().string()}};
}

Artifacts new_artifacts(const std::filesystem::path& folder, bool makes_student) {
  const auto model = folder / "model.safetensors";
  return {makes_student ? folder / "teacher.safetensors" : model,
          folder / "discriminator.safetensors",
          model,
          {}};
}

Artifacts artifacts_from_json(const std::filesystem::path& folder, const Json& j) {
  const auto file = [&](const char* what) {
    return folder / std::filesystem::path(j.at(what).get<std::string>()).filename();
  };
  return {file("teacher"), file("discriminator"), file("model"), {}};
}

}  // namespace gsx
