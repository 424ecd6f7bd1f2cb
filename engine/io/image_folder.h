// What lies in a folder of images, and the domains in a data folder.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gsx {

// The formats read, for messages: "JPEG, PNG, WebP, TIFF, BMP and PPM" with `last` "and", and
// "*.jpg, *.jpeg, ... and *.ppm".
std::string image_formats(const char* last);
std::string image_patterns();

// Everything in a folder that a person may take for an image; hidden entries are not looked at.
struct ImageFolder {
  std::filesystem::path path;
  // Names that end as a format that is read, sorted bytewise. Broken links among them are found
  // out, and named, by whoever reads them.
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> tensors;  // .npy, likewise
  std::map<std::string, int> left_out;         // images of other formats, by their ending
  int folders = 0;                             // subfolders, which are not looked into
  bool classes = false;                        // the images are those of subfolders
};
// Whether a folder that holds no images itself is taken for one of classes, as data sets of
// labelled images are laid out (CLASS/NAME.jpg): then its images are those in its subfolders,
// sorted by class and name, and `folders` counts what lies below or holds none.
enum class Within : uint8_t { folder, classes };
// Error, in one sentence, when there is no such folder or it cannot be read.
ImageFolder open_image_folder(const std::filesystem::path& folder, Within = Within::folder);

// "left out of photos: 3 .webp, 1 folder; gsx reads JPEG, PNG and PPM"; empty when nothing was.
std::string left_out_text(const ImageFolder&);

// A message about a file, which it names in front unless it does so anyway.
std::string naming(const std::string& file, const std::string& message);

// Whether a name ends as images or tensors do, of formats that are read or not.
bool looks_like_a_image(const std::filesystem::path& name);
bool is_tensor_name(const std::filesystem::path& name);  // .npy in any case

// The images of a folder, or of its classes. Error when it has none.
std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder);

// Whether this is a folder of classes; false where there is none.
bool has_classes(const std::filesystem::path& folder);

// The domains in a data folder: its subfolders trainA, trainB, testA, testB where trainA or testA
// is, or the folder itself as train_a, or its subfolders train and test where it holds no images
// and train is one of classes. What is absent is an empty path. Error, saying what was looked for,
// when there are neither images nor such folders.
struct DataLayout {
  std::filesystem::path train_a, train_b, test_a, test_b;
};
DataLayout find_layout(const std::filesystem::path& folder);

}  // namespace gsx
