// Files of PyTorch's kinds, written here byte by byte and as PyTorch itself wrote them.
#include <algorithm>
#include <cstring>
#include <set>

#include "engine/error.h"
#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "models/import/tensor_file.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/import/torch_writer.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace torch_writer;
using Catch::Matchers::Contains;

namespace {

std::unique_ptr<TensorFile> opened(const TempDir& dir, const std::string& bytes,
                                   const std::string& part = "") {
  write_text(dir / "file.pth", bytes);
  return open_tensors(dir / "file.pth", part);
}

std::string names_of(const TensorFile& file) {
  std::string all;
  for (const TensorEntry& e : file.entries()) all += (all.empty() ? "" : " ") + e.name;
  return all;
}

std::vector<float> values(const TensorFile& file, const std::string& name) {
  const TensorEntry* entry = file.find(name);
  REQUIRE(entry);
  return file.floats(*entry);
}

const std::vector<float> kSix = {1, 2, 3, 4, 5, 6};

// One tensor [2,3] under `name`.
std::string one(const Codes& c, const std::string& key = "0") {
  return c.tensor(c.storage("FloatStorage", key, 6), 0, {2, 3}, {3, 1});
}

std::string in_zip(const Codes& c, const std::string& codes) {
  return zip_file(c.pickle(codes), {{"0", numbers(kSix)}});
}

}  // namespace

TEST_CASE("torch: protocols 2 to 5 in archives and in streams") {
  const TempDir dir;
  for (int protocol = 2; protocol <= 5; ++protocol) {
    const Codes c(protocol);
    const std::string data = c.pickle(c.ordered({{"a.weight", one(c)}}));
    for (const std::string& bytes : {zip_file(data, {{"0", numbers(kSix)}}),
                                     stream_file(c, data, {{{"0", numbers(kSix)}, 6}})}) {
      const auto file = opened(dir, bytes);
      CHECK(names_of(*file) == "a.weight");
      CHECK(file->entries()[0].shape == std::vector<int64_t>{2, 3});
      CHECK(values(*file, "a.weight") == kSix);
    }
  }
}

TEST_CASE("torch: sizes, strides and offsets are read as they are") {
  const TempDir dir;
  const Codes c;
  const std::string s = c.storage("FloatStorage", "0", 6);
  const auto file = opened(dir, in_zip(c, c.dict({{"transposed", c.tensor(s, 0, {3, 2}, {1, 3})},
                                                  {"second", c.tensor(s, 3, {3}, {1})},
                                                  {"repeated", c.tensor(s, 5, {2, 2}, {0, 0})},
                                                  {"every_other", c.tensor(s, 0, {1, 3}, {77, 2})},
                                                  {"scalar", c.tensor(s, 1, {}, {})},
                                                  {"empty", c.tensor(s, 0, {0, 3}, {3, 1})}})));
  CHECK(values(*file, "transposed") == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(values(*file, "second") == std::vector<float>{4, 5, 6});
  CHECK(values(*file, "repeated") == std::vector<float>{6, 6, 6, 6});
  CHECK(values(*file, "every_other") == std::vector<float>{1, 3, 5});
  CHECK(values(*file, "scalar") == std::vector<float>{2});
  CHECK(values(*file, "empty").empty());
}

TEST_CASE("torch: every element type, in both byte orders") {
  const TempDir dir;
  const Codes c;
  const auto read = [&](const std::string& type, const std::string& bytes, int64_t n,
                        const std::string& order) {
    const std::string data =
        c.pickle(c.dict({{"x", c.tensor(c.storage(type, "0", n), 0, {n}, {1})}}));
    return values(*opened(dir, zip_file(data, {{"0", bytes}}, {{"archive/byteorder", order}})),
                  "x");
  };
  const auto check = [&](const std::string& type, size_t width, const std::string& bytes,
                         const std::vector<float>& want) {
    INFO(type);
    const auto n = static_cast<int64_t>(want.size());
    CHECK(read(type, bytes, n, "little") == want);
    std::string swapped = bytes;
    for (size_t i = 0; i < bytes.size(); i += width) std::reverse(&swapped[i], &swapped[i] + width);
    CHECK(read(type, swapped, n, "big") == want);
  };
  check("DoubleStorage", 8, numbers<double>({1.5, -2}), {1.5f, -2});
  check("HalfStorage", 2, numbers<uint16_t>({0x3e00, 0xc000}), {1.5f, -2});
  check("BFloat16Storage", 2, numbers<uint16_t>({0x3fc0, 0xc000}), {1.5f, -2});
  check("LongStorage", 8, numbers<int64_t>({7, -8}), {7, -8});
  check("IntStorage", 4, numbers<int32_t>({7, -8}), {7, -8});
  check("ShortStorage", 2, numbers<int16_t>({7, -8}), {7, -8});
  check("CharStorage", 1, numbers<int8_t>({7, -8}), {7, -8});
  check("ByteStorage", 1, numbers<uint8_t>({7, 248}), {7, 248});
  check("BoolStorage", 1, numbers<uint8_t>({0, 1}), {0, 1});
  // Types without a storage of their own name them beside it.
  const auto third = [&](const std::string& type, const std::string& bytes, int64_t n) {
    const std::string storage =
        c.tuple(c.text("storage") + c.global("torch.storage", "UntypedStorage") + c.text("0") +
                c.text("cpu") + c.integer(static_cast<int64_t>(bytes.size()))) +
        "Q";
    const std::string tensor = c.call(
        c.global("torch._utils", "_rebuild_tensor_v3"),
        c.tuple(storage + c.integer(0) + c.tuple(std::vector<int64_t>{n}) +
                c.tuple(std::vector<int64_t>{1}) + "\x89" +
                c.call(c.global("collections", "OrderedDict"), ")") + c.global("torch", type)));
    return opened(dir, zip_file(c.pickle(c.dict({{"x", tensor}})), {{"0", bytes}}));
  };
  CHECK(values(*third("uint16", numbers<uint16_t>({7, 65535}), 2), "x") ==
        std::vector<float>{7, 65535});
  // 0x08 is the least normal number, 0x01 the least of all, 0x7e the largest.
  CHECK(values(*third("float8_e4m3fn", numbers<uint8_t>({0x38, 0xc0, 0x08, 0x01, 0x7e}), 5), "x") ==
        std::vector<float>{1, -2, 0x1p-6f, 0x1p-9f, 448});
  CHECK(values(*third("float8_e5m2", numbers<uint8_t>({0x3c, 0xc0, 0x01, 0x7b}), 4), "x") ==
        std::vector<float>{1, -2, 0x1p-16f, 57344});
  CHECK_THROWS_WITH(
      third("float4_e2m1fn_x2", "ab", 2),
      Contains("of the element type torch.float4_e2m1fn_x2, which gsx does not read"));
}

TEST_CASE("torch: nested dictionaries and wrappers' prefixes") {
  const TempDir dir;
  const Codes c;
  const auto names = [&](const std::string& codes, const std::string& part = "") {
    return names_of(*opened(dir, in_zip(c, codes), part));
  };
  const std::string t = one(c);
  CHECK(names(c.dict({{"state_dict", c.ordered({{"a.weight", t}})}, {"epoch", c.integer(3)}})) ==
        "a.weight");
  CHECK(names(c.dict({{"params", c.dict({{"old", t}})}, {"params_ema", c.dict({{"new", t}})}})) ==
        "new");
  CHECK(names(c.dict({{"netG", c.dict({{"g", t}})}, {"netD", c.dict({{"d", t}})}})) == "g");
  CHECK(names(c.dict({{"model", c.dict({{"w", t}})},
                      {"optimizer", c.dict({{"state", c.dict({{"exp_avg", t}})}})},
                      {"rng_state", t}})) == "w");
  CHECK(names(c.dict({{"module._orig_mod.module.a", t}, {"module._orig_mod.module.b", t}})) ==
        "a b");
  CHECK(names(c.dict({{"n_averaged", t}, {"module.a.weight", t}})) == "a.weight");
  CHECK(names(c.dict({{"generator._orig_mod.a.weight", t}, {"discriminator.b.weight", t}})) ==
        "a.weight");
  CHECK(names(c.dict({{"conv1", c.dict({{"weight", t}, {"bias", t}})},
                      {"conv2", c.dict({{"weight", t}})}})) ==
        "conv1.weight conv1.bias conv2.weight");
  const std::string two = c.dict({{"netG_A", c.dict({{"a", t}})}, {"netG_B", c.dict({{"b", t}})}});
  CHECK_THROWS_WITH(names(two), Contains("holds several networks, 'netG_A', 'netG_B'; say which as "
                                         "part=NAME"));
  CHECK(names(two, "netG_B") == "b");
  CHECK(names(c.dict({{"state_dict", two}}), "state_dict/netG_A") == "a");
  CHECK(names(c.dict({{"state_dict", c.dict({{"A.a", t}, {"B.b", t}})}}), "B") == "b");
  CHECK_THROWS_WITH(names(c.dict({{"A.a", t}, {"B.b", t}}), "C"),
                    Contains("has no part 'C'; the first parts of its names are 'A', 'B'"));
}

TEST_CASE("torch: what belongs to no tensor is passed over, whatever it is") {
  const TempDir dir;
  const Codes c;
  const std::string bad = c.call(c.global("os", "system"), c.tuple(c.text("touch ran")));
  const std::string scalar =
      c.call(c.global("numpy._core.multiarray", "scalar"),
             c.tuple(c.call(c.global("numpy", "dtype"), c.tuple(c.text("f8"))) + "C\x02"
                                                                                 "ab"));
  const std::string space = c.call(c.global("argparse", "Namespace"), ")") +
                            c.dict({{"lr", "G" + raw<uint64_t>(0)}}) + "b";
  const auto file =
      opened(dir, in_zip(c, c.dict({{"state_dict", c.dict({{"w", one(c)}, {"best", scalar}})},
                                    {"hyper_parameters", space},
                                    {"hook", bad},
                                    {"big", "\x8a\x0c" + std::string(12, 'x')}})));
  CHECK(names_of(*file) == "w");
  const auto refused = [&](const std::string& value) {
    try {
      opened(dir, in_zip(c, c.dict({{"w", value}})));
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK_THAT(refused(c.call(c.global("my.codec", "unpack"), c.tuple(one(c)))),
             Contains("'w', which my.codec.unpack makes of a tensor: gsx runs nothing that a file "
                      "names"));
  CHECK_THAT(refused(c.call(c.global("torch._utils", "_rebuild_sparse_tensor"), ")")),
             Contains("'w', which torch._utils._rebuild_sparse_tensor makes: gsx runs nothing"));
  CHECK_THAT(refused(bad), Contains("holds no tensors"));
}

TEST_CASE("torch: whole modules and TorchScript archives give their tensors") {
  const TempDir dir;
  const Codes c;
  const auto module = [&](const std::string& type, const std::string& parameters,
                          const std::string& modules) {
    return c.global("nets", type) + ")\x81" +
           c.dict({{"training", "\x88"},
                   {"_parameters", parameters},
                   {"_buffers", c.dict({{"seen", one(c)}, {"hidden", one(c)}})},
                   {"_non_persistent_buffers_set",
                    c.call(c.global("builtins", "set"), c.tuple("](" + c.text("hidden") + "e"))},
                   {"_modules", modules}}) +
           "b";
  };
  const std::string parameter =
      c.call(c.global("torch._utils", "_rebuild_parameter"), c.tuple(one(c) + "\x88" + "}"));
  const std::string leaf = module("Conv", c.ordered({{"weight", parameter}, {"bias", "N"}}), "}");
  CHECK(names_of(
            *opened(dir, in_zip(c, module("Net", "}", c.ordered({{"0", leaf}, {"1", leaf}}))))) ==
        "seen 0.weight 0.seen 1.weight 1.seen");
  const auto script = [&](const std::string& state) {
    return c.global("__torch__.nets", "Conv") + ")\x81" + state + "b";
  };
  const std::string traced =
      script(c.dict({{"training", "\x89"},
                     {"conv", script(c.dict({{"weight", one(c)}, {"stride", c.integer(2)}}))}}));
  const auto file = opened(dir, zip_file(c.pickle(traced), {{"0", numbers(kSix)}},
                                         {{"archive/constants.pkl", c.pickle(")")},
                                          {"archive/code/x.py", "import os"}}));
  CHECK(names_of(*file) == "conv.weight");
  CHECK(file->format() == "a TorchScript archive, whose code is not read");
}

TEST_CASE("torch: Python 2's dictionaries, views and texts in old streams") {
  const TempDir dir;
  const Codes c;
  const std::string view = c.tuple(c.text("v") + c.integer(2) + c.integer(4));
  const std::string viewed = c.tensor(c.storage("FloatStorage", "0", 6, view), 1, {2}, {1});
  const auto pair = [&](const std::string& key, const std::string& value) {
    return "](U" + std::string(1, static_cast<char>(key.size())) + key + value + "e";
  };
  const std::string root = c.call(c.global("collections", "OrderedDict"),
                                  c.tuple("](" + pair("a", viewed) + pair("b", one(c)) + "e"));
  const auto file = opened(dir, stream_file(c, c.pickle(root), {{{"0", numbers(kSix)}, 6}}));
  CHECK(values(*file, "a") == std::vector<float>{4, 5});
  CHECK(values(*file, "b") == kSix);
  // A machine that wrote its numbers the other way round.
  std::string swapped = numbers(kSix);
  for (size_t i = 0; i < swapped.size(); i += 4) std::reverse(&swapped[i], &swapped[i] + 4);
  CHECK(values(*opened(dir, stream_file(c, c.pickle(c.dict({{"b", one(c)}})), {{{"0", swapped}, 6}},
                                        false)),
               "b") == kSix);
}

TEST_CASE("torch: sums that are left out are not missed, wrong ones are") {
  const TempDir dir;
  const Codes c;
  const std::string data = c.pickle(c.dict({{"w", one(c)}}));
  std::vector<Member> members = {{"a/data.pkl", data, false}, {"a/data/0", numbers(kSix), false}};
  CHECK(values(*opened(dir, zip(members)), "w") == kSix);
  std::string bytes = zip_file(data, {{"0", numbers(kSix)}});
  bytes[bytes.find(numbers(kSix))] ^= 1;
  const auto file = opened(dir, bytes);
  CHECK_THROWS_WITH(values(*file, "w"),
                    Contains("is damaged: its bytes do not fit their checksum"));
}

TEST_CASE("npz and safetensors: any style of names, and tied tensors") {
  const TempDir dir;
  const std::vector<std::pair<std::string, TypedArray>> arrays = {
      {"module.a.weight", {FileDType::f16, {2}, {0, 0x3c, 0, 0xc0}}},
      {"module.a.steps", {FileDType::i64, {}, {5, 0, 0, 0, 0, 0, 0, 0}}}};
  write_npz(dir / "x.npz", arrays);
  const auto npz = open_tensors(dir / "x.npz");
  CHECK(names_of(*npz) == "a.weight a.steps");
  CHECK(values(*npz, "a.weight") == std::vector<float>{1, -2});
  SafetensorsWriter writer;
  writer.add("a.weight", {2}, std::vector<float>{1, 2});
  writer.metadata["b.weight"] = "a.weight";
  writer.write(dir / "tied.safetensors");
  const auto tied = open_tensors(dir / "tied.safetensors");
  CHECK(names_of(*tied) == "a.weight b.weight");
  CHECK(values(*tied, "b.weight") == std::vector<float>{1, 2});
}

TEST_CASE("torch: the shared checkpoints hold what they should", "[data]") {
  const auto folder = require_data() / "checkpoints";
  int files = 0;
  for (const auto& found : std::filesystem::directory_iterator(folder)) {
    if (found.path().extension() == ".npz" || found.path().extension() == ".md") continue;
    INFO(found.path().string());
    ++files;
    const auto file = open_tensors(found.path());
    const NpzFile expected(folder / (found.path().stem().string() + ".expected.npz"));
    const auto names = expected.names();
    std::set<std::string> missing(names.begin(), names.end());
    for (const TensorEntry& e : file->entries()) {
      INFO(e.name);
      REQUIRE(missing.erase(e.name) == 1);
      const TypedArray want = expected.typed(e.name);
      CHECK(want.shape == e.shape);
      if (e.dtype == FileDType::c64) CHECK(file->bytes(e) == want.bytes);
      else CHECK(file->floats(e) == to_floats(want.dtype, want.bytes));
    }
    CHECK(missing.empty());
  }
  CHECK(files == 31);
}
