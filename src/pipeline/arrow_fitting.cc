#include "pipeline/arrow_fitting.h"

#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/compute/exec.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "format/json/column_plan.h"
#include "schema/arrow_mapping.h"

namespace firn::pipeline {
namespace {

using format::json::ContractMode;
using schema::TypeId;

Status DoesNotFit(const std::string& column, const std::string& why) {
  return MakeError(
      Fault::kContract, "column `" + column + "` does not fit the table",
      {.code = "E0888",
       .why = why,
       .state = "nothing of this file was loaded",
       .next = "declare a type that holds both under `columns:`, or load the file into a table of its own"});
}

std::string KeyOf(const schema::Field& column) {
  return format::json::ParseNote(column.doc).key.value_or(column.name);
}

// Ids are the table's, and every column may be null: other files may lack it.
schema::TypePtr Plain(const schema::Type& type, int32_t format_version);

schema::Field Plain(const schema::Field& field, int32_t format_version) {
  schema::Field out{.name = field.name, .type = Plain(*field.type, format_version)};
  return out;
}

schema::TypePtr Plain(const schema::Type& type, int32_t format_version) {
  if (format_version < 3 && type.id == TypeId::kTimestampNs) return schema::Timestamp();
  if (format_version < 3 && type.id == TypeId::kTimestampTzNs) return schema::TimestampTz();
  schema::Type out = type;
  for (schema::Field& child : out.children) child = Plain(child, format_version);
  if (type.id == TypeId::kMap) out.children.front().required = true;
  return std::make_shared<const schema::Type>(std::move(out));
}

// Same shape and names at every depth.
bool IsSame(const schema::Type& a, const schema::Type& b) {
  if (a.id != b.id || a.precision != b.precision || a.scale != b.scale || a.length != b.length) return false;
  return std::ranges::equal(a.children, b.children, [](const schema::Field& x, const schema::Field& y) {
    return x.name == y.name && IsSame(*x.type, *y.type);
  });
}

Result<std::shared_ptr<arrow::Array>> CastTo(const std::shared_ptr<arrow::Array>& values, const schema::Field& column,
                                             arrow::MemoryPool* pool) {
  const auto type = schema::ToArrowType(*column.type);
  if (values->type()->Equals(*type)) return values;
  arrow::compute::ExecContext context(pool == nullptr ? arrow::default_memory_pool() : pool);
  const auto cast = arrow::compute::Cast(arrow::Datum(values), type, arrow::compute::CastOptions::Safe(), &context);
  if (cast.ok()) return cast->make_array();
  return DoesNotFit(column.name, "a value of type " + values->type()->ToString() + " is no exact " +
                                     schema::ToString(*column.type) + ": " + cast.status().message());
}

Status HasNoColumn(const std::string& column, const std::string& what, const std::string& why,
                   const std::string& next) {
  return MakeError(Fault::kContract, what + " `" + column + "`",
                   {.code = "E0888", .why = why, .state = "nothing of this file was loaded", .next = next});
}

// The path of a name that stands twice in one row or struct; empty: none does.
std::string TwiceIn(const arrow::FieldVector& fields, const std::string& prefix) {
  std::set<std::string> seen;
  for (const auto& field : fields) {
    if (!seen.insert(field->name()).second) return prefix + field->name();
  }
  for (const auto& field : fields) {
    const std::string below = TwiceIn(field->type()->fields(), prefix + field->name() + ".");
    if (!below.empty()) return below;
  }
  return "";
}

Status CheckNames(const arrow::FieldVector& fields) {
  const std::string twice = TwiceIn(fields, "");
  if (twice.empty()) return Status::OK();
  return HasNoColumn(twice, "the file has twice the column", "which of the two is meant cannot be told by its name",
                     "write the file with names of their own, or leave both out: `columns: {" +
                         twice.substr(0, twice.find('.')) + ": {drop: true}}`");
}

// The column of a type that tables have; only the declared one of a type that they have not.
Result<schema::Field> ColumnOf(const arrow::Field& field, const schema::Field* declared, int32_t format_version) {
  auto column = schema::FromArrowField(field);
  if (column.ok()) return Plain(*column, format_version);
  if (declared != nullptr) return schema::Field{.name = field.name(), .type = declared->type};
  const bool is_unsigned = field.type()->id() == arrow::Type::UINT64;
  const std::string in_columns = "`columns: {" + field.name() + ": {";
  return HasNoColumn(field.name(), "no Iceberg table can have the column", column.status().message(),
                     (is_unsigned ? "declare " + in_columns + "type: \"decimal(20, 0)\"}}`, or leave it out: "
                                  : std::string("leave it out: ")) +
                         in_columns + "drop: true}}`");
}

}  // namespace

ArrowFitting::ArrowFitting(Options options) : options_(std::move(options)) {
  if (options_.known) columns_ = *options_.known;
  for (schema::Field& column : columns_.fields) column.required = false;
}

schema::Field* ArrowFitting::Find(const std::string& key) {
  const auto found = std::ranges::find_if(columns_.fields, [&](const schema::Field& column) {
    return KeyOf(column) == key && !format::json::ParseNote(column.doc).sibling;
  });
  return found == columns_.fields.end() ? nullptr : &*found;
}

Status ArrowFitting::LearnColumn(const schema::Field& column) {
  schema::Field* known = Find(column.name);
  if (known == nullptr) {
    const bool is_new_table = !options_.known;
    if (!is_new_table && options_.contract.columns != ContractMode::kEvolve) {
      if (options_.contract.columns == ContractMode::kDiscardValue) return Status::OK();
      return MakeError(Fault::kContract, "the file has a new column `" + column.name + "`",
                       {.code = "E0609",
                        .why = "`schema_contract` lets no column be added",
                        .state = "nothing of this file was loaded",
                        .next = "set `schema_contract: evolve`, or add the column to the table"});
    }
    columns_.fields.push_back(NamedApart(column));
    return Status::OK();
  }
  if (IsSame(*known->type, *column.type) || schema::CanPromote(*column.type, *known->type)) return Status::OK();
  const bool declared =
      std::ranges::any_of(options_.declared, [&](const auto& one) { return one.name == column.name; });
  if (declared) return Status::OK();  // each value is looked at
  if (schema::CanPromote(*known->type, *column.type) && options_.contract.types == ContractMode::kEvolve) {
    known->type = column.type;
    return Status::OK();
  }
  return DoesNotFit(column.name, "it is " + schema::ToString(*column.type) + " in the file and " +
                                     schema::ToString(*known->type) + " in the table" +
                                     (column.type->is_nested() ? ", of another shape" : ""));
}

Status ArrowFitting::LearnField(const arrow::Field& field) {
  const auto declared = std::ranges::find(options_.declared, field.name(), &schema::Field::name);
  const bool is_declared = declared != options_.declared.end();
  if (field.type()->id() == arrow::Type::NA && !is_declared) {  // its type comes with another file
    if (Find(field.name()) == nullptr) without_type_.insert(field.name());
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(schema::Field column,
                        ColumnOf(field, is_declared ? &*declared : nullptr, options_.format_version));
  if (is_declared && Find(column.name) == nullptr) column.type = declared->type;
  if (column.type->id == TypeId::kUnknown) return Status::OK();
  without_type_.erase(column.name);
  return LearnColumn(column);
}

Status ArrowFitting::Learn(const arrow::Schema& batch) {
  arrow::FieldVector fields = batch.fields();
  std::erase_if(fields, [&](const auto& field) {
    return std::ranges::find(options_.ignored, field->name()) != options_.ignored.end();
  });
  ARROW_RETURN_NOT_OK(CheckNames(fields));
  const size_t before = columns_.fields.size();
  std::vector<schema::TypePtr> types;
  for (const schema::Field& column : columns_.fields) types.push_back(column.type);
  for (const auto& field : fields) ARROW_RETURN_NOT_OK(LearnField(*field));
  bool changed = shared_ == nullptr || before != columns_.fields.size();
  for (size_t i = 0; i < before && !changed; ++i) changed = types[i] != columns_.fields[i].type;
  if (changed) shared_ = std::make_shared<const schema::Schema>(columns_);
  return Status::OK();
}

// Names that differ in case alone cannot be told apart by most readers.
schema::Field ArrowFitting::NamedApart(schema::Field column) const {
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(columns_.fields,
                               [&](const schema::Field& one) { return AsciiLower(one.name) == AsciiLower(name); });
  };
  const std::string key = column.name;
  for (int number = 2; is_taken(column.name); ++number) column.name = key + "__" + std::to_string(number);
  if (column.name != key) column.doc = format::json::FormatNote({.key = key});
  return column;
}

std::vector<std::string> ArrowFitting::notes() const {
  std::vector<std::string> notes;
  for (const std::string& name : without_type_) {
    notes.push_back("column `" + name + "` has only nulls and no type, so the table has none of it yet");
  }
  return notes;
}

Result<format::json::DecodedRows> ArrowFitting::Fit(const arrow::RecordBatch& batch) {
  if (learnt_ != batch.schema()) {
    ARROW_RETURN_NOT_OK(Learn(*batch.schema()));
    learnt_ = batch.schema();
  }
  arrow::ArrayVector arrays;
  for (const schema::Field& column : columns_.fields) {
    const bool sibling = format::json::ParseNote(column.doc).sibling;
    const auto values = sibling ? nullptr : batch.GetColumnByName(KeyOf(column));
    if (values == nullptr || values->type_id() == arrow::Type::NA) {
      ARROW_ASSIGN_OR_RAISE(
          auto nulls, arrow::MakeArrayOfNull(schema::ToArrowType(*column.type), batch.num_rows(),
                                             options_.pool == nullptr ? arrow::default_memory_pool() : options_.pool));
      arrays.push_back(std::move(nulls));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto cast, CastTo(values, column, options_.pool));
    arrays.push_back(std::move(cast));
  }
  format::json::DecodedRows rows;
  rows.schema = shared_;
  rows.batch = arrow::RecordBatch::Make(schema::ToArrowSchema(columns_), batch.num_rows(), std::move(arrays));
  rows.rows.resize(static_cast<size_t>(batch.num_rows()));
  std::iota(rows.rows.begin(), rows.rows.end(), 0U);
  rows.counters.rows = batch.num_rows();
  return rows;
}

}  // namespace firn::pipeline
