#include "table/commit/writable.h"

#include <string>
#include <vector>

#include "table/metadata/default_value.h"

namespace firn::table {
namespace {

constexpr char kUnchanged[] = "nothing was changed";

Status Unsupported(std::string what, std::string why, std::string next) {
  return MakeError(Fault::kConfig, std::move(what),
                   {.code = "E0823", .why = std::move(why), .state = kUnchanged, .next = std::move(next)});
}

const schema::Field* FindVariant(const std::vector<schema::Field>& fields) {
  for (const schema::Field& field : fields) {
    if (field.type->id == schema::TypeId::kVariant) return &field;
    if (const schema::Field* found = FindVariant(field.type->children)) return found;
  }
  return nullptr;
}

}  // namespace

Status CheckWritable(const TableMetadata& metadata, int32_t format_version) {
  const std::string version = std::to_string(metadata.format_version);
  if (format_version != 0 && format_version < metadata.format_version) {
    return MakeError(
        Fault::kConfig,
        "the table has format version " + version + ", the configuration asks for " + std::to_string(format_version),
        {.code = "E0822",
         .why = "Iceberg tables cannot go back to an older format version",
         .state = kUnchanged,
         .next = "write `format_version: " + version + "`, or load into a table of another name"});
  }
  if (metadata.format_version < 2) {
    return Unsupported("the table has format version 1", "firn writes versions 2 and 3",
                       "upgrade it with the engine that made it: format-version 2");
  }
  if (const Status defaults = CheckDefaults(metadata.schema()); !defaults.ok()) {
    return Unsupported(defaults.message(), "rows of this build would have null where the default belongs",
                       "load into another table, or drop the column's default with the engine that set it");
  }
  if (const schema::Field* column = FindVariant(metadata.schema().fields)) {
    return Unsupported(
        "column " + column->name + " has the type variant, which this build does not write",
        "updated and moved rows would lose their value there",
        "load into another table, or drop the column: firn table alter TABLE drop-column " + column->name);
  }
  if (metadata.other.contains("encryption-keys") || !metadata.Property("encryption.key-id").empty()) {
    return Unsupported("the table is encrypted", "this build would write its files in the clear",
                       "load into another table");
  }
  return Status::OK();
}

}  // namespace firn::table
