// Models as users name them: architectures with options, files, and what is neither.
#include "engine/io/safetensors.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

TEST_CASE("a model's name is a file, or an architecture with options and a file") {
  const auto parsed = [](const std::string& text) { return parse_model_spec(text); };
  CHECK(parsed("a/b.safetensors").file == "a/b.safetensors");
  CHECK(parsed("a/b.safetensors").architecture.empty());
  CHECK(parsed("vgg16:x").architecture == "vgg16");
  CHECK(parsed("vgg16:x").file == "x");
  CHECK(parsed("vgg16:a,b=c:d").file == "a,b=c:d");
  CHECK(parsed("cyclegan").file.empty());
  const ModelSpec full = parsed("cartoongan,order=rgb,range=0..255,eps=1e-5,width=32:w");
  CHECK(full.architecture == "cartoongan");
  CHECK(full.file == "w");
  CHECK(full.options ==
        Json({{"order", "rgb"}, {"range", "0..255"}, {"eps", 1e-5}, {"width", 32}}));
  CHECK(parsed("patchgan,affine=false").options == Json({{"affine", false}}));
  CHECK(parsed("file,with=commas").file == "file,with=commas");
  CHECK(model_path("cartoongan,order=rgb:w") == "w");
  CHECK_THROWS_WITH(parsed("vgg16:"), Contains("names no file"));
  CHECK_THROWS_WITH(parsed("vgg16,width:x"), Contains("KEY=VALUE") && Contains("'width'"));
  CHECK_THROWS_WITH(parsed("vgg16,width=1,width=2:x"), Contains("width is given twice"));
}

TEST_CASE("what weights of others differ in can be told") {
  const Graph told = make_architecture("cartoongan", {{"order", "rgb"},
                                                      {"range", "0..255"},
                                                      {"output_range", "-1..1"},
                                                      {"eps", 1e-5},
                                                      {"width", 4},
                                                      {"blocks", 1}});
  CHECK(told.input_format == ImageFormat{0, 255, false});
  CHECK(told.output_format == ImageFormat{-1, 1, false});
  int norms = 0;
  const Json written = graph_to_json(told);
  for (const Json& node : written["nodes"]) {
    if (node["kind"] != "instance_norm") continue;
    CHECK(node["attributes"]["eps"] == 1e-5);
    ++norms;
  }
  CHECK(norms > 4);
  CHECK(make_architecture("cartoongan").input_format.bgr);
  CHECK(make_architecture("cyclegan", {{"order", "bgr"}}).output_format.bgr);
  CHECK(make_architecture("patchgan", {{"affine", false}}).cost({1, 3, 64, 64}).params <
        make_architecture("patchgan").cost({1, 3, 64, 64}).params);

  const auto refused = [](const Json& options, const std::string& why) {
    INFO(options.dump());
    CHECK_THROWS_WITH(make_architecture("cartoongan", options), Contains(why));
  };
  refused({{"ordre", "rgb"}}, "has no option 'ordre'; did you mean order?");
  refused({{"zzzzzz", 1}}, "it has width, blocks, order, range");
  refused({{"order", "grb"}}, "order must be rgb or bgr, got grb");
  for (const char* range : {"1", "0..", "..1", "1..0", "0..0", "0..nan", "0..inf", "a..b"})
    refused({{"range", range}}, "must be the values of black and white");
  for (const char* eps : {"0", "-1", "2", "small", "1e-99"}) refused({{"eps", eps}}, "eps must be");
  CHECK_THROWS_WITH(make_architecture("vgg16", {{"eps", 1e-3}}), Contains("has no norm"));
}

TEST_CASE("a network told to be RGB is its BGR twin with swapped channels") {
  const auto c = test::context();
  const TempDir folder;
  const Json small = {{"width", 4}, {"blocks", 1}};
  Graph bgr = make_architecture("cartoongan", small);
  test::randomize(bgr, c, 1);
  // The twin's weights: first and last layer with their channels the other way round.
  Graph rgb = bgr;
  const auto swapped = [&](const std::string& name, bool outputs) {
    Tensor& t = rgb.parameter(name)->value;
    const std::vector<float> from = t.to_vector();
    std::vector<float> to(from.size());
    const int64_t k = t.dim(0), in = outputs ? 1 : t.dim(1);
    const auto each = static_cast<int64_t>(from.size()) / (k * in);
    for (int64_t o = 0; o < k; ++o)
      for (int64_t i = 0; i < in; ++i)
        for (int64_t e = 0; e < each; ++e)
          to[((outputs ? k - 1 - o : o) * in + (outputs ? i : in - 1 - i)) * each + e] =
              from[(o * in + i) * each + e];
    t = Tensor::from(c, to, t.shape(), t.layout());
  };
  swapped("conv01_1.weight", false);
  swapped("deconv03_1.weight", true);
  swapped("deconv03_1.bias", true);
  const auto write = [&](const Graph& graph, const std::string& name) {
    SafetensorsWriter writer;
    for (const Parameter* p : graph.parameters()) {
      std::vector<int64_t> shape(p->shape.begin(), p->shape.end());
      std::vector<float> values = p->value.to_vector();
      if (p->file_transposed) {
        const Tensor t = p->value;
        std::swap(shape[0], shape[1]);
        const int64_t a = t.dim(0), b = t.dim(1), each = t.dim(2) * t.dim(3);
        for (int64_t i = 0; i < a * b * each; ++i)
          values[((i / each % b) * a + i / each / b) * each + i % each] = t.to_vector()[i];
      }
      writer.add(p->name, shape, values);
    }
    writer.write(folder / name);
    return (folder / name).string();
  };
  const std::string options = "cartoongan,width=4,blocks=1";
  const Graph one = open_model(c, options + ":" + write(bgr, "bgr"));
  const Graph two = open_model(c, options + ",order=rgb:" + write(rgb, "rgb"));
  Image image(24, 16);
  Rng rng(5);
  for (uint8_t& v : image.rgb) v = static_cast<uint8_t>(rng.below(256));
  const auto painted = [&](const Graph& graph) {
    const Tensor x = to_tensor(c, image, graph.input_format);
    return to_image(graph.run(x), 0, graph.output_format).rgb;
  };
  const auto a = painted(one), b = painted(two);
  int worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(int{a[i]} - int{b[i]}));
  CHECK(worst <= 1);  // the sums over channels are added in another order
  Graph untold = make_architecture("cartoongan", small);
  load_weights(untold, c, folder / "rgb");
  CHECK(painted(untold) != b);
}

TEST_CASE("what is no model says what it is") {
  const auto c = test::context();
  const TempDir folder;
  const auto refused = [&](const std::string& spec, const std::string& why) {
    INFO(spec);
    CHECK_THROWS_WITH(open_model(c, spec), Contains(why));
  };
  const auto at = [&](const char* name) { return (folder / name).string(); };
  refused("cylegan:" + at("w"), "did you mean cyclegan?");
  refused("cylegan,order=rgb:" + at("w"), "did you mean cyclegan?");
  refused("cyclegan,width=3", "without weights");
  refused(folder.path().string(), "is a folder; give the safetensors file");
  std::filesystem::create_directory(folder / "run");
  write_text(folder / "run" / "teacher.safetensors", "x");
  refused(at("run"), "is a folder; give the safetensors file");
  CHECK_THROWS_WITH(open_model(c, at("run"), false, "teacher.safetensors"),
                    Contains("is a folder; give " + at("run") + "/teacher.safetensors"));
  write_text(folder / "run" / "model.safetensors", "x");
  refused("cyclegan:" + at("run"), "is a folder; give " + at("run") + "/model.safetensors");
  write_text(folder / "image", "\x89PNG\r\n\x1a\n.............");
  refused(at("image"), "is a PNG image");
  refused("cyclegan:" + at("image"), "is a PNG image");

  SafetensorsWriter checkpoint;
  checkpoint.metadata["format"] = "gsx checkpoint 1";
  checkpoint.write(folder / "checkpoint");
  refused(at("checkpoint"), "is a run's checkpoint, not a model");
  refused("vgg16:" + at("checkpoint"), "is a run's checkpoint, not a model");

  Graph graph = make_architecture("fast_style", {{"width", 2}, {"blocks", 1}});
  test::randomize(graph, c, 1);
  save_model(graph, folder / "model");
  refused("vgg16:" + at("model"), "holds its own network, give it without vgg16:");
  SafetensorsWriter bare;
  for (const char* name : {"conv1.weight", "in1.weight", "in1.bias", "res1.conv1.weight"})
    bare.add(name, {1}, std::vector<float>{1});
  bare.write(folder / "bare");
  refused(
      at("bare"),
      "does not fit fast_style, the nearest of the networks that gsx knows: missing conv2.weight");
}
