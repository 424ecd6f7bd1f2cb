// What a run's folder and its user give: settings, recipes, checkpoints.
#include "engine/context.h"
#include "gs/config.h"
#include "gs/recipe.h"
#include "gs/train/checkpoint.h"
#include "tests/fuzz/target.h"

namespace fuzz {

void config(Bytes bytes) {
  in_saved_form([&] {
    const gsx::Json json = gsx::Json::parse_or_null(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    const gsx::TrainConfig read = gsx::TrainConfig::from_json(json);
    read.check();
    expect(gsx::TrainConfig::from_json(read.to_json()).to_json() == read.to_json(),
           "settings that were written and read are others");
  });
}

void recipe(Bytes bytes) {
  gsx::TrainConfig settings;
  settings.recipe = file_of(bytes).string();
  in_one_sentence([&] {
    const gsx::Recipe read = gsx::make_recipe(settings, false);
    expect(gsx::Recipe::from_json(read.to_json()).to_json() == read.to_json(),
           "a recipe that was written and read is another");
  });
  settings.teacher = "teacher.safetensors";
  in_one_sentence([&] { gsx::make_recipe(settings, true); });
}

void checkpoint(Bytes bytes) {
  const std::filesystem::path path = file_of(bytes);
  in_saved_form([&] {
    static const gsx::ContextPtr context = gsx::Context::create();
    const gsx::StateReader state(path);
    for (const char* name : {"student", "teacher", "discriminator"})
      if (state.has_graph(name)) state.graph(name, context);
    if (state.meta().contains("rng")) gsx::rng_from_json(state.meta()["rng"]);
  });
}

}  // namespace fuzz
