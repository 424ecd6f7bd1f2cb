// Files that are no models, and models where only gsx's own can be.
#include "engine/error.h"
#include "engine/io/safetensors.h"
#include "models/graph.h"
#include "models/import/import.h"
#include "models/import/tensor_file.h"
#include "tests/catch.h"
#include "tests/import/onnx_bytes.h"
#include "tests/import/torch_writer.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

TEST_CASE("import: what is no model is said without asking for safetensors") {
  const TempDir dir;
  const auto context = Context::create();
  const auto said = [&](const std::string& name, const std::string& content) {
    write_text(dir / name, content);
    try {
      import_model(context, dir / name);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  for (const char* name : {"e.onnx", "e.pth", "e.npz"})
    CHECK(said(name, "") == "load: " + (dir / name).string() + " is an empty file; get it anew");
  const std::string reads =
      "gsx reads its own models, PyTorch and ONNX files, .npz and .safetensors";
  CHECK(said("a.txt", "width: 64\n") ==
        "load: " + (dir / "a.txt").string() + " is a text file; " + reads);
  CHECK_THAT(said("a.bin", "\x01\x02\x03\x04\x05\x06\x07\x08\x09"),
             Contains("is of no kind that gsx knows; it reads its own models, PyTorch and ONNX"));
  CHECK_THAT(said("a.pth", "\x89PNG\r\n\x1a\n" + std::string(100, 'x')),
             Contains("is a PNG image; give the model here"));
  CHECK_THAT(said("a.h5", "\x89HDF\r\n\x1a\n" + std::string(100, 'x')),
             Contains("is an HDF5 file, as Keras writes; save its weights"));
}

TEST_CASE("import: from memory only gsx's own models open") {
  const TempDir dir;
  const auto context = Context::create();
  const auto said = [&](const std::string& bytes) {
    const std::span content(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    try {
      load_model(context, content, "bytes");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string by_name =
      "; from memory only gsx's own models open, other files open by their names";
  const torch_writer::Codes c;
  CHECK(said(torch_writer::zip_file(c.pickle(c.dict({})), {})) ==
        "load_model: bytes is a PyTorch file (.pth, .pt)" + by_name);
  CHECK(said(onnx_bytes::model({onnx_bytes::node("Relu", {"x"}, "y")})) ==
        "load_model: bytes is an ONNX model" + by_name);
  CHECK(said("") == "load_model: bytes is an empty file" + by_name);
  SafetensorsWriter writer;
  writer.add("a.weight", {1}, std::vector<float>(1));
  writer.write(dir / "w");
  CHECK(said(read_text(dir / "w")) ==
        "load_model: bytes holds weights without a network" + by_name);
  CHECK_THAT(said("\x01\x02\x03\x04\x05\x06\x07\x08\x09"), Contains("not a safetensors file, nor"));
  CHECK(said(read_text(GSX_SOURCE_DIR "/tests/models/model_0_1_0.safetensors")).empty());
}

TEST_CASE("import: a part that nested dictionaries lack is answered with those there are") {
  const TempDir dir;
  const torch_writer::Codes c;
  const std::string t = c.tensor(c.storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1});
  const std::string network = c.dict({{"model.1.weight", t}});
  write_text(dir / "two.pth",
             torch_writer::zip_file(c.pickle(c.dict({{"netG_A", network}, {"netG_B", network}})),
                                    {{"0", std::string(24, 'x')}}));
  CHECK_THROWS_WITH(
      open_tensors(dir / "two.pth", "netG_C"),
      Contains("has no part 'netG_C'; it holds several networks, 'netG_A', 'netG_B'"));
  CHECK(open_tensors(dir / "two.pth", "netG_B")->entries().size() == 1);
}
