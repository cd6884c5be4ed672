#include "pipeline/new_partition_spec.h"

#include <string>
#include <utility>

#include "pipeline/column_naming.h"
#include "pipeline/table_layout.h"
#include "table/write/transform.h"

namespace firn::pipeline {

Result<table::PartitionSpec> NewPartitionSpec(const config::TableConfig& config, const schema::Schema& schema,
                                              const config::Project& project) {
  table::PartitionSpec spec;
  for (const auto& partition : config.partition_by) {
    const schema::Field* column = ColumnOfKey(schema, partition.column);
    if (column == nullptr) {
      return MakeError(Fault::kConfig, "partition_by names the column `" + partition.column + "`, which no row has",
                       {.code = "E0821",
                        .where = project.WhereIs(config.config_path + ".partition_by"),
                        .state = "nothing was committed",
                        .next = "firn preview " + config.name});
    }
    table::PartitionField field{.source_id = column->id};
    field.field_id = table::kPartitionFieldIdBase + 1 + static_cast<int32_t>(spec.fields.size());
    field.transform = TransformOf(partition);
    const std::string transform = table::ToString(field.transform);
    field.name = field.transform.kind == table::Transform::Kind::kIdentity
                     ? column->name
                     : column->name + "_" + transform.substr(0, transform.find('['));
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

std::string PartitionText(const std::vector<config::PartitionConfig>& fields) {
  std::string text;
  for (const auto& field : fields) text += (text.empty() ? "" : ", ") + config::ToString(field);
  return text.empty() ? "none" : text;
}

}  // namespace firn::pipeline
