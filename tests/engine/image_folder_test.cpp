// What is found in folders of images, and what is left out of them with a word.
#include "engine/io/image_folder.h"

#include "engine/io/dataset.h"
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

TEST_CASE("image folder: subfolders to any depth, in one order, each folder once") {
  const TempDir dir;
  const fs::path photos = dir / "photos";
  for (const char* folder :
       {"b/deep/deeper", "a", ".hidden", "run/samples", "compared", "empty/none"})
    fs::create_directories(photos / folder);
  for (const char* name : {"z.png", "b/2.png", "b/10.jpg", "b/deep/deeper/x.webp", "a/1.png",
                           ".hidden/1.png", "run/samples/s.png", "run/checkpoint.safetensors",
                           "compared/grid.png", "compared/ablation.json", "b/left.gif"})
    write_text(photos / name, "");
  fs::create_directory_symlink("..", photos / "b/up");       // a loop
  fs::create_directory_symlink("../a", photos / "b/again");  // read under the name that comes first
  fs::create_directory_symlink(".", photos / "self");
  const ImageFolder found = open_images(photos);
  CHECK(found.keys == std::vector<std::string>{"z.png", "a/1.png", "b/10.jpg", "b/2.png",
                                               "b/deep/deeper/x.webp"});
  REQUIRE(found.images.size() == 5);
  CHECK(found.images[4] == photos / "b/deep/deeper/x.webp");
  CHECK_THAT(left_out_text(found),
             Catch::Matchers::Contains(": 1 .gif, 1 folder, 2 folders of results, 3 names of what "
                                       "is read already; gsx reads"));
  // Not so where results take their names from a folder alone.
  CHECK(open_image_folder(photos).images.size() == 1);
  // A very deep one.
  fs::path deep = dir / "deep";
  for (int i = 0; i < 300; ++i) deep /= "d";
  fs::create_directories(deep);
  write_text(deep / "1.png", "");
  CHECK(open_images(dir / "deep").keys.at(0).size() == 2 * 300 + 5);
}

TEST_CASE("image list: paths from its folder, comments, blanks, files named again") {
  const TempDir dir;
  fs::create_directories(dir / "lists");
  fs::create_directories(dir / "photos/x");
  for (const char* name : {"photos/a b.png", "photos/x/c#1.jpg", "photos/plain"})
    write_text(dir / name, "");
  fs::create_symlink("a b.png", dir / "photos/link.png");
  const fs::path list = dir / "lists/all.txt";
  write_text(list, "\xef\xbb\xbf# what to train on\r\n\r\n  ../photos/x/c#1.jpg\t\r\n" +
                       (dir / "photos/a b.png").string() +
                       "\n   \n../photos/x/../x/c#1.jpg\n../photos/link.png\n../photos/plain\n"
                       "../photos/no.heic\n#../photos/none.png");
  const ImageFolder found = open_images(list);
  CHECK(found.keys == std::vector<std::string>{"../photos/x/c#1.jpg",
                                               (dir / "photos/a b.png").string(),
                                               "../photos/plain"});
  CHECK(fs::equivalent(found.images.at(0), dir / "photos/x/c#1.jpg"));
  CHECK_THAT(left_out_text(found),
             Catch::Matchers::Contains("1 .heic, 2 names of what is read already"));
  CHECK(find_layout(list).train_a == list);
  CHECK(folder_source(list)->count() == 3);
}

TEST_CASE("image list: what is wrong is told with its lines") {
  const TempDir dir;
  write_text(dir / "a.png", "");
  const fs::path list = dir / "list.txt";
  write_text(list, "a.png\nb.png\n\n.\nc.png\nd.png\ne.png\n");
  CHECK_THROWS_WITH(open_images(list), Catch::Matchers::Contains(
                                           "line 2 names b.png, which is not there; line 4 names "
                                           "., which is no file; line 5 names c.png, which is "
                                           "not there and 2 more; correct the list"));
  write_text(list, "# nothing\n");
  CHECK_THROWS_WITH(list_images(list), Catch::Matchers::Contains("no images in"));
  CHECK_THROWS_WITH(folder_source(list), Catch::Matchers::Contains("no images in"));
  write_text(list, std::string("a.png\n\0", 7));
  for (const fs::path& file : {list, dir / "a.png"})
    CHECK_THROWS_WITH(open_images(file), Catch::Matchers::Contains(
                                             "a folder of images or a text file that lists them"));
}

TEST_CASE("image list: lists in the place of the folders of a layout") {
  const TempDir dir;
  fs::create_directory(dir / "trainB");
  for (const char* name : {"trainA.txt", "testA.txt", "testB.txt"}) write_text(dir / name, "");
  const DataLayout layout = find_layout(dir.path());
  CHECK(layout.train_a == dir / "trainA.txt");
  CHECK(layout.train_b == dir / "trainB");
  CHECK(layout.test_b == dir / "testB.txt");
}
