#pragma once

#include <string>

#include "base/status.h"

namespace firn::config {

/// Returns the text of a YAML file laid out as firn writes it: two blanks per level, lists below their key indented, no
/// blanks at line ends, at most one empty line in a row, line ends \n. Comments, order, quoting and whatever stands
/// within one line stay as they are. The result parses to the same tree, or there is none.
/// `name`: of the file, for messages. Errors: kConfig for text that is no YAML of one document, and for text that
/// cannot be laid out without changing it.
Result<std::string> FormatYaml(const std::string& text, const std::string& name = "");

}  // namespace firn::config
