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
