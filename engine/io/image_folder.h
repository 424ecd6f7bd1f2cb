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
// The same for machines: "jpeg", "png", ...
std::vector<std::string> image_format_names();

// What a folder or list holds that a person may take for images; hidden entries are not looked at.
struct ImageFolder {
  std::filesystem::path path;
  // Names that end as a format that is read, sorted bytewise; of a list, in its order. Broken links
  // among them are found out, and named, by whoever reads them.
  std::vector<std::filesystem::path> images;
  std::vector<std::string>
      keys;  // of the images: their paths below the folder, or as the list has them
  std::vector<std::filesystem::path> tensors;  // .npy, likewise
  std::map<std::string, int> left_out;         // images of other formats, by their ending
  int folders = 0;                             // subfolders without images, or not looked into
  int results = 0;  // subfolders that gsx trained in or compared methods in; not looked into
  int again = 0;    // folders that a link leads to again, lines that name a file again
};
// Whether subfolders are read too, to any depth: an image's key is then its path below the folder,
// and the order is a folder's own images, then those of its subfolders by name. A folder that links
// lead to several times, or back to, is read once.
enum class Within : uint8_t { folder, tree };
// Error, in one sentence, when there is no such folder or it cannot be read.
ImageFolder open_image_folder(const std::filesystem::path& folder, Within = Within::folder);

// A text file that names images, one a line, with paths that are absolute or from the list's
// folder. Blank lines and those that begin with # say nothing, blanks around a path are no part of
// it; a file counts once. Error that names the lines whose files are not there, or are folders.
ImageFolder open_image_list(const std::filesystem::path& list);

// A folder's tree, or a list.
ImageFolder open_images(const std::filesystem::path& folder_or_list);

// "left out of photos: 3 .avif, 1 folder; gsx reads JPEG, PNG, .."; empty when nothing was.
std::string left_out_text(const ImageFolder&);

// A message about a file, which it names in front unless it does so anyway.
std::string naming(const std::string& file, const std::string& message);

// Whether a name ends as images or tensors do, of formats that are read or not.
bool looks_like_a_image(const std::filesystem::path& name);
bool is_tensor_name(const std::filesystem::path& name);       // .npy in any case
bool is_other_image_name(const std::filesystem::path& name);  // of a format that is not read

// The images of open_images. Error when there are none.
std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder_or_list);

// Whether a folder holds images in its subfolders alone, as data sets of labelled images are laid
// out (CLASS/NAME.jpg); false where there is none.
bool has_classes(const std::filesystem::path& folder);

// The domains in a data folder: its subfolders trainA, trainB, testA, testB, or lists trainA.txt
// and so on, where one of trainA or testA is; or the folder itself as train_a; or its subfolders
// train and test where it holds no images and train is one of classes. A list is train_a. What is
// absent is an empty path. Error, saying what was looked for, when there are neither images nor
// such folders.
struct DataLayout {
  std::filesystem::path train_a, train_b, test_a, test_b;
};
DataLayout find_layout(const std::filesystem::path& folder);

}  // namespace gsx
