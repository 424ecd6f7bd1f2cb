// Figures of an ablation: quality over compression, and what every method paints.
#pragma once
#include "tools/ablate/table.h"

namespace gsx::tools {

// An SVG file like the paper's Fig. 3: the mean of a column over that of r_c, a colour per method,
// with its spread. Empty where the column has no values.
std::string scatter_svg(const AblationTable&, const std::string& key);

// Like the paper's Figs. 2 and 4 to 6: a row per photo; the photo, the teacher's image, and every
// method's of one seed and budget.
struct AblationGrid {
  struct Head {
    std::string title;
    std::string below;  // its costs
  };
  std::string name;  // of the files: grid-r8
  std::vector<Head> heads;
  std::vector<std::vector<Image>> rows;
};
// One for every budget in the plan, of the first seed; none of budgets without a run that is done.
std::vector<AblationGrid> make_grids(const std::vector<AblationRun>&,
                                     const std::vector<RunOutcome>&);
std::string grid_svg(const AblationGrid&);

}  // namespace gsx::tools
