// Archives of arrays: what gsx writes numpy reads, what numpy writes gsx reads, and damage is told.
#include "engine/io/npz.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

const std::map<std::string, NpzArray> kArrays = {
    {"mu", {{3}, {1, -2.5, 1e-300}}}, {"sigma", {{2, 2}, {1, 0.1, 0.1, 7}}}, {"scalar", {{}, {4}}}};

}  // namespace

TEST_CASE("npz: arrays come back as they were, and equal ones give equal bytes") {
  const TempDir dir;
  write_npz(dir / "a.npz", kArrays);
  write_npz(dir / "b.npz", kArrays);
  CHECK(bytes_of(dir / "a.npz") == bytes_of(dir / "b.npz"));
  const NpzFile file(dir / "a.npz");
  CHECK(file.names().size() == kArrays.size());
  for (const auto& [name, array] : kArrays) {
    INFO(name);
    REQUIRE(file.contains(name));
    CHECK(file.read(name).shape == array.shape);
    CHECK(file.read(name).values == array.values);
  }
  CHECK_FALSE(file.contains("nu"));
  CHECK_THROWS_WITH(file.read("nu"), Catch::Contains("the array nu is not in the archive"));
}

TEST_CASE("npz: what is no archive, or a damaged one, is an error that names the file") {
  const TempDir dir;
  write_bytes(dir / "text.npz", "no archive");
  CHECK_THROWS_WITH(NpzFile(dir / "text.npz"), Catch::Contains("text.npz is not an .npz archive"));
  CHECK_THROWS_WITH(NpzFile(dir / "none.npz"), Catch::Contains("none.npz"));
  write_npz(dir / "a.npz", kArrays);
  const std::string whole = bytes_of(dir / "a.npz");
  for (size_t cut = 0; cut < whole.size(); cut += 7) {
    write_bytes(dir / "cut.npz", whole.substr(0, cut));
    CHECK_THROWS_AS(NpzFile(dir / "cut.npz").read("mu"), Error);
  }
  // A changed byte is an error or lies where nothing is said; never another kind of failure.
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    write_bytes(dir / "changed.npz", changed);
    try {
      const NpzFile file(dir / "changed.npz");
      for (const auto& [name, array] : kArrays) {
        if (!file.contains(name)) continue;
        const NpzArray got = file.read(name);
        CHECK(got.values == array.values);
      }
    } catch (const Error&) {
    }
  }
}

TEST_CASE("npz: numpy reads what gsx writes, and gsx what numpy writes, packed or not") {
  const TempDir dir;
  if (std::system("python3 -c 'import numpy' 2>/dev/null") != 0) {
    WARN("no numpy here: not run");
    return;
  }
  write_npz(dir / "a.npz", kArrays);
  write_bytes(dir / "check.py", R"(import sys, numpy as np
f = np.load(sys.argv[1] + "/a.npz")
assert sorted(f.files) == ["mu", "scalar", "sigma"]
assert f["mu"].dtype == np.float64 and (f["mu"] == [1, -2.5, 1e-300]).all()
assert f["sigma"].shape == (2, 2) and f["sigma"][1, 1] == 7 and f["scalar"] == 4
mu = np.linspace(0, 1, 1000)
for name, save in (("plain", np.savez), ("packed", np.savez_compressed)):
    save(sys.argv[1] + "/" + name + ".npz", mu=mu, sigma=np.asfortranarray([[1, 2], [3, 4]], dtype=np.float32))
)");
  const std::string command =
      "python3 '" + (dir / "check.py").string() + "' '" + (dir / "").string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  for (const char* name : {"plain.npz", "packed.npz"}) {
    const NpzFile file(dir / name);
    const NpzArray mu = file.read("mu");
    REQUIRE(mu.values.size() == 1000);
    CHECK(mu.values[333] == Approx(333.0 / 999).epsilon(1e-15));
    CHECK(file.read("sigma").values == std::vector<double>{1, 2, 3, 4});
  }
}
