// What fuzzing feeds: one function per reader of files that may come from strangers, and one that
// makes networks of bytes. Under any bytes a target returns; what a reader may do with bad ones is
// throw an Error of one sentence. What else goes wrong ends the process.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace fuzz {

using Bytes = std::span<const uint8_t>;

struct Target {
  const char* name;
  void (*run)(Bytes);
  // The most bytes worth trying.
  size_t longest;
};

const std::vector<Target>& targets();

// Runs what reads; an Error passes where it is one sentence on one line.
void in_one_sentence(const std::function<void()>& reads);

// The same of what gsx alone writes: where it has another form, the Error may be JSON's, and
// whoever opens the file says which it is.
void in_saved_form(const std::function<void()>& reads);

// A file of these bytes, without a disk. One at a time.
std::filesystem::path file_of(Bytes);
std::filesystem::path file_of(const std::string&);

// As many bytes, the same for the same numbers everywhere.
std::vector<uint8_t> random_bytes(uint64_t seed, uint64_t number, size_t count);

// Ends the process, saying what does not hold.
void expect(bool holds, const char* what);

void torch(Bytes);         // a PyTorch file of any form
void torch_pickle(Bytes);  // the pickle in a zip archive whose sums are right
void torch_stream(Bytes);  // the pickle of the tensors in the older form
void npz(Bytes);
void npy(Bytes);  // the array in an archive whose sums are right
void onnx(Bytes);
void safetensors(Bytes);
void model(Bytes);  // gsx's own, and weights whose network is told from them
void graph(Bytes);  // the JSON in a model
void image(Bytes);  // any format, as it is and with right sums
void config(Bytes);
void recipe(Bytes);
void checkpoint(Bytes);
void differential(Bytes);  // no file: a random network on every machine (differential.cpp)

}  // namespace fuzz
