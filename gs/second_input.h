// What networks of two inputs are given beside their image: one vector for all images, such as a
// style, or one that is drawn for each, such as a label. A network remembers what it was trained
// with, in its file.
#pragma once
#include <optional>

#include "models/graph.h"

namespace gsx {

struct SecondInput {
  // fixed: `values`; one_hot: a 1 among zeros; normal: independent numbers N(0,1).
  enum class Kind : uint8_t { fixed, one_hot, normal } kind = Kind::fixed;
  std::vector<float> values;
};

// How many numbers a network takes beside its image, as a vector [N,F]; 0: none, or other things.
int64_t second_length(const Graph&);
// The name of what it takes beside its image.
std::string second_name(const Graph&);

// What a network was trained with; nothing where it has one input or was not trained by gsx.
std::optional<SecondInput> remembered_second(const Graph&);
void remember_second(Graph&, const SecondInput&);

// Whether a text could be what a user says: `one-hot`, `normal`, numbers with commas between, or
// the name of a .npy file.
bool says_second(const std::string& text);
// What a user says: `one-hot`, `normal`, numbers with commas between, or the name of a .npy file
// of them. Error where that does not fit the network; `flag` begins its sentence.
SecondInput parse_second(const std::string& flag, const std::string& text, const Graph&);
// What the input's name and length tell; nothing where that is no more than a guess.
std::optional<SecondInput> detect_second(const Graph&);
// How it may be given, for messages: "as 0,1,0 or ...".
std::string ways_to_say_second(const Graph&);

// Number i of those that are drawn for images [1,F]: at random, labels `in_turn` where images are
// few. Undefined of a network that draws none.
Tensor drawn_second(const Graph&, const ContextPtr&, const Rng::State&, int64_t i, bool in_turn);

// The inputs of a network for images x [N,C,H,W] (or vectors): x alone, or with it second [N,F],
// where that is undefined what the network remembers, else zeros.
std::vector<Tensor> inputs_of(const Graph&, const Tensor& x, const Tensor& second = {});
std::vector<Shape> input_shapes_of(const Graph&, const Shape& x);

}  // namespace gsx
