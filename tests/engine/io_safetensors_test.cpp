// safetensors: agreement with files of the reference implementation, round trips, hostile headers.
#include "engine/io/safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/sealed_file.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

// Written by the Python package safetensors 0.8.0: w F32 [2,3], b U8 [3], s I64 [], h F16 [3], t
// BOOL [2].
constexpr const char* kReferenceFile =
    "48010000000000007b225f5f6d657461646174615f5f223a7b226e6f7465223a2261205c22625c22c3a9222c22666f"
    "726d6174223a22"
    "7074227d2c2273223a7b226474797065223a22493634222c227368617065223a5b5d2c22646174615f6f6666736574"
    "73223a5b302c38"
    "5d7d2c2277223a7b226474797065223a22463332222c227368617065223a5b322c335d2c22646174615f6f66667365"
    "7473223a5b382c"
    "33325d7d2c2268223a7b226474797065223a22463136222c227368617065223a5b335d2c22646174615f6f66667365"
    "7473223a5b3332"
    "2c33385d7d2c2262223a7b226474797065223a225538222c227368617065223a5b335d2c22646174615f6f66667365"
    "7473223a5b3338"
    "2c34315d7d2c2274223a7b226474797065223a22424f4f4c222c227368617065223a5b325d2c22646174615f6f6666"
    "73657473223a5b"
    "34312c34335d7d7d20202020fdffffffffffffff0000803f000020c000004040000080400000a0400000c0400038ff"
    "7b010007080901"
    "00";

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string with_header(const std::string& header, const std::string& data) {
  const uint64_t n = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &n, 8);
  return file + header + data;
}

std::string open_error(const std::filesystem::path& path) {
  try {
    SafetensorsFile::open(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// Opens and reads everything; true unless it was refused with an Error. Anything else escapes.
bool readable(const std::filesystem::path& path) {
  try {
    const auto file = SafetensorsFile::open(path);
    for (const auto& name : file.names()) file.floats(name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("safetensors: reads a file of the reference implementation") {
  TempDir dir;
  write_text(dir / "r.safetensors", from_hex(kReferenceFile));
  const auto file = SafetensorsFile::open(dir / "r.safetensors");
  CHECK(file.names() == std::vector<std::string>{"s", "w", "h", "b", "t"});
  CHECK(file.metadata() ==
        std::map<std::string, std::string>{{"format", "pt"}, {"note", "a \"b\"\u00e9"}});
  CHECK(file.entry("w").dtype == FileDType::f32);
  CHECK(file.entry("w").shape == std::vector<int64_t>{2, 3});
  CHECK(file.floats("w") == std::vector<float>{1, -2.5f, 3, 4, 5, 6});
  CHECK(file.entry("s").shape.empty());
  CHECK(file.floats("s") == std::vector<float>{-3});
  CHECK(file.floats("h") == std::vector<float>{0.5f, 65504, 0x1p-24f});
  CHECK(file.bytes("b") == std::vector<uint8_t>{7, 8, 9});
  CHECK(file.floats("t") == std::vector<float>{1, 0});
  CHECK(file.contains("w"));
  CHECK_FALSE(file.contains("x"));
  CHECK_THROWS_WITH(file.floats("x"), Contains("r.safetensors") && Contains("no tensor 'x'"));
}

TEST_CASE("safetensors: writes what the reference implementation writes, and a checksum") {
  TempDir dir;
  SafetensorsWriter writer;
  writer.metadata = {{"format", "pt"}, {"note", "a \"b\"\u00e9"}};
  writer.add("b", FileDType::u8, {3},
             {7, 8, 9});  // narrow first, to see it moved behind the wide ones
  writer.add("t", FileDType::boolean, {2}, {1, 0});
  writer.add("h", FileDType::f16, {3}, {0x00, 0x38, 0xff, 0x7b, 0x01, 0x00});
  writer.add("w", {2, 3}, std::vector<float>{1, -2.5f, 3, 4, 5, 6});
  writer.add("s", FileDType::i64, {}, {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  writer.write(dir / "w.safetensors");
  std::string expected = from_hex(kReferenceFile);
  // The reference keeps metadata in no particular order; ours is sorted.
  const std::string theirs = R"({"note":"a \"b\"é","format":"pt"})",
                    ours = R"({"format":"pt","note":"a \"b\"é"})";
  expected.replace(expected.find(theirs), theirs.size(), ours);
  CHECK(unsealed(read_text(dir / "w.safetensors")) == expected);
  CHECK(writer.file_bytes() == std::filesystem::file_size(dir / "w.safetensors"));
}

TEST_CASE("safetensors: round trip of shapes, empty arrays and tensors") {
  TempDir dir;
  const auto context = Context::create();
  std::vector<float> values(2 * 7 * 3 * 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.37f * static_cast<float>(i) - 11;
  SafetensorsWriter writer;
  writer.add("image", Tensor::from(context, values, {2, 7, 3, 5}));
  writer.add("filter", Tensor::from(context, values, {7, 2, 5, 3}, Layout::filter));
  writer.add("empty", {0, 4}, {});
  writer.add("five", {1, 2, 1, 3, 1}, std::vector<float>(6, 0.25f));
  writer.write(dir / "a");
  writer.write(dir / "b");
  CHECK(read_text(dir / "a") == read_text(dir / "b"));
  const auto file = SafetensorsFile::open(dir / "a");
  CHECK(file.floats("image") == values);
  CHECK(file.floats("filter") == values);
  CHECK(file.entry("five").shape == std::vector<int64_t>{1, 2, 1, 3, 1});
  CHECK(file.floats("empty").empty());
  CHECK(file.metadata().empty());
  CHECK(file.file_bytes() == writer.file_bytes());

  SafetensorsWriter nothing;
  nothing.write(dir / "c");
  CHECK(SafetensorsFile::open(dir / "c").names().empty());
}

TEST_CASE("safetensors: the writer refuses what could not be read back") {
  SafetensorsWriter writer;
  writer.add("a", {1}, std::vector<float>{1});
  CHECK_THROWS_WITH(writer.add("a", {1}, std::vector<float>{1}), Contains("'a' was added twice"));
  CHECK_THROWS_WITH(writer.add("b", {3}, std::vector<float>{1}), Contains("does not match"));
  CHECK_THROWS_WITH(writer.add("c", {-1}, std::vector<float>{}), Contains("no bytes can match"));
  CHECK_THROWS_AS(writer.add("__metadata__", {1}, std::vector<float>{1}), Error);
  TempDir dir;
  writer.metadata["k"] = "\xff";
  CHECK_THROWS_WITH(writer.write(dir / "x"), Contains("UTF-8"));
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("safetensors: malformed files are refused with the file's name") {
  TempDir dir;
  const auto path = dir / "bad.safetensors";
  const auto refused = [&](const std::string& content, const std::string& part) {
    write_text(path, content);
    CHECK_THAT(open_error(path), Contains("bad.safetensors") && Contains(part));
  };
  const auto one = [](const std::string& entry) { return R"({"a":)" + entry + "}"; };
  refused("1234567", "a text file");
  refused(std::string(8, '\xff') + "{}", "not a safetensors file");
  refused(std::string("\x05\0\0\0\0\0\0\0{}", 10), "its last 3 bytes are missing");
  refused(with_header("", ""), "zeros only");
  refused(with_header("[]", ""), "not a safetensors file");
  refused(with_header("{\"a\":", ""), "not valid JSON");
  refused(with_header("{\"\xff\":1}", ""), "not valid JSON");
  refused(with_header(R"({"a":)" + std::string(50000, '[') + std::string(50000, ']') + "}", ""),
          "nests too deeply");
  refused(with_header("{}", "x"), "end at byte 0");
  refused(with_header(R"({"__metadata__":{"a":1}})", ""), "'a' must be a string");
  refused(with_header(R"({"__metadata__":[]})", ""), "object of strings");
  refused(with_header(one("3"), ""), "must have dtype");
  refused(with_header(one(R"({"dtype":"F32","shape":[1]})"), ""), "must have dtype");
  refused(with_header(one(R"({"dtype":"F31","shape":[1],"data_offsets":[0,4]})"), "abcd"),
          "unknown type 'F31'");
  refused(with_header(one(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})"), "abcd"),
          "must be a string");
  refused(with_header(one(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})"), "abcd"),
          "must be a list");
  refused(with_header(one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "abcd"),
          "whole numbers");
  refused(with_header(one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), "abcd"),
          "whole numbers");
  refused(with_header(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), "abcd"),
          "does not match");
  refused(with_header(one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]})"),
                      "abcd"),
          "absurd");
  // 2^32 * 2^32 elements: a product that wraps to 0.
  refused(with_header(one(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})"),
                      ""),
          "does not match");
  refused(with_header(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})"), "abcd"),
          "does not match");
  refused(with_header(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "abcd"),
          "its last 4 bytes are missing");
  refused(with_header(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"), "abcd"),
          "bytes 4 to 0");
  refused(with_header(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})"), "abcd"),
          "two numbers");
  refused(with_header(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "abcdefgh"),
          "leaves a gap");
  refused(with_header(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "abcdefgh"),
          "end at byte 4");
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  refused(with_header("{" + a + "," + a + "}", "abcd"), "'a' appears twice");
  refused(
      with_header("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", "abcdef"),
      "overlaps");
  CHECK_THAT(open_error(dir / "none"), Contains("none"));
  CHECK_THAT(open_error(dir.path()), Contains("found a folder"));
}

TEST_CASE("safetensors: truncated and randomly damaged files never crash") {
  TempDir dir;
  const auto path = dir / "f.safetensors";
  const std::string good = from_hex(kReferenceFile);
  for (size_t n = 0; n < good.size(); n += 3) {
    write_text(path, good.substr(0, n));
    CHECK_FALSE(readable(path));
  }
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bad = good;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < flips; ++i) bad[random() % 336] = static_cast<char>(random());
    write_text(path, bad);
    if (!readable(path)) ++refused;
  }
  CHECK(refused > 1000);  // most flips break something; a few only change a name
}

TEST_CASE("element types convert to float") {
  const auto f16 = [](uint16_t h) {
    return to_floats(FileDType::f16, std::vector<uint8_t>{static_cast<uint8_t>(h),
                                                          static_cast<uint8_t>(h >> 8)})[0];
  };
  CHECK(f16(0x3c00) == 1.0f);
  CHECK(f16(0xc500) == -5.0f);
  CHECK(f16(0x0001) == 0x1p-24f);
  CHECK(f16(0x83ff) == -0x1.ff8p-15f);
  CHECK(f16(0x0400) == 0x1p-14f);
  CHECK(f16(0x7bff) == 65504.0f);
  CHECK(std::signbit(f16(0x8000)));
  CHECK(f16(0x7c00) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(f16(0x7e01)));
  CHECK(to_floats(FileDType::bf16, std::vector<uint8_t>{0x20, 0xc0}) == std::vector<float>{-2.5f});
  CHECK(to_floats(FileDType::i8, std::vector<uint8_t>{0x80, 0x7f}) ==
        std::vector<float>{-128, 127});
  CHECK(to_floats(FileDType::u16, std::vector<uint8_t>{0xff, 0xff}) == std::vector<float>{65535});
  CHECK(to_floats(FileDType::boolean, std::vector<uint8_t>{0, 1, 7}) ==
        std::vector<float>{0, 1, 1});
  const double d = -1.25e10;
  std::vector<uint8_t> bytes(8);
  std::memcpy(bytes.data(), &d, 8);
  CHECK(to_floats(FileDType::f64, bytes) == std::vector<float>{-1.25e10f});
  CHECK_THROWS_AS(to_floats(FileDType::f64, std::vector<uint8_t>(7)), Error);
}

TEST_CASE("safetensors: expected values of a trained file", "[data]") {
  const auto formats = require_data() / "formats";
  const auto expected = nlohmann::json::parse(read_text(formats / "weights_expected.json"));
  const auto& tensors = expected["weights/multi_layer.safetensors"]["tensors"];
  const auto file = SafetensorsFile::open(formats / "weights/multi_layer.safetensors");
  REQUIRE(file.names().size() == tensors.size());
  for (const auto& [name, want] : tensors.items()) {
    INFO(name);
    CHECK(file.entry(name).shape == want["shape"].get<std::vector<int64_t>>());
    const auto values = file.floats(name);
    double sum = 0;
    for (const float v : values) sum += v;
    CHECK(sum == Approx(want["sum"].get<double>()).margin(1e-9));
    const auto first = want["first"].get<std::vector<double>>();
    for (size_t i = 0; i < first.size(); ++i) CHECK(values[i] == Approx(first[i]));
  }
}
