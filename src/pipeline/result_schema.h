#pragma once

#include <string_view>

namespace firn::pipeline {

/// The JSON Schema (draft 2020-12) of what `run`, `retry`, `rederive`, `copy`, `runs` and `status` print with --json,
/// of result.json and of the messages of alerts. Kept as docs/reference/result.schema.json.
std::string_view ResultSchema();

}  // namespace firn::pipeline
