// .npy: files as NumPy writes them, both orders, all types, hostile headers.
#include "engine/io/npy.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  if (version > 1) file += std::string(2, '\0');
  return file + header + data;
}

std::string npy(const std::string& descr, bool fortran, const std::string& shape,
                const std::string& data) {
  return npy("{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
                 ", 'shape': " + shape + ", }\n",
             data);
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

std::string read_error(const std::filesystem::path& path) {
  try {
    read_npy(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("npy: writes what NumPy writes and reads it back") {
  TempDir dir;
  const std::vector<float> values = {1, -2.5f, 3, 4, 5, 1e-30f};
  const std::vector<int64_t> shape = {2, 3};
  write_npy(dir / "a.npy", shape, values);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header += std::string(128 - 10 - 1 - header.size(), ' ') + "\n";
  CHECK(read_text(dir / "a.npy").substr(0, 128) == npy(header, ""));
  const NpyArray back = read_npy(dir / "a.npy");
  CHECK(back.shape == shape);
  CHECK(back.values == values);

  write_npy(dir / "one.npy", std::vector<int64_t>{3}, std::vector<float>{1, 2, 3});
  CHECK_THAT(read_text(dir / "one.npy"), Contains("'shape': (3,), }"));
  CHECK(read_npy(dir / "one.npy").shape == std::vector<int64_t>{3});
  write_npy(dir / "scalar.npy", std::vector<int64_t>{}, std::vector<float>{7});
  CHECK(read_npy(dir / "scalar.npy").shape.empty());
  CHECK(read_npy(dir / "scalar.npy").values == std::vector<float>{7});
  CHECK_THROWS_AS(write_npy(dir / "x.npy", shape, std::vector<float>{1}), Error);
}

TEST_CASE("npy: tensors in logical order") {
  TempDir dir;
  const auto context = Context::create();
  std::vector<float> values(2 * 7 * 3 * 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.3f;
  write_npy(dir / "t.npy", Tensor::from(context, values, {2, 7, 3, 5}));
  CHECK(read_npy(dir / "t.npy").values == values);
  const Tensor back = read_npy(context, dir / "t.npy");
  CHECK(back.shape() == Shape{2, 7, 3, 5});
  CHECK(back.to_vector() == values);
  write_npy(dir / "five.npy", std::vector<int64_t>{1, 1, 1, 1, 1}, std::vector<float>{7});
  CHECK_THROWS_WITH(read_npy(context, dir / "five.npy"), Contains("5 dimensions"));
}

TEST_CASE("npy: element types, byte order, column-major order, versions") {
  TempDir dir;
  const auto path = dir / "x.npy";
  const auto values = [&](const std::string& file) {
    write_text(path, file);
    return read_npy(path).values;
  };
  CHECK(values(npy("<f8", false, "(2,)", raw<double>({0.5, -3}))) == std::vector<float>{0.5f, -3});
  CHECK(values(npy(">f4", false, "(1,)", std::string("\x3f\x80\0\0", 4))) == std::vector<float>{1});
  CHECK(values(npy("<f2", false, "(1,)", raw<uint16_t>({0xc500}))) == std::vector<float>{-5});
  CHECK(values(npy("<i8", false, "(1,)", raw<int64_t>({-9}))) == std::vector<float>{-9});
  CHECK(values(npy(">i2", false, "(1,)", std::string("\xff\xfe", 2))) == std::vector<float>{-2});
  CHECK(values(npy("|u1", false, "(2,)", "\xff\x01")) == std::vector<float>{255, 1});
  CHECK(values(npy("|b1", false, "(1,)", "\x01")) == std::vector<float>{1});
  CHECK(values(npy("<u4", false, "()", raw<uint32_t>({4000000000u}))) == std::vector<float>{4e9f});
  CHECK(values(npy("<f4", false, "(0, 3)", "")).empty());
  CHECK(values(npy("<f4", true, "(0, 3)", "")).empty());
  // [[1,2,3],[4,5,6]] stored by columns.
  CHECK(values(npy("|u1", true, "(2, 3)", "\1\4\2\5\3\6")) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(values(npy("|u1", true, "(2, 2, 2)", "\1\5\3\7\2\6\4\x8")) ==
        std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(values(npy("{\"shape\": (2L,), 'fortran_order': False, 'descr': '|i1'}", "\1\xff", 2)) ==
        std::vector<float>{1, -1});
}

TEST_CASE("npy: malformed files are refused with the file's name") {
  TempDir dir;
  const auto path = dir / "bad.npy";
  const auto refused = [&](const std::string& file, const std::string& part) {
    write_text(path, file);
    CHECK_THAT(read_error(path), Contains("bad.npy") && Contains(part));
  };
  const std::string four(4, 'x');
  refused("", "too short");
  refused("\x93NUMPX abcdefgh", "not a .npy file");
  refused(npy("{}", "", 9), "version 9");
  refused(std::string("\x93NUMPY\x01\x00\xff\xff{}", 12), "header of 65535 bytes");
  refused(npy("{}", four), "without type, order or shape");
  refused(npy("<f4", false, "(2,)", four), "fewer than its shape needs");
  refused(npy("<f4", false, "(4294967296, 4294967296, 4294967296)", four),
          "fewer than its shape needs");
  refused(npy("<f4", false, "(99999999999999999999999,)", four), "absurd dimension");
  refused(npy("<f4", false, "(-1,)", four), "bad shape");
  refused(npy("<f4", false, "(1", four), "bad shape");
  refused(npy("|O", false, "(1,)", four), "not supported");
  refused(npy("<c16", false, "(1,)", four), "not supported");
  refused(npy("", false, "(1,)", four), "not supported");
  refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", four),
          "array of records");
  refused(npy("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", four), "fortran_order");
  refused(npy("{'descr': '<f4", four), "open string");
  refused(npy("{'size': 3}", four), "unknown key");

  const std::string good = npy("<f4", false, "(3, 2)", std::string(24, '\1'));
  std::mt19937 random(5);
  for (int round = 0; round < 800; ++round) {
    std::string bad = good.substr(0, round % 2 ? good.size() : random() % good.size());
    for (int i = 0; i < 2 && !bad.empty(); ++i)
      bad[random() % bad.size()] = static_cast<char>(random());
    write_text(path, bad);
    read_error(path);  // anything but an Error escapes
  }
}

TEST_CASE("npy: shapes that overflow or hold nothing are no tensors") {
  TempDir dir;
  const auto context = Context::create();
  const auto refused = [&](const std::string& file, const std::string& part) {
    INFO(file.substr(10));
    write_text(dir / "bad.npy", file);
    CHECK_THROWS_WITH(read_npy(context, dir / "bad.npy"), Contains("bad.npy") && Contains(part));
  };
  for (const bool fortran : {false, true}) {
    const auto shape = [&](const std::string& dims, const char* type = "<f4") {
      return npy(type, fortran, dims, std::string(64, '\1'));
    };
    for (const char* dims : {"(0,)", "(0, 3, 4, 4)", "(1, 3, 0, 5)", "(4294967297, 3, 0, 0)"})
      refused(shape(dims), "has no elements");
    for (const char* dims :
         {"(0, 1099511627776, 1099511627776)", "(0, 1, 2147483647, 2147483647)",
          "(4294967296, 4294967296)", "(4294967296,)", "(1, 3, 2147483648, 2147483648)", "(17,)",
          "(65536, 65536, 65536, 65536)"})
      refused(shape(dims), "fewer than its shape needs");
    refused(shape("(72057594037927935, 255)", "|u1"), "fewer than its shape needs");
    refused(shape("(72057594037927936,)"), "absurd dimension");
    refused(shape("(18446744073709551617,)"), "absurd dimension");
    for (const char* dims : {"(-1, -1)", "(2, -8)", "(+1,)", "(1e3,)", "(0x10,)", "(,)", "(1 1)"})
      refused(shape(dims), "has a header");
    std::string many = "(";
    for (int i = 0; i < 65; ++i) many += "1, ";
    refused(shape(many + ")"), "bad shape");
  }
  refused(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{}", 14), "header of 4294967295 bytes");
  refused(std::string("\x93NUMPY\1\0\0\0{}", 12), "lacks a '{'");
}

TEST_CASE("npy: expected values of other people's files", "[data]") {
  const auto formats = require_data() / "formats";
  const auto expected = nlohmann::json::parse(read_text(formats / "weights_expected.json"));
  int files = 0;
  for (const auto& [name, info] : expected.items()) {
    if (std::filesystem::path(name).extension() != ".npy") continue;
    INFO(name);
    ++files;
    const auto& want = info["tensors"]["<root>"];
    const NpyArray array = read_npy(formats / name);
    CHECK(array.shape == want["shape"].get<std::vector<int64_t>>());
    double sum = 0;
    for (const float v : array.values) sum += v;
    CHECK(sum == Approx(want["sum"].get<double>()));
    const auto first = want["first"].get<std::vector<float>>();
    CHECK(std::equal(first.begin(), first.end(), array.values.begin()));
  }
  CHECK(files >= 2);
}
