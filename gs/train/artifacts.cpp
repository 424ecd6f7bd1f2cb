// Names of a run's files; see artifacts.h.
#include "gs/train/artifacts.h"

#include <algorithm>
#include <utility>

#include "gs/train/run_folder.h"

namespace gsx {

Json Artifacts::to_json() const {
  return {{"teacher", teacher.filename().string()},
          {"discriminator", discriminator.filename().string()},
          {"model", model.filename().string()}};
}

void Artifacts::save_cuts(StateWriter& out) const {
  if (cuts.empty()) return;
  Json all = Json::array();
  for (const Student& cut : cuts) {
    const std::string name = "cut." + std::to_string(cut.member);
    out.add(name, cut.network);
    if (cut.discriminator.size() > 0) out.add(name + ".discriminator", cut.discriminator);
    all.push_back({{"member", cut.member},
                   {"distance", cut.distance},
                   {"weights", cut.distance_weights},
                   {"to_budget", cut.to_budget}});
  }
  out.meta["cuts"] = all;
}

void Artifacts::restore_cuts(const StateReader& in, const ContextPtr& context) {
  if (!in.meta().contains("cuts")) return;
  for (const Json& j : in.meta().at("cuts")) {
    const int member = j.at("member").get<int>();
    const std::string name = "cut." + std::to_string(member), judge = name + ".discriminator";
    Student cut;
    cut.network = in.graph(name, context);
    if (in.has_graph(judge)) cut.discriminator = in.graph(judge, context);
    cut.distance = j.at("distance").get<std::string>();
    cut.distance_weights = j.at("weights").get<std::vector<float>>();
    cut.to_budget = j.at("to_budget").get<bool>();
    cut.member = member;
    cuts.push_back(std::move(cut));
  }
}

std::optional<Artifacts::Student> Artifacts::take_student(int member) {
  if (student) return std::exchange(student, std::nullopt);
  const auto own = std::find_if(cuts.begin(), cuts.end(),
                                [&](const Student& cut) { return cut.member == member; });
  if (own == cuts.end()) return std::nullopt;
  std::optional<Student> taken = std::move(*own);
  cuts.erase(own);
  return taken;
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
