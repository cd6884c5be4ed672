#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "format/json/mask.h"
#include "format/json/table_reader.h"
#include "source/source.h"

namespace firn::pipeline {

/// Returns for each of `rows` whether it is among `deleted`; both page records, ascending.
Result<std::shared_ptr<arrow::BooleanArray>> DeleteFlags(const std::vector<uint32_t>& rows,
                                                         const std::vector<uint32_t>& deleted, arrow::MemoryPool* pool);

/// Refuses rows that are undecided. `where`: if the error does not say it. Errors: kBadData, that of the first of them.
Status CheckDecided(const source::JsonRows& rows, const std::string& where);

/// Takes the undecided rows out of `rows` before anybody asks for their types, as rows of the quarantine with masked
/// text. A record that is no JSON stays: it is found so when it is typed. `masks` may be null.
std::vector<format::json::QuarantinedRow> TakeOutUndecided(const format::json::MaskTree* masks, source::JsonRows* rows);

}  // namespace firn::pipeline
