#pragma once

#include <string>
#include <string_view>

#include "connector/plan.h"

namespace firn::connector {

/// Returns the name of a paging type as in the configuration: "link_header".
std::string_view PagingTypeName(PaginatePlan::Type type);

/// Returns paging for people: "cursor (next token at meta.next, parameter cursor)".
std::string PagingText(const PaginatePlan& plan);

/// Returns the value of `paginate:` in YAML flow style: "{type: cursor, next: meta.next, param: cursor}".
std::string PagingYaml(const PaginatePlan& plan);

}  // namespace firn::connector
