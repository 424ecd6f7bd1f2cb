// gsx inspect --groups: which channels go together, for files of every kind.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

std::string passes(const std::vector<std::string>& arguments) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return r.out;
}

int channels_of(const json& rows) {
  int sum = 0;
  for (const json& row : rows) sum += row.at("channels").get<int>();
  return sum;
}

}  // namespace

TEST_CASE("inspect --groups tells groups, their scales and cost, and why others stay") {
  const std::string table =
      passes({"inspect", "cyclegan,width=8,blocks=2", "--groups", "--size", "64"});
  CHECK_THAT(table, Contains("pruned together"));
  CHECK_THAT(table, Contains("model.10.conv_block.1  model.10.conv_block.2") &&
                        Contains("model.10.conv_block.5"));
  CHECK_THAT(table, Contains("no scale reaches what model.10.conv_block.1 reads of them"));
  CHECK_THAT(table, Contains("tied to the output"));
  CHECK_THAT(table, !Contains("weight bytes"));  // that is the table of layers

  const json told =
      json::parse(passes({"inspect", "cyclegan,width=8,blocks=2", "--groups", "--json"}));
  CHECK(channels_of(told.at("groups")) == told.at("prunable").at("both").get<int>());
  const json& first = told.at("groups")[0];
  CHECK(first.at("layers") == json({"model.1"}));
  CHECK(first.at("readers") == json({"model.4"}));
  CHECK(first.at("scales") == json::parse(R"([{"layer": "model.2", "inserted": false}])"));
  CHECK(first.at("macs_per_channel").get<double>() > 0);
  CHECK(first.at("bytes_per_channel").get<double>() > 0);
  for (const json& row : told.at("staying")) CHECK(row.at("why").get<std::string>() != "");
  CHECK_FALSE(json::parse(passes({"inspect", "cyclegan", "--json"})).contains("groups"));
}

TEST_CASE(
    "inspect --groups tells the same of a model and of its ONNX file, and marks inserted scales") {
  const TempDir dir;
  const std::string model = save_network(dir / "m.safetensors", "cyclegan_official",
                                         {{"width", 4}, {"blocks", 1}}),
                    onnx = (dir / "m.onnx").string();
  passes({"export", model, onnx});
  const json of_model = json::parse(passes({"inspect", model, "--groups", "--json"})),
             of_onnx = json::parse(passes({"inspect", onnx, "--groups", "--json"}));
  REQUIRE(of_model.at("groups").size() == of_onnx.at("groups").size());
  REQUIRE(!of_model.at("groups").empty());
  for (size_t i = 0; i < of_model.at("groups").size(); ++i) {
    const json &a = of_model.at("groups")[i], &b = of_onnx.at("groups")[i];
    CHECK(a.at("channels") == b.at("channels"));
    CHECK(a.at("macs_per_channel") == b.at("macs_per_channel"));
    CHECK(a.at("scales")[0].at("inserted").get<bool>());
  }
  CHECK_THAT(passes({"inspect", onnx, "--groups"}), Contains("(inserted)"));
}
