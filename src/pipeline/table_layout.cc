#include "pipeline/table_layout.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/sort_text.h"
#include "pipeline/column_naming.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {
namespace {

/// Puts the settings of one table over its metadata.
class LayoutBuilder {
 public:
  LayoutBuilder(const config::TableConfig& config, const table::TableMetadata* base, const schema::Schema& schema,
                const config::Project& project)
      : config_(config), base_(base), schema_(schema), project_(project) {}

  Result<TableLayout> Build();

 private:
  Status SetOrder();
  Status SetZOrder();
  void SetBloomFilters();
  void SetStatistics();
  void SetTarget();
  Result<const schema::Field*> SortColumn(const std::string& path) const;
  Status CannotSort(const std::string& what) const;
  std::string FullName(const std::string& path) const;

  const config::TableConfig& config_;
  const table::TableMetadata* base_;
  const schema::Schema& schema_;
  const config::Project& project_;
  table::LayoutChange change_;
};

Result<const schema::Field*> LayoutBuilder::SortColumn(const std::string& path) const {
  const schema::Field* column = ColumnOfKey(schema_, path);
  if (column != nullptr) return column;
  return MakeError(Fault::kConfig, "sort_by names the column `" + path + "`, which no row has",
                   {.code = "E0890",
                    .where = project_.WhereIs(config_.config_path + ".sort_by"),
                    .state = "nothing was committed",
                    .next = "firn preview " + config_.name});
}

Status LayoutBuilder::CannotSort(const std::string& what) const {
  return MakeError(Fault::kConfig, "rows cannot be sorted by " + what,
                   {.code = "E0891",
                    .where = project_.WhereIs(config_.config_path + ".sort_by"),
                    .why = "engines order plain columns alike, but uuids not, and nested values not at all",
                    .state = "nothing was committed",
                    .next = "choose another column, or a bucket of it"});
}

Status LayoutBuilder::SetOrder() {
  if (!config_.layout.sort_by) return Status::OK();
  table::SortOrder order;
  for (const config::SortConfig& sort : *config_.layout.sort_by) {
    ARROW_ASSIGN_OR_RAISE(const schema::Field* column, SortColumn(sort.key.column));
    order.fields.push_back({.source_id = column->id,
                            .transform = TransformOf(sort.key),
                            .ascending = sort.ascending,
                            .nulls_first = sort.nulls_first});
    if (!table::CanSort({.order = {.fields = {order.fields.back()}}}, schema_)) {
      return CannotSort(ToString(sort.key));
    }
  }
  order.order_id = base_ != nullptr ? table::SortOrderIdOf(*base_, order.fields) : order.fields.empty() ? 0 : 1;
  change_.sort_order = std::move(order);
  return SetZOrder();
}

Status LayoutBuilder::SetZOrder() {
  std::vector<std::string> names;
  for (const std::string& path : config_.layout.zorder) {
    ARROW_ASSIGN_OR_RAISE(const schema::Field* column, SortColumn(path));
    if (!table::CanSort({.zorder = {column->id}}, schema_)) return CannotSort(path);
    names.push_back(column->name);
  }
  if (names.empty()) {
    change_.removed_properties.emplace_back(table::kZOrderKey);
  } else {
    change_.properties[table::kZOrderKey] = table::ZOrderText(names);
  }
  return Status::OK();
}

/// "customer.email" by the names that the table has; empty if there is no such column (yet).
std::string LayoutBuilder::FullName(const std::string& path) const {
  if (const schema::Field* whole = ColumnOfKey(schema_, path)) return whole->name;
  std::string name;
  schema::Schema level = schema_;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    const schema::Field* column = ColumnOfKey(level, path.substr(begin, dot - begin));
    if (column == nullptr) return "";
    name += (name.empty() ? "" : ".") + column->name;
    level = {.fields =
                 column->type->id == schema::TypeId::kStruct ? column->type->children : std::vector<schema::Field>{}};
    begin = dot + 1;
  }
  return name;
}

void LayoutBuilder::SetBloomFilters() {
  for (const config::ColumnConfig& column : config_.columns) {
    if (!column.bloom_filter) continue;
    const std::string name = FullName(column.path);
    if (name.empty()) continue;
    const auto& filter = *column.bloom_filter;
    const auto set = [&](const char* prefix, bool wanted, std::string value) {
      if (wanted) {
        change_.properties[prefix + name] = std::move(value);
      } else {
        change_.removed_properties.push_back(prefix + name);
      }
    };
    char fpp[32];
    std::snprintf(fpp, sizeof(fpp), "%g", filter.fpp);
    set(table::kBloomEnabledPrefix, filter.enabled, "true");
    set(table::kBloomFppPrefix, filter.enabled, fpp);
    set(table::kBloomNdvPrefix, filter.enabled && filter.ndv, std::to_string(filter.ndv.value_or(0)));
  }
}

void LayoutBuilder::SetStatistics() {
  if (!config_.layout.ndv_statistics) return;
  if (*config_.layout.ndv_statistics) {
    change_.properties[table::kStatisticsKey] = table::kNdvStatistics;
  } else {
    change_.removed_properties.emplace_back(table::kStatisticsKey);
  }
}

void LayoutBuilder::SetTarget() {
  if (base_ != nullptr && !config_.layout.target_is_written) return;
  change_.properties[table::kTargetFileSize] = std::to_string(config_.write.file_bytes_max);
}

Result<TableLayout> LayoutBuilder::Build() {
  ARROW_RETURN_NOT_OK(SetOrder());
  SetBloomFilters();
  SetStatistics();
  SetTarget();
  std::map<std::string, std::string> properties;
  if (base_ != nullptr) properties = base_->properties;
  for (const std::string& key : change_.removed_properties) properties.erase(key);
  for (const auto& [key, value] : change_.properties) properties[key] = value;
  table::SortOrder order;
  if (base_ != nullptr) order = base_->default_sort_order();
  if (change_.sort_order) order = *change_.sort_order;
  TableLayout layout{.files = table::LayoutOf(order, properties, schema_), .change = std::move(change_)};
  if (layout.files.target_file_bytes == 0) layout.files.target_file_bytes = config_.write.file_bytes_max;
  return layout;
}

}  // namespace

table::Transform TransformOf(const config::PartitionConfig& key) {
  using Source = config::PartitionConfig::Transform;
  using Kind = table::Transform::Kind;
  constexpr std::pair<Source, Kind> kKinds[] = {{Source::kIdentity, Kind::kIdentity}, {Source::kBucket, Kind::kBucket},
                                                {Source::kTruncate, Kind::kTruncate}, {Source::kYear, Kind::kYear},
                                                {Source::kMonth, Kind::kMonth},       {Source::kDay, Kind::kDay},
                                                {Source::kHour, Kind::kHour}};
  table::Transform transform{.parameter = key.argument};
  for (const auto& [from, to] : kKinds) {
    if (from == key.transform) transform.kind = to;
  }
  return transform;
}

Result<TableLayout> LayoutOfLoad(const config::TableConfig& config, const table::TableMetadata* base,
                                 const schema::Schema& schema, const config::Project& project) {
  return LayoutBuilder(config, base, schema, project).Build();
}

Result<table::RowOrder> ParseRowOrder(std::string_view text, const table::TableMetadata& metadata) {
  const auto parsed = config::ParseSortOrder({std::string(text)});
  if (!parsed) {
    return MakeError(Fault::kConfig, "`" + std::string(text) + "` is no sort order",
                     {.next = "write columns like \"created_at desc, id\", or \"zorder(a, b)\""});
  }
  const auto column_id = [&](const std::string& name) -> Result<int32_t> {
    const schema::Field* column = metadata.schema().Find(name);
    if (column == nullptr) column = ColumnOfKey(metadata.schema(), name);
    if (column != nullptr) return column->id;
    return MakeError(Fault::kConfig, "the table has no column `" + name + "`", {.next = "firn table metadata TABLE"});
  };
  table::RowOrder order;
  for (const std::string& name : parsed->zorder) {
    ARROW_ASSIGN_OR_RAISE(order.zorder.emplace_back(), column_id(name));
  }
  for (const config::SortConfig& sort : *parsed->sort_by) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, column_id(sort.key.column));
    order.order.fields.push_back({.source_id = id,
                                  .transform = TransformOf(sort.key),
                                  .ascending = sort.ascending,
                                  .nulls_first = sort.nulls_first});
  }
  for (const table::SortOrder& known : metadata.sort_orders) {
    if (known.fields == order.order.fields) order.order.order_id = known.order_id;
  }
  return order;
}

}  // namespace firn::pipeline
