// Large weights of ONNX files stay in their file until they are asked for: the same numbers, and
// the same refusals.
#include <limits>

#include "engine/error.h"
#include "models/import/import.h"
#include "models/import/onnx_file.h"
#include "models/import/onnx_scan.h"
#include "tests/catch.h"
#include "tests/import/onnx_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace onnx_bytes;
using Catch::Matchers::Contains;

namespace {

constexpr int kSide = 11;
const std::vector<int64_t> kDims = {3, 3, kSide, kSide};

std::vector<float> some_values() {
  std::vector<float> values;
  for (int i = 0; i < 9 * kSide * kSide; ++i) values.push_back(0.01f * static_cast<float>(i % 97));
  return values;
}

std::string ints(const std::string& name, const std::vector<int>& values) {
  std::string bytes = part(1, name);
  for (const int v : values) bytes += number(8, static_cast<uint64_t>(v));
  return bytes + number(20, 7);
}

// y = Conv(x, w), of the tensor w as a message.
std::string file_of(const std::string& weight) {
  return model({node("Conv", {"x", "w"}, "y", {ints("pads", {5, 5, 5, 5})})}, {}, part(5, weight));
}

std::string in_fields(const std::vector<float>& values) {
  std::string bytes;
  for (const int64_t d : kDims) bytes += number(1, static_cast<uint64_t>(d));
  return bytes + number(2, 1) + part(8, "w") +
         part(4, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
}

// In a file of that name, at an offset.
std::string beside(const std::string& location, const std::string& offset) {
  std::string bytes;
  for (const int64_t d : kDims) bytes += number(1, static_cast<uint64_t>(d));
  bytes += number(2, 1) + part(8, "w") + number(14, 1);
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"location", location},
                                   {"offset", offset},
                                   {"length", std::to_string(9 * kSide * kSide * 4)}})
    bytes += part(13, part(1, key) + part(2, value));
  return bytes;
}

struct Files {
  TempDir dir;
  std::filesystem::path write(const std::string& bytes) const {
    write_text(dir / "m.onnx", bytes);
    return dir / "m.onnx";
  }
  void refuses(const std::string& bytes, const std::string& why) const {
    CHECK_THROWS_WITH(import_model(Context::create({.threads = 1}), write(bytes)), Contains(why));
  }
};

}  // namespace

TEST_CASE("onnx weights: what stays in the file is what fields of the message hold") {
  const Files files;
  const std::vector<float> values = some_values();
  const auto context = Context::create({.threads = 1});
  const auto result = [&](const std::string& bytes) {
    const Graph graph = import_model(context, files.write(bytes)).graph;
    std::vector<float> x;
    for (int i = 0; i < 3 * 64; ++i) x.push_back(0.1f * static_cast<float>(i % 13));
    return graph.evaluate(Tensor::from(context, x, {1, 3, 8, 8})).to_vector();
  };
  const std::string raw = file_of(tensor("w", kDims, values));
  CHECK(result(raw) == result(file_of(in_fields(values))));

  const auto path = files.write(raw);
  const std::string rest = onnx_import::without_weights(InputFile(path));
  CHECK(!rest.empty());
  CHECK(rest.size() < raw.size() / 4);
  const auto read = onnx_import::read_onnx_file(path);
  const onnx_import::Array& w = *read.constants.at("w");
  CHECK(w.reals.size() == values.size());
  const onnx_import::Array copy = w;
  CHECK(w.reals.values() == values);
  CHECK(copy.reals.values() == values);
  // Of small weights, or such as lie in fields, nothing is gained.
  CHECK(onnx_import::without_weights(InputFile(files.write(file_of(in_fields(values))))).empty());
}

TEST_CASE("onnx weights: what does not fit is refused whether or not it stays in the file") {
  const Files files;
  std::vector<float> values = some_values();
  const std::string whole = tensor("w", kDims, values);
  files.refuses(file_of(tensor("w", {3, 3, kSide, kSide + 1}, values)),
                "weight w of shape [3, 3, 11, 12] needs 4752 bytes and has 4356");
  files.refuses(file_of(whole + part(9, "abcd")), "the file is damaged");
  const std::string segment = part(3, number(1, 0) + number(2, 4356));
  files.refuses(file_of(whole + segment), "a weight in segments, which gsx does not read");
  files.refuses(file_of(in_fields(values) + segment), "lies in segments, which gsx does not read");
  values[7] = std::numeric_limits<float>::quiet_NaN();
  files.refuses(file_of(tensor("w", kDims, values)), "y.weight must hold finite numbers");
  const std::string bytes = file_of(whole);
  for (const size_t cut : {bytes.size() - 1, bytes.size() / 2, size_t{200}})
    CHECK_THROWS_AS(import_model(Context::create(), files.write(bytes.substr(0, cut))), Error);
}

TEST_CASE("onnx weights: what lies beside the model is read when it is asked for") {
  const Files files;
  std::vector<float> values = some_values();
  const std::string raw(reinterpret_cast<const char*>(values.data()), values.size() * 4);
  write_text(files.dir / "w.bin", std::string(8, 'x') + raw);
  const auto path = files.write(file_of(beside("w.bin", "8")));
  CHECK(files_beside(path) == std::vector<std::filesystem::path>{files.dir / "w.bin"});
  const auto read = onnx_import::read_onnx_file(path);
  CHECK(read.constants.at("w")->reals.values() == values);

  // Only now is there nothing left to read.
  const auto unread = onnx_import::read_onnx_file(path);
  std::filesystem::resize_file(files.dir / "w.bin", 100);
  CHECK_THROWS_WITH(unread.constants.at("w")->reals.values(), Contains("w.bin"));
  files.refuses(file_of(beside("w.bin", "8")), "at 8 with 4356 bytes, and that file has 100");
  for (const char* none : {"", "-8", "+8", "8.5", "0x8", "18446744073709551616"})
    files.refuses(file_of(beside("w.bin", none)), "', which is no position");
  files.refuses(file_of(beside("gone.bin", "8")), "must be beside the model");
  files.refuses(file_of(beside("../w.bin", "8")), "outside the model's folder");
  CHECK(files_beside(files.write(file_of(tensor("w", kDims, values)))).empty());
  CHECK(files_beside(files.dir / "none.onnx").empty());
  CHECK(files_beside(files.write("no model")).empty());
}
