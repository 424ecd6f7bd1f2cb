// A run's state on disk: named float arrays, whole networks and a JSON object in one safetensors
// file, written atomically. Holds nothing that varies between equal runs.
#pragma once
#include <filesystem>

#include "engine/io/safetensors.h"
#include "models/graph.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace gsx {

Json to_json(const Rng&);
Rng rng_from_json(const Json&);

// Where the checkpoint before that at `path` is kept: NAME.previous.safetensors.
std::filesystem::path previous_checkpoint(const std::filesystem::path& path);

class StateWriter {
 public:
  Json meta = Json::object();

  void add(const std::string& name, const Tensor& f32);
  void add(const std::string& name, const std::vector<Tensor>&);  // name.0, name.1, ...
  // Structure and every parameter in full precision, also of a quantised network.
  void add(const std::string& name, const Graph&);
  void add(const std::string& name, const Adam&);
  void add(const std::string& name, const Sgd&);
  // What was there stays beside it, under the name of previous_checkpoint().
  void write(const std::filesystem::path&);

 private:
  SafetensorsWriter file_;
};

// Throws Error that names the file when it is not a checkpoint of this kind, or is damaged, and the
// one before it when that is whole.
class StateReader {
 public:
  explicit StateReader(const std::filesystem::path&);
  const Json& meta() const { return meta_; }

  bool contains(const std::string& name) const;
  void restore(const std::string& name, const Tensor& into) const;  // same number of elements
  Tensor tensor(const std::string& name, const ContextPtr&) const;
  std::vector<Tensor> tensors(const std::string& name, const ContextPtr&) const;
  bool has_graph(const std::string& name) const;
  Graph graph(const std::string& name, const ContextPtr&) const;
  void restore(const std::string& name, Adam&) const;
  void restore(const std::string& name, Sgd&) const;

 private:
  // What the file calls it: gsx 0.1.0 called discriminators critics.
  std::string stored(std::string name) const;
  void read(const std::string& stored, const Tensor& into) const;

  SafetensorsFile file_;
  Json meta_;
  bool says_critic_ = false;
};

}  // namespace gsx
