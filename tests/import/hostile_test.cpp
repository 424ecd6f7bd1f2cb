// Damaged and hostile files of tensors: each is read or refused in one sentence.
#include <chrono>
#include <random>

#include "engine/error.h"
#include "engine/io/npz.h"
#include "models/import/tensor_file.h"
#include "tests/catch.h"
#include "tests/import/torch_writer.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace torch_writer;
using Catch::Matchers::Contains;

namespace {

// What reading everything says; nothing where all could be read. Anything but an Error fails.
std::string read_all(const std::filesystem::path& path, const std::string& bytes) {
  write_text(path, bytes);
  try {
    const auto file = open_tensors(path);
    for (const TensorEntry& e : file->entries()) file->bytes(e);
  } catch (const Error& e) {
    const std::string text = e.what();
    REQUIRE(text.size() > 10);
    REQUIRE(text.find('\n') == std::string::npos);
    return text;
  }
  return "";
}

const std::vector<float> kSix = {1, 2, 3, 4, 5, 6};

std::string data_of(const Codes& c) {
  const std::string t = c.tensor(c.storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1});
  return c.pickle(c.dict(
      {{"state_dict", c.ordered({{"a.weight", t}, {"b.weight", t}})}, {"epoch", c.integer(300)}}));
}

std::vector<std::string> small_files(const TempDir& dir) {
  std::vector<std::string> files;
  for (const int protocol : {2, 4}) {
    const Codes c(protocol);
    files.push_back(
        zip_file(data_of(c), {{"0", numbers(kSix)}}, {{"archive/byteorder", "little"}}));
    files.push_back(stream_file(c, data_of(c), {{{"0", numbers(kSix)}, 6}}));
  }
  const std::vector<std::pair<std::string, TypedArray>> arrays = {
      {"a.weight", {FileDType::u8, {2, 3}, {1, 2, 3, 4, 5, 6}}}};
  write_npz(dir / "x.npz", arrays);
  files.push_back(read_text(dir / "x.npz"));
  return files;
}

std::string refusal_of(const TempDir& dir, const std::string& codes) {
  const Codes c;
  return read_all(dir / "f.pth", zip_file(c.pickle(codes), {{"0", numbers(kSix)}}));
}

}  // namespace

TEST_CASE("hostile: files that are cut anywhere are refused") {
  const TempDir dir;
  for (const std::string& file : small_files(dir)) {
    REQUIRE(read_all(dir / "whole", file).empty());
    for (size_t n = 0; n < file.size(); ++n) {
      INFO(n << " of " << file.size());
      CHECK(!read_all(dir / "cut", file.substr(0, n)).empty());
    }
  }
}

TEST_CASE("hostile: files with changed bytes are read or refused") {
  const TempDir dir;
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (const std::string& file : small_files(dir)) {
    for (int round = 0; round < 1500; ++round) {
      std::string bytes = file;
      for (size_t changes = 1 + below(4); changes > 0; --changes) {
        const size_t at = below(bytes.size());
        switch (below(4)) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
          case 2: bytes[at] = below(2) ? '\xff' : '\0'; break;
          default: bytes.insert(at, bytes.substr(below(bytes.size()), below(9))); break;
        }
      }
      read_all(dir / "changed", bytes);
    }
  }
}

TEST_CASE("hostile: pickles that no parser should believe") {
  const TempDir dir;
  const Codes c;
  const auto started = std::chrono::steady_clock::now();
  const std::string s = c.storage("FloatStorage", "0", 6);
  const auto tensor = [&](int64_t offset, const std::vector<int64_t>& size,
                          const std::vector<int64_t>& stride) {
    return refusal_of(dir, c.dict({{"w", c.tensor(s, offset, size, stride)}}));
  };
  const char* const beyond = "'w' that reaches beyond its storage of 6 elements";
  CHECK_THAT(tensor(0, {2, 4}, {4, 1}), Contains(beyond));
  CHECK_THAT(tensor(6, {1}, {1}), Contains(beyond));
  CHECK_THAT(tensor(0, {2}, {int64_t{1} << 45}), Contains(beyond));
  CHECK_THAT(tensor(int64_t{1} << 45, {1}, {1}), Contains(beyond));
  CHECK_THAT(tensor(0, {2, 3}, {3}), Contains("2 sizes and 1 strides"));
  CHECK_THAT(tensor(-1, {1}, {1}), Contains("offset is no whole number in bounds"));
  CHECK_THAT(tensor(0, {2}, {-1}), Contains("stride is no whole number in bounds"));
  CHECK_THAT(tensor(0, {-2}, {1}), Contains("size is no whole number in bounds"));
  // Four bytes that claim to be a gigabyte, by a stride of zero.
  CHECK_THAT(tensor(0, {1 << 14, 1 << 14}, {0, 0}), Contains("more than the whole file"));
  CHECK_THAT(tensor(0, {1 << 30, 1 << 30, 1 << 30}, {0, 0, 0}), Contains("absurd shape"));
  const auto stored = [&](const std::string& type, const std::string& key, int64_t n) {
    return refusal_of(dir, c.dict({{"w", c.tensor(c.storage(type, key, n), 0, {1}, {1})}}));
  };
  CHECK_THAT(stored("FloatStorage", "0", 7), Contains("instead of 28"));
  CHECK_THAT(stored("FloatStorage", "9", 6),
             Contains("lacks archive/data/9, the numbers of a tensor"));
  CHECK_THAT(stored("FloatStorage", "../0", 6), Contains("the numbers of a tensor"));
  CHECK_THAT(stored("QInt8Storage", "0", 6),
             Contains("torch.QInt8Storage, which gsx does not read"));
  // A dictionary within itself, and one that doubles at each of sixty levels.
  const std::string nul(1, '\0');
  CHECK_THAT(refusal_of(dir, "}q" + nul + "(" + c.text("a") + "h" + nul + "u"),
             Contains("more than 200 deep"));
  std::string doubling = "]q" + nul;
  for (char i = 1; i < 60; ++i)
    doubling += "(h" + std::string(1, static_cast<char>(i - 1)) + "h" +
                std::string(1, static_cast<char>(i - 1)) + "lq" + std::string(1, i);
  CHECK_THAT(refusal_of(dir, doubling), Contains("again and again"));
  CHECK_THAT(refusal_of(dir, std::string(100000, '(') + std::string(100000, 't')),
             Contains("tensors") || Contains("deep"));
  // Lengths and numbers that nothing is behind.
  CHECK_THAT(refusal_of(dir, "X\xff\xff\xff\xff"), Contains("ends in the middle"));
  CHECK_THAT(refusal_of(dir, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"),
             Contains("ends in the middle"));
  CHECK_THAT(refusal_of(dir, "Nr\xff\xff\xff\x7f"), Contains("numbers its values with gaps"));
  CHECK_THAT(refusal_of(dir, "h\x05"), Contains("has not made"));
  CHECK_THAT(refusal_of(dir, "0"), Contains("takes values that it did not give"));
  CHECK_THAT(refusal_of(dir, "u"), Contains("did not begin"));
  CHECK_THAT(refusal_of(dir, "i"), Contains("holds the code 105"));
  const auto passed = std::chrono::steady_clock::now() - started;
  CHECK(passed < std::chrono::seconds(10));
}

TEST_CASE("hostile: many empty containers take no more memory than they are worth") {
  const TempDir dir;
  CHECK_THAT(refusal_of(dir, std::string(4'000'000, '}')),
             Contains("asks for more memory") || Contains("too many values"));
  std::string popped;
  for (int i = 0; i < 2'000'000; ++i) popped += "}0";
  CHECK_THAT(refusal_of(dir, popped + "N"), Contains("asks for more memory"));
}

TEST_CASE("hostile: other pickles and archives are told from PyTorch's") {
  const TempDir dir;
  const Codes c;
  CHECK_THAT(read_all(dir / "p.pkl", c.pickle(c.dict({{"a", c.integer(1)}}))),
             Contains("is a Python pickle, but not of PyTorch's kind"));
  CHECK_THAT(read_all(dir / "z.zip", zip({{"a.txt", "hello"}})),
             Contains("without the data.pkl of a PyTorch file"));
  CHECK_THAT(read_all(dir / "old.pt", zip({{"x/model.json", "{}"}, {"model.json", "{}"}})),
             Contains("save it again with PyTorch 1.4 or later"));
  CHECK_THAT(read_all(dir / "e.pt2", zip({{"e/data/weights/model_weights_config.json", "{}"}})),
             Contains("an exported program (.pt2); save its state_dict with torch.save"));
}

TEST_CASE("hostile: names that are said once and joined at every level are bounded") {
  const TempDir dir;
  const Codes c;
  const std::string memo(1, '\x01'), nul(1, '\0');
  const std::string t = c.tensor(c.storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1});
  // A key of 4000 letters, said once, and two dictionaries in one another under it.
  const std::string key = c.text(std::string(4000, 'k')) + "q" + memo, again = "h" + memo;
  const std::string nested = "}(" + key + "}(" + again + "}(" + c.text("weight") + t + "uuu";
  const std::string layer = "}(" + c.text("weight") + t + "u";
  CHECK_THAT(refusal_of(dir, "}(" + c.text("a") + nested + c.text("b") + layer + "u"),
             Contains("nests its names to more than 4096 letters"));
  // The same in modules.
  const auto module = [&](const std::string& parameters, const std::string& modules) {
    return c.call(c.global("own", "Net"), ")") +
           c.dict({{"_parameters", parameters}, {"_modules", modules}}) + "b";
  };
  const std::string inner = module("}(" + again + t + "u", "}");
  CHECK_THAT(refusal_of(dir, module("}", "}(" + key + inner + "u")),
             Contains("nests its names to more than 4096 letters"));
  // Each name is in bounds, but there are 5000.
  std::string many = "}(";
  for (int i = 0; i < 5000; ++i)
    many += c.text(std::to_string(i)) + "}(" + (i == 0 ? key : again) + t + "u";
  CHECK_THAT(refusal_of(dir, many + "u"), Contains("more than 16 MB of letters"));
  std::string modules = "}(";
  for (int i = 0; i < 5000; ++i)
    modules += c.text(std::to_string(i)) + module("}(" + (i == 0 ? key : again) + t + "u", "}");
  CHECK_THAT(refusal_of(dir, module("}", modules + "u")), Contains("more than 16 MB of letters"));
}
