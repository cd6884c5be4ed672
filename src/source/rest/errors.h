#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connector/plan.h"

/// The named errors of this source. Codes: E0430 records path missing, E0431 repeated page token, E0432 repeated page,
/// E0433 too many pages, E0434 next page on another host, E0435 the way to the next page is not known, E0436 field of
/// the pagination missing, E0437 cursor value, E0438 order of rows, E0439 too many rows at one cursor value, E0440 a
/// template has no value, E0442 token request, E0443 position, E0444 error body with a good status, E0445 child
/// requests that are missing where that cannot mean "no rows", E0514 an error by a rule of the project.
namespace firn::source::rest {

struct Named {
  Fault fault = Fault::kConfig;
  std::string code;
  std::string message;
  std::string where;
  std::string why;
  std::string next;
};
Status NamedError(Named named);

/// One key of a JSON object and the shape of its value.
struct KeyShape {
  std::string key;
  enum class Shape { kScalar, kObject, kArray, kEmptyArray } shape = Shape::kScalar;
};

/// Returns the keys of the object that `body` is, at most `count_max`; empty if it is no object. Tolerant of bad JSON.
std::vector<KeyShape> TopLevelKeys(std::string_view body, size_t count_max);

/// Returns "keys seen: data, meta", fit for an error: a key that looks like data is shown by its shape only.
std::string DescribeKeys(std::string_view body);

}  // namespace firn::source::rest
