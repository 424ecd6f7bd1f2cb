// What is found in folders of pictures, and what is left out of them with a word.
#include "engine/io/picture_folder.h"

#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;
namespace fs = std::filesystem;

TEST_CASE("picture folder: read, left out, hidden") {
  const TempDir dir;
  for (const char* name : {"b.png", "A.JPG", "t.npy", "x.webp", "y.WEBP", "z.bmp", ".hidden.png",
                           "notes.txt", "caf\xe9.gif"})
    write_text(dir / name, "");
  fs::create_directory(dir / "deeper.png");
  fs::create_symlink("nothing", dir / "broken.png");
  const PictureFolder found = open_picture_folder(dir.path());
  std::vector<std::string> names;
  for (const fs::path& picture : found.pictures) names.push_back(picture.filename().string());
  // Whoever reads the broken link names it.
  CHECK(names == std::vector<std::string>{"A.JPG", "b.png", "broken.png"});
  CHECK(found.tensors == std::vector<fs::path>{dir / "t.npy"});
  CHECK(left_out_text(found) == "left out of " + dir.path().string() +
                                    ": 1 .bmp, 1 .gif, 2 .webp, 1 folder; gsx reads JPEG, PNG and "
                                    "PPM");
  fs::create_directory(dir / "empty");
  CHECK(left_out_text(open_picture_folder(dir / "empty")).empty());
  write_text(dir / "empty/only.heic", "");
  CHECK_THROWS_WITH(list_images(dir / "empty"),
                    Catch::Matchers::Contains("no pictures in") &&
                        Catch::Matchers::Contains("1 .heic; gsx reads JPEG"));
  CHECK_THROWS_WITH(open_picture_folder(dir / std::string(300, 'x')),
                    Catch::Matchers::Contains("there is no folder"));
}

TEST_CASE("picture folder: test domains alone are a layout") {
  const TempDir dir;
  fs::create_directory(dir / "testA");
  fs::create_directory(dir / "testB");
  const DataLayout layout = find_layout(dir.path());
  CHECK(layout.train_a.empty());
  CHECK(layout.test_a == dir / "testA");
  CHECK(layout.test_b == dir / "testB");
}
