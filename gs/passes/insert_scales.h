// Gives channels a scale to be pruned by where a network has none.
#pragma once
#include "gs/passes/channels.h"

namespace gsx {

// Inserts trainable scales, 1 at first, so that no bit of what the network computes changes: as few
// as let channels be pruned that could not be before (prune_groups), and none where none would,
// such as in front of an output.
// - A convolution gets a number per output channel, which multiplies its filters and biases before
//   they are quantised (Node::insert_scale) and folds into them when the network is extracted.
// - Where an instance or batch norm without an affine would take that scale out again, the norm
//   gets gamma and beta instead, and keeps them: eight bytes a channel. So does a group norm, in
//   whose statistics the scale of its convolution counts besides.
// - In a network whose own norms have scales somewhere, norms without an affine stay as they are:
//   whoever made it chose where channels may go.
// Returns how many nodes got scales: none for PruneBy::norm, and none the second time.
int insert_scales(Graph&, PruneBy = PruneBy::both);

}  // namespace gsx
