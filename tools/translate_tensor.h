// Raw tensors through a network, for `gsx translate`.
#pragma once
#include <string>
#include <vector>

#include "gs/translate.h"
#include "models/import/import.h"
#include "tools/translate_plan.h"

namespace gsx::tools {

// Opens a model: for the size of the first tensor where its file has numbers that suit one size
// alone.
Imported open_suited(const ContextPtr&, const std::string& model,
                     const std::vector<TranslateJob>& jobs);

// What --second-input says: numbers that go beside every image are remembered by the network, and
// `second` is then empty; else it is the file of a tensor, for inputs that are tensors. Error where
// the network has two inputs and is not told the second, or one and there is.
void take_second(Graph&, const std::string& model, std::string& second,
                 const std::vector<TranslateJob>& jobs);

// A .npy in, a .npy out, neither scaled nor clipped. Networks whose file has channels last take and
// give [N,H,W,C]. second: the file of the second input; empty: none, or what it remembers.
// most_memory: bytes that the process may hold.
void translate_tensor(const Graph&, const ContextPtr&, const TranslateJob&,
                      const std::string& second, uint64_t most_memory);

// Says what a large image is going to take, before the work starts.
void tell_room(const TranslateJob&, const Room&);

}  // namespace gsx::tools
