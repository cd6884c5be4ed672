#pragma once

#include <cstdint>
#include <memory>
#include <string>

/// Where a piece of configuration was written.
namespace firn::config {

/// One file (or environment variable, or flag) that configuration came from. Immutable once read.
struct SourceFile {
  std::string name;     // as shown to the user: "firn.yaml", "<stdin>", "environment variable FIRN__LAKE__WAREHOUSE"
  std::string text;     // its bytes, for excerpts
  bool is_file = true;  // false: a variable or flag, which has no line numbers
};

/// A range of a file. Lines and columns count from 1, columns in code points; the end is exclusive.
struct Span {
  std::shared_ptr<const SourceFile> file;  // null: nowhere (a default)
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t end_line = 0;
  uint32_t end_column = 0;

  explicit operator bool() const { return file != nullptr; }
};

/// Returns "firn.yaml:28:9", the bare name where there are no lines, or "" for a span that is nowhere.
std::string ToString(const Span& span);

}  // namespace firn::config
