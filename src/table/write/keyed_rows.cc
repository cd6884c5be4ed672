#include "table/write/keyed_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>

#include "table/write/key_hasher.h"
#include "table/write/order_value.h"

namespace firn::table {

namespace {

void AppendNumber(int64_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendValue(const schema::Type& type, const arrow::Array& values, int64_t row, std::string* out);

void AppendElements(const schema::Type& element, const arrow::Array& values, int64_t begin, int64_t end,
                    std::string* out) {
  for (int64_t i = begin; i < end; ++i) {
    AppendNumber(values.IsValid(i) ? 1 : 0, out);
    if (values.IsValid(i)) AppendValue(element, values, i, out);
  }
}

void AppendStruct(const schema::Type& type, const arrow::StructArray& values, int64_t row, std::string* out) {
  for (size_t i = 0; i < type.children.size(); ++i) {
    const auto child = values.field(static_cast<int>(i));
    if (child->IsNull(row)) continue;
    AppendNumber(type.children[i].id, out);
    AppendValue(*type.children[i].type, *child, row, out);
  }
  AppendNumber(-1, out);
}

void AppendMap(const schema::Type& type, const arrow::MapArray& values, int64_t row, std::string* out) {
  const int64_t begin = values.value_offset(row), end = values.value_offset(row + 1);
  AppendNumber(end - begin, out);
  AppendElements(*type.children[0].type, *values.keys(), begin, end, out);
  AppendElements(*type.children[1].type, *values.items(), begin, end, out);
}

/// Appends the canonical form of a value that is not null.
void AppendValue(const schema::Type& type, const arrow::Array& values, int64_t row, std::string* out) {
  switch (type.id) {
    case schema::TypeId::kStruct:
      return AppendStruct(type, static_cast<const arrow::StructArray&>(values), row, out);
    case schema::TypeId::kList: {
      const auto& list = static_cast<const arrow::ListArray&>(values);
      const int64_t begin = list.value_offset(row), end = list.value_offset(row + 1);
      AppendNumber(end - begin, out);
      return AppendElements(*type.children[0].type, *list.values(), begin, end, out);
    }
    case schema::TypeId::kMap:
      return AppendMap(type, static_cast<const arrow::MapArray&>(values), row, out);
    default:
      return AppendCanonical(values, row, out);
  }
}

/// Returns the index of a top-level column in `to`, where it is put if it is not there.
Result<int> Take(const schema::Schema& table, int32_t field_id, schema::Schema* to) {
  const auto known = std::ranges::find(to->fields, field_id, &schema::Field::id);
  if (known != to->fields.end()) return static_cast<int>(known - to->fields.begin());
  ARROW_ASSIGN_OR_RAISE(const schema::Field* field, TopLevelField(table, field_id));
  to->fields.push_back(*field);
  to->fields.back().required = false;
  return static_cast<int>(to->fields.size()) - 1;
}

}  // namespace

Result<KeyedRowReader> KeyedRowReader::Make(const schema::Schema& table, const std::vector<int32_t>& key,
                                            const MergeStrategy::Columns& columns, const MergeStrategy& strategy,
                                            const RetireScope& scope) {
  KeyedRowReader reader;
  if (!key.empty()) {
    ARROW_ASSIGN_OR_RAISE(reader.schema_, KeySchema(table, key));
  }
  reader.num_key_columns_ = static_cast<int>(key.size());
  if (columns.order != 0) {
    ARROW_ASSIGN_OR_RAISE(reader.order_, Take(table, columns.order, &reader.schema_));
  }
  if (columns.end != 0) {
    ARROW_ASSIGN_OR_RAISE(reader.end_, Take(table, columns.end, &reader.schema_));
  }
  if (scope.kind == RetireScope::Kind::kRange) {
    ARROW_ASSIGN_OR_RAISE(reader.range_, Take(table, scope.order_field_id, &reader.schema_));
    reader.scope_ = scope;
  }
  std::vector<int32_t> tracked;
  for (const schema::Field& field : table.fields) {
    if (columns.content && strategy.Tracks(field.id)) tracked.push_back(field.id);
  }
  std::ranges::sort(tracked);  // in the order they were added, whatever the order of columns
  for (const int32_t id : tracked) {
    ARROW_ASSIGN_OR_RAISE(const int index, Take(table, id, &reader.schema_));
    reader.content_.push_back(index);
  }
  return reader;
}

KeyedRowReader::Rows KeyedRowReader::Read(const arrow::RecordBatch& batch, const index::HashSecret* secret) const {
  Rows out;
  out.rows.resize(static_cast<size_t>(batch.num_rows()));
  if (num_key_columns_ > 0) {
    std::vector<int> first(static_cast<size_t>(num_key_columns_));
    std::iota(first.begin(), first.end(), 0);
    KeyHashes keys = HashKeys(*batch.SelectColumns(first).ValueOrDie(), secret);
    for (size_t i = 0; i < out.rows.size(); ++i) out.rows[i].hash = keys.hashes[i];
    out.null_key = std::move(keys.has_null);
  }
  for (size_t i = 0; i < out.rows.size(); ++i) {
    KeyedRow& row = out.rows[i];
    const auto at = static_cast<int64_t>(i);
    if (const auto order = order_ < 0 ? std::nullopt : OrderOf(*batch.column(order_), at)) {
      row.order = *order;
      row.flags |= KeyedRow::kHasOrder;
    }
    if (const auto end = end_ < 0 ? std::nullopt : OrderOf(*batch.column(end_), at)) {
      row.end = *end;
      row.flags |= KeyedRow::kHasEnd;
    }
    if (range_ >= 0) {
      const auto order = OrderOf(*batch.column(range_), at);
      if (order ? scope_.Contains(*order) : scope_.nulls) row.flags |= KeyedRow::kInScope;
    }
  }
  if (!content_.empty()) HashContents(batch, &out.rows);
  return out;
}

void KeyedRowReader::HashContents(const arrow::RecordBatch& batch, std::vector<KeyedRow>* rows) const {
  std::string content;
  for (size_t i = 0; i < rows->size(); ++i) {
    content.clear();
    for (const int index : content_) {
      const arrow::Array& values = *batch.column(index);
      if (values.IsNull(static_cast<int64_t>(i))) continue;
      const schema::Field& field = schema_.fields[static_cast<size_t>(index)];
      AppendNumber(field.id, &content);
      AppendValue(*field.type, values, static_cast<int64_t>(i), &content);
    }
    (*rows)[i].content = Xxh3(content);
  }
}

}  // namespace firn::table
