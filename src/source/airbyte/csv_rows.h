#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

struct CsvOptions {
  std::string delimiter = ",";
  std::string encoding = "utf-8";
  std::vector<std::string> nulls;  // values that mean null
  bool has_nulls = false;
};

/// Rows of a CSV text as maps from the header's names to texts, read as Python's csv.DictReader does: missing values
/// are null, empty lines left out. Errors: kConfig for an encoding other than UTF-8, ASCII and Latin-1.
Result<std::vector<Value>> ParseCsvRows(std::string_view text, const CsvOptions& options);

}  // namespace firn::source::airbyte
