#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connector/foreign/written_value.h"

namespace firn::connector::foreign {

struct PythonLimits {
  size_t bytes_max = size_t{4} << 20;
  int depth_max = 64;
  int64_t nodes_max = 200'000;
};

/// Finds the one dictionary of a Python file whose keys hold all of `keys`, and reads it. Read are: dictionaries,
/// lists, tuples, strings, numbers, True, False, None; names that the file binds once to such a value, or that are
/// parameters with the default dlt.secrets.value or dlt.config.value; dlt.secrets["a"], dlt.config["a"],
/// os.environ["A"], os.getenv("A"), os.environ.get("A") (settings); f-strings of settings and constants; `X if name
/// else None` (X); calls, which the caller judges. Errors: kConfig E0560 with "line 3" in the message: anything else
/// inside of it, and E0558 if there is no such dictionary, or more than one. Format: The Python Language
/// Reference 3.13, "Lexical analysis" and "Expressions".
Result<WrittenValue> ReadPythonDictionary(std::string_view text, const std::vector<std::string>& keys,
                                          const PythonLimits& limits = {});

}  // namespace firn::connector::foreign
