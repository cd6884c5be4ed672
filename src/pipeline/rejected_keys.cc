#include "pipeline/rejected_keys.h"

#include <arrow/array/array_base.h>
#include <arrow/type.h>

#include "schema/arrow_mapping.h"

namespace firn::pipeline {
namespace {

// "id__string", "id__string__2": the names that sibling columns of "id" have (format/json).
bool IsSiblingOf(const std::string& column, const std::string& key) {
  return column.starts_with(key + "__");
}

std::string NameOf(const arrow::DataType& type) {
  const auto known = schema::FromArrowType(type);
  return known.ok() ? schema::ToString(**known) : type.ToString();
}

}  // namespace

std::string WhyKeyIsRefused(const arrow::RecordBatch& rows, int64_t row, const std::vector<RequiredColumn>& required) {
  for (const auto& [name, role] : required) {
    const auto values = rows.GetColumnByName(name);
    if (values == nullptr || values->IsValid(row)) continue;
    for (int i = 0; i < rows.num_columns(); ++i) {
      if (!IsSiblingOf(rows.column_name(i), name) || !rows.column(i)->IsValid(row)) continue;
      return "the " + role + " `" + name + "` has a value of another type: " + NameOf(*rows.column(i)->type()) +
             ", not " + NameOf(*values->type());
    }
    return "the " + role + " `" + name + "` is null";
  }
  return "the primary key is null";
}

}  // namespace firn::pipeline
