// What an ablation found, as one table: a row per method and budget, means over seeds.
#pragma once
#include "tools/ablate/runner.h"

namespace gsx::tools {

struct AblationTable {
  struct Column {
    std::string key;    // in CSV
    std::string title;  // for people
  };
  struct Value {
    double mean = 0, spread = 0;  // standard deviation over runs (n - 1); 0 for a single one
    int runs = 0;                 // 0: no value
  };
  struct Row {
    std::string method;  // teacher: the network they all start from
    std::optional<double> ratio;
    int runs = 0;               // that are done
    int missed = 0;             // of them, those that missed their budget
    std::vector<Value> values;  // one per column
  };
  std::vector<Column> columns;
  std::vector<Row> rows;           // in the plan's order; without runs that are done: none
  std::vector<std::string> notes;  // what the columns' names leave open

  const Value& value(const Row&, const std::string& key) const;
};

AblationTable make_table(const std::vector<AblationRun>&, const std::vector<RunOutcome>&);

std::string to_csv(const AblationTable&);
std::string to_markdown(const AblationTable&);
std::string to_latex(const AblationTable&);

}  // namespace gsx::tools
