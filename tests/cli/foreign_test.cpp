// What is no model given as one, to every command that takes one; and what a file cannot say.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace {

using Arguments = std::vector<std::string>;

void fails(const Arguments& arguments, const std::string& why, int code = 1) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  CHECK(r.exit_code == code);
  // One sentence, on the last line.
  const size_t last = r.err.rfind("\ngsx ", r.err.size() - 1);
  CHECK(r.err.find(why, last == std::string::npos ? 0 : last) != std::string::npos);
  const size_t end = code == 2 ? r.err.find("\nTry 'gsx ", last + 1) : r.err.size() - 1;
  CHECK(r.err.find('\n', last + 1) == end);
}

}  // namespace

TEST_CASE("every command names a foreign file given as a model") {
  const TempDir dir;
  const auto at = [&](const char* name) { return (dir / name).string(); };
  std::string zip = "PK\x03\x04";
  zip.resize(30, '\0');
  write_text(dir / "g.pth", zip + "archive/data.pkl" + std::string(200, 'x'));
  write_text(dir / "page", "<!DOCTYPE html><html><title>Not found</title></html>");
  write_text(dir / "in.npy", "");
  for (const std::string prefix : {"", "cyclegan:", "cyclegan,order=bgr:"}) {
    const std::string pth = prefix + at("g.pth"), page = prefix + at("page");
    fails({"inspect", pth}, "is not a zip archive that can be read; it is damaged or cut off");
    fails({"translate", pth, at("in.npy"), "--out", at("out")},
          "is not a zip archive that can be read; it is damaged or cut off");
    fails({"eval", page, "--data", dir.path().string()}, "is an HTML page");
    fails({"train", "--teacher", pth, "--out", at("run")},
          "is not a zip archive that can be read; it is damaged or cut off");
  }
  fails({"inspect", at("absent.safetensors")}, "absent.safetensors");
  fails({"inspect", dir.path().string()}, "is a folder");
  fails({"inspect", "cylegan"}, "did you mean the architecture cyclegan?", 2);
  fails({"inspect", "cyclegan,widht=3"}, "has no option 'widht'; did you mean width?", 2);
  fails({"inspect", "cyclegan,width=0"}, "width must", 2);
}

TEST_CASE("networks are counted from their shapes, options and all") {
  const auto json_of = [](const Arguments& arguments) {
    const ProcessResult r = run_program(arguments);
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return nlohmann::json::parse(r.out);
  };
  const auto large = json_of({"inspect", "cyclegan", "--width", "4096", "--json"});
  CHECK(large.at("params").get<int64_t>() > 46'000'000'000);
  CHECK(large.at("file_bytes").get<int64_t>() > 4 * large.at("params").get<int64_t>());
  auto one = json_of({"inspect", "fast_style,width=8,blocks=2", "--json"});
  auto two = json_of({"inspect", "fast_style", "--width", "8", "--blocks", "2", "--json"});
  one.erase("model");
  two.erase("model");
  CHECK(one == two);
}

TEST_CASE("the help of every argument that names a model tells of options") {
  for (const char* command : {"inspect", "translate", "eval", "train", "bench"}) {
    INFO(command);
    const ProcessResult r = run_program({command, "--help"});
    CHECK(r.exit_code == 0);
    CHECK(r.out.find("KEY=VALUE") != std::string::npos);
  }
  CHECK(run_program({"inspect", "--help"}).out.find("order=rgb|bgr") != std::string::npos);
}
