// Names of a run's files; see artifacts.h.
#include "gs/train/artifacts.h"

#include "gs/train/run_folder.h"

namespace gsx {

Json Artifacts::to_json() const {
  return {{"teacher", teacher.filename().string()},
          {"discriminator", discriminator.filename().string()},
          {"model", model.filename().string()}};
}

Artifacts new_artifacts(const std::filesystem::path& folder, bool makes_student) {
  const auto model = folder / run_files::kModel;
  return {makes_student ? folder / run_files::kTeacher : model,
          folder / run_files::kDiscriminator,
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
