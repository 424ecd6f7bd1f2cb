// What is found in folders of images, and what is left out of them with a word.
#include "engine/io/image_folder.h"

#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;
namespace fs = std::filesystem;

TEST_CASE("image folder: read, left out, hidden") {
  const TempDir dir;
  for (const char* name : {"b.png", "A.JPG", "t.npy", "x.avif", "y.AVIF", "z.tga", ".hidden.png",
                           "notes.txt", "caf\xe9.gif"})
    write_text(dir / name, "");
  fs::create_directory(dir / "deeper.png");
  fs::create_symlink("nothing", dir / "broken.png");
  const ImageFolder found = open_image_folder(dir.path());
  std::vector<std::string> names;
  for (const fs::path& image : found.images) names.push_back(image.filename().string());
  // Whoever reads the broken link names it.
  CHECK(names == std::vector<std::string>{"A.JPG", "b.png", "broken.png"});
  CHECK(found.tensors == std::vector<fs::path>{dir / "t.npy"});
  CHECK(left_out_text(found) == "left out of " + dir.path().string() +
                                    ": 2 .avif, 1 .gif, 1 .tga, 1 folder; gsx reads JPEG, "
                                    "PNG, WebP, TIFF, BMP and PPM");
  fs::create_directory(dir / "empty");
  CHECK(left_out_text(open_image_folder(dir / "empty")).empty());
  write_text(dir / "empty/only.heic", "");
  CHECK_THROWS_WITH(list_images(dir / "empty"),
                    Catch::Matchers::Contains("no images in") &&
                        Catch::Matchers::Contains("1 .heic; gsx reads JPEG"));
  CHECK_THROWS_WITH(open_image_folder(dir / std::string(300, 'x')),
                    Catch::Matchers::Contains("there is no folder"));
}

TEST_CASE("image folder: test domains alone are a layout") {
  const TempDir dir;
  fs::create_directory(dir / "testA");
  fs::create_directory(dir / "testB");
  const DataLayout layout = find_layout(dir.path());
  CHECK(layout.train_a.empty());
  CHECK(layout.test_a == dir / "testA");
  CHECK(layout.test_b == dir / "testB");
}
