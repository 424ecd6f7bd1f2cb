// Which channels of a network go together, what they cost, and which stay: a table for people.
#pragma once
#include "gs/passes/constant_propagation.h"

namespace gsx {

// Channels that the same layers make and that have the same fate: those of a group (PruneGroup), or
// such as stay for one reason.
struct ChannelRow {
  std::vector<int> makers;   // nodes whose filters make them, ascending
  std::vector<int> readers;  // nodes whose filters read them freely
  int sets = 0;              // of tied channels, each of which goes or stays as a whole
  // Of a group: nodes whose gammas shrink its channels, and what the network loses in bytes of its
  // file and in MACs with one set (channel_costs). Empty and 0 for channels that stay.
  std::vector<int> scales;
  double bytes = 0, macs = 0;
  // Of channels that stay; Why::no: nothing reads them.
  Stay stay = {};
};

// Groups first, in the order of their first maker, then what stays. size: of the images, height and
// width, that MACs are counted for. Values of parameters are not needed.
std::vector<ChannelRow> channel_rows(const Graph&, int64_t height, int64_t width);

}  // namespace gsx
