// The list of targets, and what they have in common; see target.h.
#include "tests/fuzz/target.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "engine/json.h"
#include "engine/random.h"

namespace fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"torch", torch, 8192},
      {"torch_pickle", torch_pickle, 4096},
      {"torch_stream", torch_stream, 4096},
      {"npz", npz, 4096},
      {"npy", npy, 1024},
      {"onnx", onnx, 8192},
      {"safetensors", safetensors, 4096},
      {"model", model, 16'384},
      {"graph", graph, 16'384},
      {"image", image, 8192},
      {"config", config, 4096},
      {"recipe", recipe, 2048},
      {"checkpoint", checkpoint, 32'768},
      {"differential", differential, 256},
  };
  return all;
}

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

void in_one_sentence(const std::function<void()>& reads) {
  try {
    reads();
  } catch (const gsx::Error& e) {
    const size_t length = std::strlen(e.what());
    expect(length > 10 && length < 4000, "an error is no sentence");
    for (const char* c = e.what(); *c; ++c)
      expect(static_cast<unsigned char>(*c) >= 32 && *c != 127, "an error has control characters");
  }
}

void in_saved_form(const std::function<void()>& reads) {
  try {
    in_one_sentence(reads);
  } catch (const gsx::Json::exception&) {
  }
}

std::filesystem::path file_of(Bytes bytes) {
  static const int fd = memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  expect(fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 &&
             pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
         "no file can be made in memory");
  return path;
}

std::vector<uint8_t> random_bytes(uint64_t seed, uint64_t number, size_t count) {
  gsx::Rng rng(seed, number);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(rng.below(256));
  return bytes;
}

std::filesystem::path file_of(const std::string& bytes) {
  return file_of(Bytes(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace fuzz
