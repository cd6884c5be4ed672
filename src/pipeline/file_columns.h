#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <vector>

#include "base/status.h"
#include "config/table_config.h"
#include "format/json/table_reader.h"
#include "schema/type.h"
#include "source/source.h"

namespace firn::pipeline {

/// The columns that say where rows of files come from: _file, _line, _modified, as the table asks; none of other
/// sources. Without ids.
std::vector<schema::Field> FileColumnsOf(const config::TableConfig& table);

/// Gives typed rows those columns. Used by one thread.
class FileColumns {
 public:
  explicit FileColumns(const config::TableConfig& table);

  /// Adds the columns to batch and schema. `origin`: of the rows. Errors: kConfig E0497 if the rows have such a column
  /// already.
  Status AddTo(const source::RowOrigin& origin, arrow::MemoryPool* pool, format::json::DecodedRows* rows);
  bool empty() const { return fields_.empty(); }

 private:
  Status Extend(const std::shared_ptr<const schema::Schema>& schema);

  const config::FilesConfig& files_;
  const std::vector<schema::Field> fields_;
  std::shared_ptr<const schema::Schema> plain_;     // as last seen
  std::shared_ptr<const schema::Schema> extended_;  // the same pointer as long as plain_ is
};

/// "orders/a.csv, line 17": where a record of the page lies.
std::string PlaceOf(const source::RowOrigin& origin, uint32_t record);

}  // namespace firn::pipeline
