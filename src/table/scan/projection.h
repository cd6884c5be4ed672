#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"

namespace firn::table {

/// Maps names to field ids for files that carry no ids (Iceberg specification, "Name Mapping Serialization"). `fields`
/// of a list has the entry "element", of a map "key" and "value".
struct NameMapping {
  struct Entry {
    int32_t field_id = 0;
    std::map<std::string, Entry> fields;
  };
  std::map<std::string, Entry> fields;
};

/// Parses the table property schema.name-mapping.default. Errors: kBadData.
Result<NameMapping> ParseNameMapping(std::string_view json);

/// Returns `schema` with field ids set from the mapping, at every depth, where a name is mapped. Existing ids are lost.
std::shared_ptr<arrow::Schema> WithMappedIds(const arrow::Schema& schema, const NameMapping& mapping);

/// Brings record batches into the shape of a target schema by field id ("PARQUET:field_id" in the Arrow field
/// metadata): columns are reordered and renamed, missing ones become their default or null, promotions are cast
/// exactly, at every depth; columns the target does not have are dropped or refused. Immutable; shared freely between
/// threads.
class Projection {
 public:
  /// kDrop: rows that are read, whose missing columns have the initial default. kRefuse: rows to be written, which get
  /// the write default; a column of nulls alone (Arrow's null type) may be extra.
  enum class Extra { kDrop, kRefuse };
  /// Errors: kBadData if a column cannot become the target's type, or a required column without value is missing;
  /// kBug under kRefuse for a column the target lacks.
  static Result<Projection> Make(const arrow::Schema& source, const schema::Schema& target, Extra extra);

  /// `batch` must have the source schema. Zero-copy where nothing changes. Errors: of the pool; kBadData for a value
  /// that does not fit (time and timestamps of finer unit).
  Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::RecordBatch& batch, arrow::MemoryPool* pool) const;

  const std::shared_ptr<arrow::Schema>& arrow_schema() const { return arrow_schema_; }
  /// True if Apply changes no value buffers and no order.
  bool identity() const { return identity_; }

  struct Node;

 private:
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<std::shared_ptr<const Node>> columns_;
  bool identity_ = false;
};

/// The id in an Arrow field's metadata, 0 if it has none.
int32_t FieldIdOf(const arrow::Field& field);

}  // namespace firn::table
