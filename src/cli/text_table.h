#pragma once

#include <string>
#include <vector>

namespace firn::cli {

/// Rows of text with a heading, aligned: numbers to the right. For lists that people read.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Ends with a newline. Columns count code points, not bytes.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace firn::cli
