// Names of a run's files; see artifacts.h.
#include "gs/train/artifacts.h"

#include <utility>

#include "gs/train/run_folder.h"

namespace gsx {

Json Artifacts::to_json() const {
  return {{"teacher", teacher.filename().string()},
          {"discriminator", discriminator.filename().string()},
          {"model", model.filename().string()}};
}

void Artifacts::save_branch(StateWriter& out) const {
  if (!branch) return;
  out.add("branch", branch->network);
  if (branch->discriminator.size() > 0) out.add("branch_discriminator", branch->discriminator);
  out.meta["branch"] = {{"distance", branch->distance},
                        {"weights", branch->distance_weights},
                        {"pruned", branch->pruned},
                        {"to_budget", branch->to_budget},
                        {"member", branch->member}};
}

void Artifacts::restore_branch(const StateReader& in, const ContextPtr& context) {
  if (!in.meta().contains("branch")) return;
  const Json& j = in.meta().at("branch");
  const char* judge = "branch_discriminator";
  branch = {
      in.graph("branch", context),         in.has_graph(judge) ? in.graph(judge, context) : Graph(),
      j.at("distance").get<std::string>(), j.at("weights").get<std::vector<float>>(),
      j.at("pruned").get<bool>(),          j.at("to_budget").get<bool>(),
      j.at("member").get<int>(),           {}};
}

std::optional<Artifacts::Student> Artifacts::take_student() {
  return std::exchange(student ? student : branch, std::nullopt);
}

Artifacts new_artifacts(const std::filesystem::path& folder, bool makes_student) {
  const auto model = folder / run_files::kModel;
  return {makes_student ? folder / run_files::kTeacher : model,
          folder / run_files::kDiscriminator,
          model,
          {},
          {}};
}

Artifacts artifacts_from_json(const std::filesystem::path& folder, const Json& j) {
  const auto file = [&](const char* what) {
    return folder / std::filesystem::path(j.at(what).get<std::string>()).filename();
  };
  return {file("teacher"), file("discriminator"), file("model"), {}, {}};
}

}  // namespace gsx
