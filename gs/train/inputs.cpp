// A run's given networks; see inputs.h.
#include "gs/train/inputs.h"

#include <algorithm>
#include <bit>

#include "gs/train/given_teacher.h"
#include "models/architectures.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole.string();
}

// The same name from any working folder.
std::string absolute_spec(const std::string& spec) {
  const std::string file = model_path(spec).string();
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return spec;
  return spec.substr(0, spec.size() - file.size()) + absolute_path(file);
}

// Differs between networks with other weights; FNV-1a over the floats.
uint64_t content_mark(const Graph& graph) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const Parameter* p : graph.parameters()) {
    if (!p->value.defined()) continue;
    for (const float v : p->value.to_vector())
      hash = (hash ^ std::bit_cast<uint32_t>(v)) * 0x100000001b3u;
  }
  return hash;
}

void check_mark(const char* flag, const std::string& spec, const Graph& now, uint64_t then) {
  GSX_CHECK(content_mark(now) == then, "train: ", flag, " ", spec,
            " is not the network this run was started with; give that one");
}

}  // namespace

fs::path discriminator_beside(const std::string& teacher) {
  const fs::path beside = fs::path(teacher).parent_path() / run_files::kDiscriminator;
  std::error_code ignored;
  return fs::is_regular_file(teacher, ignored) && fs::is_regular_file(beside, ignored) ? beside
                                                                                       : fs::path();
}

bool needs_discriminator(const TrainConfig& c) {
  return !c.teacher.empty() && c.discriminator.empty() && discriminator_beside(c.teacher).empty();
}

Inputs open_inputs(const RunState& run, bool need_discriminator) {
  const TrainConfig& c = run.config;
  Inputs in;
  Rng dense(c.seed, kDenseStream), discriminator(c.seed, kDiscriminatorStream);
  in.teacher = c.teacher.empty() ? fresh_generator(run, dense) : open_given_teacher(run);
  if (c.without_discriminator()) {
    if (!c.feature_net.empty()) in.features = open_feature_net(run);
    return in;
  }
  if (!c.discriminator.empty())
    in.discriminator = open_given(run, "--discriminator", c.discriminator);
  else if (c.teacher.empty() || need_discriminator)
    in.discriminator = fresh_discriminator(run, discriminator);
  else in.discriminator = load_model(run.context, discriminator_beside(c.teacher));
  in.features =
      c.feature_net.empty() ? features_of_discriminator(in.discriminator) : open_feature_net(run);
  return in;
}

void adopt(const RunState& run, const Inputs& in, bool need_discriminator, const fs::path& folder) {
  if (run.config.teacher.empty()) return;
  save_model(in.teacher, folder / run_files::kTeacher);
  if (!need_discriminator && !run.config.without_discriminator())
    save_model(in.discriminator, folder / run_files::kDiscriminator);
  const auto& stages = run.recipe.stages;
  if (std::none_of(stages.begin(), stages.end(),
                   [](const StagePlan& plan) { return plan.kind == "coevolve"; }))
    return;
  for (const char* file : {run_files::kReverse, run_files::kReverseDiscriminator})
    save_model(load_model(run.context, fs::path(run.config.teacher).parent_path() / file),
               folder / file);
}

void make_paths_absolute(TrainConfig& c) {
  c.teacher = absolute_spec(c.teacher);
  if (!c.without_discriminator()) c.discriminator = absolute_spec(c.discriminator);
  c.feature_net = absolute_spec(c.feature_net);
  c.second_input = absolute_spec(c.second_input);
  if (!c.data.empty()) c.data = absolute_path(c.data);
  if (!c.recipe.empty()) c.recipe = absolute_path(c.recipe);
}

void take_changes(TrainConfig& saved, const TrainConfig& given) {
  const Json now = given.to_json();
  for_each_setting(saved, [&](const Setting& s, auto& field) {
    if (!s.range.may_change || !now.contains(s.name) || now.at(s.name) == "") return;
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>) {
      GSX_CHECK(!field.empty(), "train: this run was started without --", s.flag(),
                ", so it cannot go on with ",
                from_utf8(now.at(s.name).template get<std::string>()));
    }
    from_value(now.at(s.name), field);
  });
}

Json marks_of(const RunState& run, const Inputs& in) {
  Json marks = Json::object();
  if (!run.config.teacher.empty()) marks["teacher"] = content_mark(in.teacher);
  if (!run.config.feature_net.empty()) marks["feature_net"] = content_mark(in.features.graph);
  return marks;
}

void check_marks(const RunState& run, const Json& marks, bool new_teacher) {
  const TrainConfig& c = run.config;
  if (!c.feature_net.empty()) {
    const Graph features = open_feature_net(run).graph;
    if (marks.contains("feature_net")) {
      check_mark("--feature-net", c.feature_net, features, marks.at("feature_net").get<uint64_t>());
    }
  }
  if (!new_teacher) return;
  const Graph teacher = open_given_teacher(run);
  check_mark("--teacher", c.teacher, teacher,
             marks.contains("teacher")
                 ? marks.at("teacher").get<uint64_t>()
                 : content_mark(load_model(run.context, run.artifacts.teacher)));
  save_model(teacher, run.artifacts.teacher);
}

}  // namespace gsx
