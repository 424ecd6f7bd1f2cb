// Files of other kinds where a safetensors file was expected: each is called by its name.
#include "engine/io/file_kind.h"

#include "engine/error.h"
#include "engine/io/safetensors.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace std::literals;
using Catch::Matchers::Contains;

TEST_CASE("safetensors: files of other kinds are named, with what to do") {
  const TempDir dir;
  const auto path = dir / "given";
  const auto named = [&](const std::string& content, const std::string& kind,
                         const std::string& remedy) {
    INFO(kind);
    write_text(path, content);
    CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains(path.string() + ": this is " + kind) &&
                                                       Contains(", not a safetensors file; ") &&
                                                       Contains(remedy));
  };
  const std::string body(600, 'x'), zip = "PK\x03\x04\x00\x00\x08\x08"s + std::string(18, '\0');
  named("", "an empty file", "get it anew");
  named(std::string(4096, '\0'), "a file that starts with zeros", "get it anew");
  named(zip + "\x10\0\0\0archive/data.pkl"s + body, "a PyTorch file",
        "safetensors.torch.save_file");
  named(zip + "\x10\0\0\0archive/data.pkl"s + body + "archive/constants.pkl", "a TorchScript model",
        "torch.jit.load");
  named(zip + "\x09\0\0\0arr_0.npy"s + body, "an archive of NumPy arrays", "gsx inspect ARCH");
  named(zip + "\x0d\0\0\0metadata.json"s + body + "model.weights.h5", "a Keras model", "ARCH:FILE");
  named(zip + "\x05\0\0\0a.txt"s + body, "a zip archive", "unpack it");
  named("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s + body,
        "a PyTorch file of the old kind", "safetensors.torch.save_file");
  named("\x80\x04\x95\x10\0\0\0\0\0\0\0}"s + body, "a Python pickle",
        "safetensors.torch.save_file");
  named("\x08\x07\x12\x07pytorch\x1a\x05"s + "1.9.0" + body, "an ONNX model", "ARCH:FILE");
  named("\x1c\0\0\0TFL3"s + body, "a TensorFlow Lite model", "ARCH:FILE");
  named("\x08\x01\x12\xff\x10"s + body, "a TensorFlow saved model", "ARCH:FILE");
  named("\x89HDF\r\n\x1a\n"s + body, "an HDF5 file", "ARCH:FILE");
  named("GGUF\x03\0\0\0"s + body, "a GGUF model", "ARCH:FILE");
  named("\x93NUMPY\x01\0"s + body, "a NumPy array", "ARCH:FILE");
  named("\x89PNG\r\n\x1a\n"s + body, "a PNG image", "give the model here");
  named("\xff\xd8\xff\xe0"s + body, "a JPEG image", "give the model here");
  named("GIF89a" + body, "a GIF image", "give the model here");
  named("RIFF\x10\0\0\0WEBPVP8 "s + body, "a WebP image", "give the model here");
  named("\x1f\x8b\x08\0"s + body, "a gzip archive", "unpack it");
  named(std::string(257, 'a') + "ustar\0"s + body, "a tar archive", "unpack it");
  named("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a pointer of Git LFS", "git lfs pull");
  named("\n  <!DOCTYPE html>\n<html>", "an HTML page", "download the file itself");
  named("<html><body>404", "an HTML page", "download the file itself");
  named("<?xml version=\"1.0\"?><Error/>", "an XML text",
        "gsx reads its own models, PyTorch and ONNX files");
  named("{\"a\": [1, 2]}\n", "a JSON text", "gsx reads its own models, PyTorch and ONNX files");
  named("{}", "a JSON text", "gsx reads its own models, PyTorch and ONNX files");
  named("width: 64\nblocks: 9\n", "a text file",
        "gsx reads its own models, PyTorch and ONNX files");

  write_text(path, "\x01\x02\x03\x04\x05\x06\x07\x08\x09"s);
  CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("not a safetensors file, nor"));
}

TEST_CASE("safetensors: a download that was cut says how much is missing") {
  const TempDir dir;
  SafetensorsWriter writer;
  writer.add("a", {100}, std::vector<float>(100, 1));
  writer.write(dir / "whole");
  const std::string whole = read_text(dir / "whole");
  for (const size_t missing : {size_t{1}, size_t{399}, whole.size() - 20}) {
    INFO(missing);
    write_text(dir / "cut", whole.substr(0, whole.size() - missing));
    const size_t told = missing <= 400 ? missing : missing - 400;  // a part of the header
    CHECK_THROWS_WITH(SafetensorsFile::open(dir / "cut"),
                      Contains("cut short: its last " +
                               (told == 1 ? "byte is" : std::to_string(told) + " bytes are")));
  }
}

TEST_CASE("files that other programs wrote are called by their names", "[data]") {
  const auto data = require_data();
  int named = 0;
  for (const char* folder : {"onnx", "checkpoints", "photos"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data / folder)) {
      const std::string suffix = entry.path().extension().string();
      std::string want;
      if (suffix == ".onnx") want = "ONNX";
      if (suffix == ".pth" || suffix == ".ckpt") want = "PyTorch";
      if (suffix == ".pt") want = "TorchScript";
      if (suffix == ".npz") want = "NumPy arrays";
      if (suffix == ".jpg") want = "JPEG";
      if (want.empty()) continue;
      INFO(entry.path());
      const auto kind = foreign_kind(InputFile(entry.path()));
      REQUIRE(kind);
      CHECK_THAT(std::string(kind->what), Contains(want));
      ++named;
    }
  }
  CHECK(named > 50);
}
