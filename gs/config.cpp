// A training's settings as JSON; see config.h.
#include "gs/config.h"

#include <algorithm>
#include <cmath>

#include "engine/path_text.h"

namespace gsx {

namespace {

constexpr const char* kGridNames[] = {"int8", "official", "paper"};

// Calls visit(name, field) for every setting that decides what a run computes.
template <class Config, class Visit>
void for_each_setting(Config& c, Visit&& visit) {
  visit("method", c.method);
  visit("objective", c.objective);
  visit("teacher", c.teacher);
  visit("data", c.data);
  visit("feature_net", c.feature_net);
  visit("seed", c.seed);
  visit("size", c.size);
  visit("load_size", c.load_size);
  visit("batch", c.batch);
  visit("dense_steps", c.dense_steps);
  visit("slim_steps", c.slim_steps);
  visit("finetune_steps", c.finetune_steps);
  visit("critic_steps", c.critic_steps);
  visit("lr", c.lr);
  visit("lr_gamma", c.lr_gamma);
  visit("lr_discriminator", c.lr_discriminator);
  visit("lr_finetune", c.lr_finetune);
  visit("weight_decay", c.weight_decay);
  visit("beta", c.beta);
  visit("rho", c.rho);
  visit("target_ratio", c.target_ratio);
  visit("target_macs", c.target_macs);
  visit("distance", c.distance);
  visit("normalize_distance", c.normalize_distance);
  visit("quantize_student", c.quantize_student);
  visit("act_range", c.quantize.act_range);
  visit("signed_above", c.quantize.signed_above);
  visit("per_channel", c.quantize.weights.per_channel);
  visit("width", c.width);
  visit("blocks", c.blocks);
  visit("flip", c.flip);
  visit("checkpoint_every", c.checkpoint_every);
  visit("sample_every", c.sample_every);
}

QuantGrid grid_from_name(const std::string& name) {
  for (int i = 0; i < 3; ++i)
    if (name == kGridNames[i]) return static_cast<QuantGrid>(i);
  fail("config: quant_grid must be int8, official or paper, got ", name);
}

}  // namespace

Json TrainConfig::to_json() const {
  Json j = Json::object();
  for_each_setting(*this, [&](const char* name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
      j[name] = to_utf8(value);  // names of files hold any bytes
    else j[name] = value;
  });
  j["max_pixels"] = max_pixels;
  if (!discriminator.empty()) j["discriminator"] = to_utf8(discriminator);
  j["quant_grid"] = kGridNames[static_cast<int>(quantize.weights.grid)];
  return j;
}

TrainConfig TrainConfig::from_json(const Json& j) {
  TrainConfig c;
  try {
    for_each_setting(c, [&](const char* name, auto& value) {
      GSX_CHECK(j.contains(name), "config: lacks the setting ", name);
      j.at(name).get_to(value);
      if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
        value = from_utf8(value);
    });
    c.max_pixels = j.value("max_pixels", c.max_pixels);  // runs of 0.1.0 have none
    c.discriminator = from_utf8(j.value("discriminator", ""));
    c.quantize.weights.grid = grid_from_name(j.at("quant_grid").get<std::string>());
  } catch (const Json::exception&) {
    fail("config: not a set of training settings of this version of gsx");
  }
  return c;
}

void TrainConfig::check_numbers() const {
  for_each_setting(*this, [](std::string name, const auto& value) {
    if constexpr (std::is_floating_point_v<std::decay_t<decltype(value)>>) {
      std::replace(name.begin(), name.end(), '_', '-');
      GSX_CHECK(std::isfinite(value), "train: --", name, " must be a finite number, got ", value);
      GSX_CHECK(name.rfind("lr", 0) != 0 || (value >= 0 && value <= kMostRate), "train: --", name,
                " must be a rate from 0 to ", kMostRate, ", got ", value);
    }
  });
}

}  // namespace gsx
