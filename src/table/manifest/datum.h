#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/avro/encoder.h"
#include "format/avro/schema.h"
#include "format/avro/value.h"
#include "schema/type.h"
#include "table/metadata/literal.h"

/// Reading and writing single values of manifest records.
namespace firn::table {

/// A record datum and where its fields are, found once per file.
class RecordView {
 public:
  /// `fields`: record fields, borrowed, or null if the record is absent. `indexes`: position of each Iceberg id.
  RecordView(const std::vector<format::avro::Value>* fields, const std::map<int32_t, int>& indexes)
      : fields_(fields), indexes_(indexes) {}

  /// The value of a field, or null if it is absent or null. Borrowed.
  const format::avro::Value* Find(int32_t field_id) const;

  /// Optional values: nullopt if absent or null. Errors: kBadData for another type or an int out of range.
  Result<std::optional<int64_t>> OptionalLong(int32_t field_id) const;
  Result<std::optional<int32_t>> OptionalInt(int32_t field_id) const;
  Result<std::optional<bool>> OptionalBool(int32_t field_id) const;
  Result<std::optional<std::string>> OptionalBytes(int32_t field_id) const;
  /// Required values. Errors: kBadData also if absent.
  Result<int64_t> Long(int32_t field_id) const;
  Result<int32_t> Int(int32_t field_id) const;
  Result<std::string> Bytes(int32_t field_id) const;

 private:
  const std::vector<format::avro::Value>* fields_;
  const std::map<int32_t, int>& indexes_;
};

/// Finds the fields of a record schema (an optional is looked into) by Iceberg id, or by name if it has no ids.
std::map<int32_t, int> FieldIndexes(const format::avro::Node& record, const std::vector<schema::Field>& fields);

Result<int64_t> LongOf(const format::avro::Value& value);
Result<std::string> BytesOf(const format::avro::Value& value);
Result<const std::vector<format::avro::Value>*> ItemsOf(const format::avro::Value& value);

/// Converts a partition value to the type of its field; a day may be int or date, a decimal bytes or fixed.
/// Errors: kBadData if it does not fit.
Result<Literal> LiteralOf(const schema::TypePtr& type, const format::avro::Value& value);
/// Appends a partition value as the optional that AvroSchemaJson declares for its type.
void EncodeLiteral(const Literal& literal, format::avro::Encoder& out);

}  // namespace firn::table
