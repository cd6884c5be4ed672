#pragma once

#include <string>
#include <vector>

#include "pipeline/test_folder.h"

namespace firn::pipeline {

/// One thing that is not as a test expects it. Values are JSON text; empty: there is none.
struct RowDifference {
  std::string table;
  std::string row;     // its key as JSON ({"id":1}), else the row itself; empty: it is about the column or the table
  std::string column;  // empty: the whole row, or the whole table
  std::string expected;
  std::string got;
};

/// Compares what a test expects with what came: tables, types of columns, then rows, by the key of `got` where it tells
/// the rows of both sides apart. Values are compared as texts: 1.50 is not 1.5.
std::vector<RowDifference> CompareTables(const std::vector<TestedTable>& expected, const std::vector<TestedTable>& got);

/// "orders {"id":1} total: expected 1.50, got 1.5"
std::string ToText(const RowDifference& difference);

}  // namespace firn::pipeline
