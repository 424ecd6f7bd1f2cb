// Files of tensors that others wrote.
#include <cmath>

#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "models/import/import.h"
#include "models/import/tensor_file.h"
#include "tests/fuzz/target.h"
#include "tests/import/torch_writer.h"

namespace fuzz {

namespace {

std::string text(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

void read_tensors(const std::filesystem::path& path) {
  in_one_sentence([&] {
    const auto file = gsx::open_tensors(path);
    for (const gsx::TensorEntry& e : file->entries()) {
      double count = static_cast<double>(gsx::size_of(e.dtype));
      for (const int64_t d : e.shape) count *= static_cast<double>(d);
      // A view of few numbers can be large; what a network needs is refused elsewhere.
      if (count > 1e6) continue;
      expect(static_cast<double>(file->bytes(e).size()) == count, "a tensor has not its size");
    }
  });
}

}  // namespace

void torch(Bytes bytes) { read_tensors(file_of(bytes)); }

void torch_pickle(Bytes bytes) {
  const std::string numbers(64, 'x');
  read_tensors(file_of(torch_writer::zip_file(text(bytes), {{"0", numbers}, {"1", numbers}},
                                              {{"archive/byteorder", "little"}})));
}

void torch_stream(Bytes bytes) {
  const torch_writer::Codes c;
  const std::string numbers(64, 'x');
  read_tensors(file_of(
      torch_writer::stream_file(c, text(bytes), {{{"0", numbers}, 16}, {{"1", numbers}, 16}})));
}

void npz(Bytes bytes) { read_tensors(file_of(bytes)); }

void npy(Bytes bytes) { read_tensors(file_of(torch_writer::zip({{"a.weight.npy", text(bytes)}}))); }

void safetensors(Bytes bytes) {
  in_one_sentence([&] {
    const auto file = gsx::SafetensorsFile::open(gsx::InputFile(bytes, "file"));
    for (const std::string& name : file.names())
      expect(file.bytes(name).size() == file.entry(name).bytes, "a tensor has not its size");
  });
}

}  // namespace fuzz
