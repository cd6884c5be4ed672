#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "config/table_config.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}

/// Start positions after the last row of a table: what the source has between would never be read.
namespace firn::pipeline {

/// Compares `text`, a start position, with the largest value that live rows have in `field`, the cursor's column: times
/// as moments, numbers as numbers, other texts bytewise. A text of another kind than all of the table's (a word where
/// those are times) counts as a gap. Columns of types that no cursor has pass, and tables without a value. Reads the
/// column. Errors: kConfig E0952 with the largest value; of the store; kCancelled.
Status CheckNoGap(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                  const schema::Field& field, const config::IncrementalConfig& cursor, const std::string& text,
                  std::stop_token stop);

}  // namespace firn::pipeline
