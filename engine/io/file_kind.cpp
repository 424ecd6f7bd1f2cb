// A table of first bytes, and a look into archives and texts; see file_kind.h.
#include "engine/io/file_kind.h"

#include <algorithm>
#include <string>

namespace gsx {

using namespace std::literals;

namespace {

constexpr std::string_view kSaveTensors =
    "load it in Python, save its tensors with safetensors.torch.save_file and give "
    "ARCH:FILE.safetensors";
constexpr std::string_view kExport =
    "save its weights as safetensors under PyTorch's names (gsx inspect ARCH lists the layers) and "
    "give ARCH:FILE.safetensors";
constexpr std::string_view kUnpack = "unpack it and give the model in it";
constexpr std::string_view kNotImage = "give the model here";
constexpr std::string_view kAnew = "download the file itself, not a page about it";
constexpr std::string_view kTheModel =
    "gsx reads its own models, PyTorch and ONNX files, .npz and .safetensors";

struct Magic {
  size_t at;
  std::string_view bytes;
  FileKind kind;
};

constexpr Magic kMagics[] = {
    {4, "TFL3"sv, {"a TensorFlow Lite model", kExport}},
    {0, "\x89HDF\r\n\x1a\n"sv, {"an HDF5 file, as Keras writes", kExport}},
    {0, "GGUF"sv, {"a GGUF model", kExport}},
    {0, "\x93NUMPY"sv, {"a NumPy array (.npy)", kExport}},
    {0, "MATLAB 5.0 MAT-file"sv, {"a MATLAB file", kExport}},
    {0, "\x08\x01\x12"sv, {"a TensorFlow saved model", kExport}},
    {0, "\x89PNG\r\n\x1a\n"sv, {"a PNG image", kNotImage}},
    {0, "\xff\xd8\xff"sv, {"a JPEG image", kNotImage}},
    {0, "GIF8"sv, {"a GIF image", kNotImage}},
    {8, "WEBP"sv, {"a WebP image", kNotImage}},
    {0, "II*\0"sv, {"a TIFF image", kNotImage}},
    {0, "MM\0*"sv, {"a TIFF image", kNotImage}},
    {0, "%PDF-"sv, {"a PDF document", kTheModel}},
    {0,
     "\x7f"
     "ELF"sv,
     {"a program", kTheModel}},
    {0, "\x1f\x8b"sv, {"a gzip archive", kUnpack}},
    {0, "BZh"sv, {"a bzip2 archive", kUnpack}},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     {"an xz archive", kUnpack}},
    {0, "\x28\xb5\x2f\xfd"sv, {"a zstd archive", kUnpack}},
    {0, "7z\xbc\xaf\x27\x1c"sv, {"a 7z archive", kUnpack}},
    {257, "ustar"sv, {"a tar archive", kUnpack}},
    {0,
     "version https://git-lfs.github.com/spec/"sv,
     {"a pointer of Git LFS in a model's place", "fetch the file itself with git lfs pull"}},
};

std::string bytes_at(const InputFile& file, uint64_t at, uint64_t most) {
  if (at >= file.size()) return {};
  const std::vector<uint8_t> bytes = file.read_at(at, std::min(most, file.size() - at));
  return {bytes.begin(), bytes.end()};
}

// Archives tell by the names in them: the first stands at the start, all of them at the end.
FileKind zip_kind(const InputFile& file, const std::string& start) {
  constexpr uint64_t kTail = 1 << 16;
  const std::string names =
      start + bytes_at(file, file.size() - std::min(file.size(), kTail), kTail);
  const auto has = [&](std::string_view part) { return names.find(part) != std::string::npos; };
  if (has("/code/") || has("constants.pkl")) {
    return {"a TorchScript model",
            "load it in Python with torch.jit.load, save its state_dict() with "
            "safetensors.torch.save_file and give ARCH:FILE.safetensors"};
  }
  if (has("data.pkl")) return {"a PyTorch file (.pth, .pt)", kSaveTensors};
  if (has("model.weights.h5")) return {"a Keras model", kExport};
  if (has(".npy")) return {"an archive of NumPy arrays (.npz)", kExport};
  return {"a zip archive", kUnpack};
}

// ONNX is a protocol buffer: its version, then a text or the graph.
bool is_onnx(const std::string& start) {
  constexpr std::string_view kNext = "\x12\x1a\x22\x28\x32\x3a\x42"sv;
  return start.size() > 16 && start[0] == 8 && start[1] >= 2 && start[1] < 32 &&
         kNext.find(start[2]) != kNext.npos;
}

bool is_pickle(const std::string& start) {
  return start.size() > 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5;
}

// Before zip archives came, PyTorch's files began with this number, pickled.
FileKind pickle_kind(const std::string& start) {
  constexpr std::string_view kMagicNumber = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
  const bool torch = std::string_view(start).substr(0, 64).find(kMagicNumber) != start.npos;
  return {torch ? "a PyTorch file of the old kind" : "a Python pickle", kSaveTensors};
}

// Text of any encoding that keeps ASCII; no control characters but those that lay it out.
bool is_text(const std::string& start) {
  return std::all_of(start.begin(), start.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 32 ? c != 127 : c == '\n' || c == '\r' || c == '\t';
  });
}

FileKind text_kind(std::string start) {
  start.erase(0, start.find_first_not_of("\xef\xbb\xbf \t\r\n"));
  for (char& c : start)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (start.starts_with("<!doctype html") || start.starts_with("<html"))
    return {"an HTML page, as failed downloads leave", kAnew};
  if (start.starts_with("<")) return {"an XML text", kTheModel};
  if (start.starts_with("{") || start.starts_with("[")) return {"a JSON text", kTheModel};
  return {"a text file", kTheModel};
}

}  // namespace

std::optional<FileKind> foreign_kind(const InputFile& file) {
  const std::string start = bytes_at(file, 0, 512);
  if (start.empty()) return FileKind{"an empty file", "get it anew"};
  if (start.find_first_not_of('\0') == std::string::npos)
    return FileKind{"a file that starts with zeros only, as a broken download leaves",
                    "get it anew"};
  if (start.starts_with("PK\x03\x04")) return zip_kind(file, start);
  for (const Magic& m : kMagics)
    if (start.size() >= m.at && std::string_view(start).substr(m.at).starts_with(m.bytes))
      return m.kind;
  if (is_pickle(start)) return pickle_kind(start);
  if (is_onnx(start)) return FileKind{"an ONNX model", kExport};
  if (is_text(start)) return text_kind(start);
  return std::nullopt;
}

}  // namespace gsx
