#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "pipeline/run_result.h"
#include "state/run_record.h"

namespace firn::pipeline {

/// What the history keeps of a table's result.
state::TableRecord RecordOf(const TableResult& result);

/// A record as JSON, with the fields of a table in result.schema.json. Not redacted.
nlohmann::ordered_json RecordJson(const state::TableRecord& record);
nlohmann::ordered_json FindingsJson(const std::vector<state::Finding>& findings);

}  // namespace firn::pipeline
