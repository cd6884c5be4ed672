#include "table/metadata/schema_json.h"

#include <set>
#include <utility>

#include "table/metadata/json_reader.h"
#include "table/metadata/json_writer.h"

namespace firn::table {
namespace {

using schema::Field;
using schema::Type;
using schema::TypeId;
using schema::TypePtr;

void WriteType(const Type& type, JsonWriter& out);

void WriteFields(const std::vector<Field>& fields, JsonWriter& out) {
  out.Key("fields").BeginArray();
  for (const Field& field : fields) {
    out.BeginObject().Key("id").Int(field.id).Key("name").String(field.name);
    out.Key("required").Bool(field.required).Key("type");
    WriteType(*field.type, out);
    if (!field.doc.empty()) out.Key("doc").String(field.doc);
    if (!field.initial_default.empty()) out.Key("initial-default").Raw(field.initial_default);
    if (!field.write_default.empty()) out.Key("write-default").Raw(field.write_default);
    out.EndObject();
  }
  out.EndArray();
}

void WriteType(const Type& type, JsonWriter& out) {
  if (!type.is_nested()) {
    // Primitives are bare strings, never {"type":"int"} (duckdb-iceberg#1245).
    out.String(schema::ToString(type));
    return;
  }
  out.BeginObject().Key("type").String(schema::ToString(type));
  if (type.id == TypeId::kStruct) {
    WriteFields(type.children, out);
  } else if (type.id == TypeId::kList) {
    const Field& element = type.children[0];
    out.Key("element-id").Int(element.id).Key("element");
    WriteType(*element.type, out);
    out.Key("element-required").Bool(element.required);
  } else {
    const Field &key = type.children[0], &value = type.children[1];
    out.Key("key-id").Int(key.id).Key("key");
    WriteType(*key.type, out);
    out.Key("value-id").Int(value.id).Key("value");
    WriteType(*value.type, out);
    out.Key("value-required").Bool(value.required);
  }
  out.EndObject();
}

Result<TypePtr> PrimitiveFromText(const std::string& name, const std::string& place) {
  if (name.starts_with("geometry") || name.starts_with("geography")) {
    return MakeError(Fault::kConfig, place + ": column type " + name + " of Iceberg version 3 is not in this build");
  }
  auto type = schema::ParsePrimitive(name);
  if (!type.ok()) return MakeError(Fault::kBadData, place + ": not an Iceberg type");
  return type;
}

Result<TypePtr> TypeFromJson(const Json& json, const std::string& place);

// A list element, map key or map value: keys "<part>-id", "<part>" and maybe "<part>-required".
Result<Field> PartFromJson(const JsonObject& object, const std::string& part, bool required) {
  Field field{.name = part, .required = required};
  ARROW_ASSIGN_OR_RAISE(field.id, object.Int((part + "-id").c_str()));
  ARROW_ASSIGN_OR_RAISE(const Json* type, object.Get(part.c_str()));
  ARROW_ASSIGN_OR_RAISE(field.type, TypeFromJson(*type, object.Place(part)));
  return field;
}

Result<Field> FieldFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  Field field;
  ARROW_ASSIGN_OR_RAISE(field.id, object.Int("id"));
  ARROW_ASSIGN_OR_RAISE(field.name, object.String("name"));
  ARROW_ASSIGN_OR_RAISE(field.required, object.Bool("required"));
  ARROW_ASSIGN_OR_RAISE(const Json* type, object.Get("type"));
  ARROW_ASSIGN_OR_RAISE(field.type, TypeFromJson(*type, object.Place("type")));
  ARROW_ASSIGN_OR_RAISE(auto doc, object.OptionalString("doc"));
  field.doc = doc.value_or("");
  if (const Json* value = object.Find("initial-default"); value && !value->is_null())
    field.initial_default = value->dump();
  if (const Json* value = object.Find("write-default"); value && !value->is_null()) field.write_default = value->dump();
  return field;
}

Result<std::vector<Field>> FieldsFromJson(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const Json* array, object.Array("fields", /*required=*/true));
  std::vector<Field> fields;
  for (const Json& json : *array) {
    const std::string place = object.Place("fields[" + std::to_string(fields.size()) + "]");
    ARROW_ASSIGN_OR_RAISE(Field field, FieldFromJson(json, place));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<TypePtr> TypeFromJson(const Json& json, const std::string& place) {
  if (json.is_string()) return PrimitiveFromText(json.get<std::string>(), place);
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  ARROW_ASSIGN_OR_RAISE(const std::string name, object.String("type"));
  if (name == "struct") {
    ARROW_ASSIGN_OR_RAISE(std::vector<Field> fields, FieldsFromJson(object));
    return schema::Struct(std::move(fields));
  }
  if (name == "list") {
    ARROW_ASSIGN_OR_RAISE(const bool required, object.Bool("element-required"));
    ARROW_ASSIGN_OR_RAISE(Field element, PartFromJson(object, "element", required));
    return schema::List(std::move(element));
  }
  if (name == "map") {
    ARROW_ASSIGN_OR_RAISE(const bool required, object.Bool("value-required"));
    ARROW_ASSIGN_OR_RAISE(Field key, PartFromJson(object, "key", true));
    ARROW_ASSIGN_OR_RAISE(Field value, PartFromJson(object, "value", required));
    return schema::Map(std::move(key), std::move(value));
  }
  return PrimitiveFromText(name, place);  // {"type":"int"}, written by some
}

Status CheckIdsUnique(const std::vector<Field>& fields, std::set<int32_t>& seen, const std::string& place) {
  for (const Field& field : fields) {
    if (field.id < 0) return MakeError(Fault::kBadData, place + ": negative field id " + std::to_string(field.id));
    if (!seen.insert(field.id).second) {
      return MakeError(Fault::kBadData, place + ": field id used twice: " + std::to_string(field.id));
    }
    ARROW_RETURN_NOT_OK(CheckIdsUnique(field.type->children, seen, place));
  }
  return Status::OK();
}

void WriteSpecFields(const PartitionSpec& spec, JsonWriter& out) {
  out.BeginArray();
  for (const PartitionField& field : spec.fields) {
    out.BeginObject().Key("name").String(field.name).Key("transform").String(ToString(field.transform));
    out.Key("source-id").Int(field.source_id);
    if (field.field_id != 0) out.Key("field-id").Int(field.field_id);
    out.EndObject();
  }
  out.EndArray();
}

// v3 writers may send "source-ids" with one element instead of "source-id".
Result<int32_t> SourceId(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const auto single, object.OptionalInt("source-id"));
  if (single) return *single;
  ARROW_ASSIGN_OR_RAISE(const auto several, object.Ints("source-ids"));
  if (several.size() == 1) return several[0];
  if (several.empty()) return object.Bad("source-id", "required, but missing");
  return MakeError(Fault::kConfig, object.Place("source-ids") + ": transforms of several columns are not supported");
}

Result<Transform> TransformOf(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, object.String("transform"));
  auto transform = ParseTransform(text);
  return transform.ok() ? transform : Result<Transform>(Within(object.place(), transform.status()));
}

Result<SortField> SortFieldFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  SortField field;
  ARROW_ASSIGN_OR_RAISE(field.source_id, SourceId(object));
  ARROW_ASSIGN_OR_RAISE(field.transform, TransformOf(object));
  ARROW_ASSIGN_OR_RAISE(const std::string direction, object.String("direction"));
  ARROW_ASSIGN_OR_RAISE(const std::string nulls, object.String("null-order"));
  if (direction != "asc" && direction != "desc") return object.Bad("direction", "neither asc nor desc");
  if (nulls != "nulls-first" && nulls != "nulls-last") return object.Bad("null-order", "unknown order");
  field.ascending = direction == "asc";
  field.nulls_first = nulls == "nulls-first";
  return field;
}

}  // namespace

std::string WriteSchema(const schema::Schema& schema) {
  JsonWriter out;
  out.BeginObject().Key("type").String("struct").Key("schema-id").Int(schema.schema_id);
  if (!schema.identifier_field_ids.empty()) {
    out.Key("identifier-field-ids").BeginArray();
    for (const int32_t id : schema.identifier_field_ids) out.Int(id);
    out.EndArray();
  }
  WriteFields(schema.fields, out);
  out.EndObject();
  return out.Take();
}

Result<schema::Schema> SchemaFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  schema::Schema schema;
  ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("schema-id"));
  schema.schema_id = id.value_or(0);
  ARROW_ASSIGN_OR_RAISE(schema.fields, FieldsFromJson(object));
  ARROW_ASSIGN_OR_RAISE(schema.identifier_field_ids, object.Ints("identifier-field-ids"));
  std::set<int32_t> seen;
  ARROW_RETURN_NOT_OK(CheckIdsUnique(schema.fields, seen, place));
  return schema;
}

Result<schema::Schema> ParseSchema(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "schema"));
  return SchemaFromJson(tree, "schema");
}

std::string WritePartitionFields(const PartitionSpec& spec) {
  JsonWriter out;
  WriteSpecFields(spec, out);
  return out.Take();
}

std::string WritePartitionSpec(const PartitionSpec& spec) {
  JsonWriter out;
  out.BeginObject().Key("spec-id").Int(spec.spec_id).Key("fields");
  WriteSpecFields(spec, out);
  out.EndObject();
  return out.Take();
}

Result<PartitionSpec> SpecFromJson(const Json& json, int32_t spec_id, MissingFieldIds missing,
                                   const std::string& place) {
  PartitionSpec spec{.spec_id = spec_id};
  const Json* array = &json;
  if (!json.is_array()) {
    ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
    ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("spec-id"));
    spec.spec_id = id.value_or(spec_id);
    ARROW_ASSIGN_OR_RAISE(array, object.Array("fields", /*required=*/true));
  }
  for (const Json& element : *array) {
    const size_t index = spec.fields.size();
    ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                          JsonObject::Of(element, place + ".fields[" + std::to_string(index) + "]"));
    PartitionField field;
    ARROW_ASSIGN_OR_RAISE(field.name, object.String("name"));
    ARROW_ASSIGN_OR_RAISE(field.transform, TransformOf(object));
    ARROW_ASSIGN_OR_RAISE(field.source_id, SourceId(object));
    ARROW_ASSIGN_OR_RAISE(const auto field_id, object.OptionalInt("field-id"));
    const int32_t numbered = kPartitionFieldIdBase + 1 + static_cast<int32_t>(index);
    field.field_id = field_id.value_or(missing == MissingFieldIds::kNumber ? numbered : 0);
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

Result<PartitionSpec> ParsePartitionSpec(std::string_view json, int32_t spec_id) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "partition-spec"));
  return SpecFromJson(tree, spec_id, MissingFieldIds::kNumber, "partition-spec");
}

std::string WriteSortOrder(const SortOrder& order) {
  JsonWriter out;
  out.BeginObject().Key("order-id").Int(order.order_id).Key("fields").BeginArray();
  for (const SortField& field : order.fields) {
    out.BeginObject().Key("transform").String(ToString(field.transform)).Key("source-id").Int(field.source_id);
    out.Key("direction").String(field.ascending ? "asc" : "desc");
    out.Key("null-order").String(field.nulls_first ? "nulls-first" : "nulls-last").EndObject();
  }
  out.EndArray().EndObject();
  return out.Take();
}

Result<SortOrder> SortOrderFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  SortOrder order;
  ARROW_ASSIGN_OR_RAISE(order.order_id, object.Int("order-id"));
  ARROW_ASSIGN_OR_RAISE(const Json* array, object.Array("fields", /*required=*/true));
  for (const Json& element : *array) {
    const std::string at = object.Place("fields[" + std::to_string(order.fields.size()) + "]");
    ARROW_ASSIGN_OR_RAISE(SortField field, SortFieldFromJson(element, at));
    order.fields.push_back(std::move(field));
  }
  return order;
}

Result<SortOrder> ParseSortOrder(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "sort-order"));
  return SortOrderFromJson(tree, "sort-order");
}

}  // namespace firn::table
