#include "pipeline/column_extent.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ascii.h"
#include "base/uuid.h"
#include "expression/decimal.h"
#include "table/commit/name_mapping.h"
#include "table/delete/delete_reader.h"
#include "table/scan/live_rows.h"
#include "table/scan/plan.h"

namespace firn::pipeline {
namespace {

using schema::TypeId;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

Status NoOrder(const schema::Field& field, const std::string& why) {
  return MakeError(Fault::kConfig, "rows have no sure order by the column " + field.name + ": " + why,
                   {.code = "E0952",
                    .state = "nothing was changed",
                    .next = "give the value itself: firn table adopt TABLE --start-position VALUE"});
}

bool IsKnownKeyType(TypeId id) {
  return id == TypeId::kString || id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kBoolean ||
         id == TypeId::kUuid;
}

// The JSON texts that a source may have written for a value. Empty: not known.
std::vector<std::string> TextsOf(const schema::Field& field, const arrow::Array& values, int64_t row) {
  if (values.IsNull(row)) return {"null"};
  const auto both = [](const std::string& plain) { return std::vector<std::string>{plain, "\"" + plain + "\""}; };
  switch (field.type->id) {
    case TypeId::kInt:
      return both(std::to_string(static_cast<const arrow::Int32Array&>(values).Value(row)));
    case TypeId::kLong:
      return both(std::to_string(static_cast<const arrow::Int64Array&>(values).Value(row)));
    case TypeId::kBoolean:
      return both(static_cast<const arrow::BooleanArray&>(values).Value(row) ? "true" : "false");
    case TypeId::kString: {
      const std::string text(static_cast<const arrow::StringArray&>(values).GetView(row));
      std::vector<std::string> texts = {
          nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
      if (expression::IsJsonNumber(text) || text == "true" || text == "false") texts.push_back(text);
      return texts;
    }
    case TypeId::kUuid: {
      Uuid uuid;
      const auto view = static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row);
      std::copy_n(reinterpret_cast<const uint8_t*>(view.data()), uuid.bytes.size(), uuid.bytes.begin());
      const std::string lower = uuid.ToString();
      std::string upper = lower;
      std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
      return {"\"" + lower + "\"", "\"" + upper + "\""};
    }
    default:
      return {};
  }
}

std::string WhyNotKnown(const std::vector<schema::Field>& key) {
  if (key.empty()) return "the table has no primary_key to know them again by";
  for (const schema::Field& field : key) {
    if (!IsKnownKeyType(field.type->id)) {
      return "the key column " + field.name + " is " + schema::ToString(*field.type) +
             ", and how the source writes it is not known";
    }
  }
  return "";
}

}  // namespace

Status VisitLiveRows(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                     const std::vector<schema::Field>& fields,
                     const std::function<Status(const arrow::RecordBatch&)>& visit, std::stop_token stop) {
  const table::Snapshot* snapshot = metadata->CurrentSnapshot();
  if (snapshot == nullptr) return Status::OK();
  std::shared_ptr<const table::NameMapping> mapping;
  if (const std::string json = metadata->Property(table::kNameMappingProperty); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto parsed, table::ParseNameMapping(json));
    mapping = std::make_shared<const table::NameMapping>(std::move(parsed));
  }
  ARROW_ASSIGN_OR_RAISE(const auto plan,
                        table::PlanFiles(files, *metadata, *snapshot, {.deletes = table::ScanOptions::Deletes::kPlan}));
  const auto deletes = table::DeleteReader::Make(files, metadata, {.name_mapping = mapping});
  schema::Schema target;
  target.fields = fields;
  for (schema::Field& field : target.fields) field.required = false;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    const table::DataFile& file = plan.files[i].file;
    if (file.file_format != table::FileFormat::kParquet) {
      return MakeError(Fault::kConfig, "the data file " + file.file_path + " is no Parquet",
                       {.code = "E0950", .state = "nothing was changed"});
    }
    ARROW_ASSIGN_OR_RAISE(auto deleted, deletes->DeletedRows(plan.files[i], plan.DeletesOf(i)));
    ARROW_ASSIGN_OR_RAISE(
        const auto rows, table::OpenLiveRows(files, file, std::move(deleted), target, {.name_mapping = mapping.get()}));
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(visit(*batch));
    }
  }
  return Status::OK();
}

Result<OrderColumn> OrderColumn::Make(const schema::Field& field) {
  switch (field.type->id) {
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kString:
      return OrderColumn(field);
    default:
      return NoOrder(field, "it is " + schema::ToString(*field.type));
  }
}

bool OrderColumn::is_time() const {
  const TypeId id = field_.type->id;
  return id == TypeId::kDate || id == TypeId::kTimestamp || id == TypeId::kTimestampTz;
}

Result<std::optional<OrderedValue>> OrderColumn::At(const arrow::Array& values, int64_t row) {
  if (values.IsNull(row)) return std::nullopt;
  switch (values.type_id()) {
    case arrow::Type::INT32:
      return OrderedValue{.number = static_cast<const arrow::Int32Array&>(values).Value(row)};
    case arrow::Type::DATE32:
      return OrderedValue{.number = static_cast<const arrow::Date32Array&>(values).Value(row) * kDayMicros};
    case arrow::Type::INT64:
      return OrderedValue{.number = static_cast<const arrow::Int64Array&>(values).Value(row)};
    case arrow::Type::TIMESTAMP:
      return OrderedValue{.number = static_cast<const arrow::TimestampArray&>(values).Value(row)};
    case arrow::Type::STRING: {
      OrderedValue value{.text = std::string(static_cast<const arrow::StringArray&>(values).GetView(row))};
      if (text_size_.value_or(value.text.size()) != value.text.size()) {
        return NoOrder(field_, "its texts have different lengths");
      }
      text_size_ = value.text.size();
      return value;
    }
    default:
      return NoOrder(field_, "it is " + values.type()->ToString());
  }
}

source::CursorStart OrderColumn::StartOf(const OrderedValue& value) const {
  if (is_time()) return {.instant = Timestamp{.micros = value.number}, .text = ""};
  return {.instant = std::nullopt, .text = is_text() ? value.text : std::to_string(value.number)};
}

Result<std::optional<OrderedValue>> LargestValue(io::FileStore& files,
                                                 const std::shared_ptr<const table::TableMetadata>& metadata,
                                                 OrderColumn& column, std::stop_token stop) {
  std::optional<OrderedValue> largest;
  const auto visit = [&](const arrow::RecordBatch& batch) -> Status {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(auto value, column.At(*batch.column(0), row));
      if (value && (!largest || *largest < *value)) largest = std::move(value);
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(VisitLiveRows(files, metadata, {column.field()}, visit, stop));
  return largest;
}

Result<RowsFrom> FindRowsFrom(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                              OrderColumn& column, const OrderedValue& from, const std::vector<schema::Field>& key,
                              std::stop_token stop) {
  RowsFrom found{.why_not_known = WhyNotKnown(key)};
  std::vector<schema::Field> fields = {column.field()};
  std::vector<int> places;  // of the key's parts: the cursor may be one of them
  for (const schema::Field& part : key) {
    const auto at = std::ranges::find(fields, part.id, &schema::Field::id);
    places.push_back(static_cast<int>(at - fields.begin()));
    if (at == fields.end()) fields.push_back(part);
  }
  const auto visit = [&](const arrow::RecordBatch& batch) -> Status {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const auto value, column.At(*batch.column(0), row));
      if (value && *value < from) continue;
      ++found.num_rows;
      if (found.num_rows > kKnownRowsMax) found.why_not_known = "there are too many of them to know them again";
      if (!found.why_not_known.empty()) continue;
      source::KnownRow known;
      if (value) known.cursor = column.StartOf(*value);
      for (size_t part = 0; part < key.size(); ++part) {
        known.key.push_back(TextsOf(key[part], *batch.column(places[part]), row));
      }
      found.rows.push_back(std::move(known));
    }
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(VisitLiveRows(files, metadata, fields, visit, stop));
  if (!found.why_not_known.empty()) found.rows.clear();
  return found;
}

}  // namespace firn::pipeline
