#include "catalog/glue/protocol.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace firn::catalog::glue {
namespace {

using Json = nlohmann::json;

constexpr size_t kColumnsMax = 400;  // of which Glue is told; its entries are limited in size
constexpr size_t kTypeBytesMax = 131'072;
constexpr size_t kTextBytesMax = 2048;  // of descriptions and comments

Status NotProtocol(const char* what) {
  return MakeError(Fault::kBadData, std::string("Glue's answer is not of its interface: ") + what,
                   {.next = "check lake.catalog.endpoint"});
}

Result<Json> ParseObject(std::string_view body) {
  Json json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return NotProtocol("no JSON object");
  return json;
}

std::string TextOf(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

Result<GlueTable> TableOf(const Json& json) {
  if (TextOf(json, "Name").empty()) return NotProtocol("a table without a name");
  GlueTable table{.name = TextOf(json, "Name"),
                  .version_id = TextOf(json, "VersionId"),
                  .parameters = "{}",
                  .description = TextOf(json, "Description")};
  const auto parameters = json.find("Parameters");
  if (parameters != json.end() && parameters->is_object()) {
    table.table_type = Upper(TextOf(*parameters, "table_type"));
    table.metadata_location = TextOf(*parameters, "metadata_location");
    table.parameters = parameters->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return table;
}

std::string HiveName(const schema::Type& type) {
  using schema::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
      return "boolean";
    case TypeId::kInt:
      return "int";
    case TypeId::kLong:
      return "bigint";
    case TypeId::kFloat:
      return "float";
    case TypeId::kDouble:
      return "double";
    case TypeId::kDate:
      return "date";
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return "timestamp";
    case TypeId::kDecimal:
      return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
    case TypeId::kFixed:
    case TypeId::kBinary:
      return "binary";
    default:  // time, uuid and whatever Hive has no type for
      return "string";
  }
}

// Fields of the current schema, with the parameters that Java's and pyiceberg's Glue catalogs give them.
Json Columns(const table::TableMetadata& metadata) {
  Json columns = Json::array();
  for (const schema::Field& field : metadata.schema().fields) {
    if (columns.size() >= kColumnsMax) break;
    std::string type = HiveType(*field.type);
    if (type.size() > kTypeBytesMax) type = "string";
    Json column = {{"Name", field.name},
                   {"Type", std::move(type)},
                   {"Parameters",
                    {{"iceberg.field.id", std::to_string(field.id)},
                     {"iceberg.field.optional", field.required ? "false" : "true"},
                     {"iceberg.field.current", "true"}}}};
    if (!field.doc.empty() && field.doc.size() <= 255) column["Comment"] = field.doc;
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

std::string HiveType(const schema::Type& type) {
  using schema::TypeId;
  switch (type.id) {
    case TypeId::kStruct: {
      std::string text = "struct<";
      for (size_t i = 0; i < type.children.size(); ++i) {
        text += (i > 0 ? "," : "") + type.children[i].name + ":" + HiveType(*type.children[i].type);
      }
      return text + ">";
    }
    case TypeId::kList:
      return "array<" + HiveType(*type.children[0].type) + ">";
    case TypeId::kMap:
      return "map<" + HiveType(*type.children[0].type) + "," + HiveType(*type.children[1].type) + ">";
    default:
      return HiveName(type);
  }
}

Result<GlueTable> ParseTable(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body));
  const auto table = json.find("Table");
  if (table == json.end()) return NotProtocol("no table");
  return TableOf(*table);
}

Result<NamePage> ParseDatabases(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body));
  NamePage page{.next = TextOf(json, "NextToken")};
  const auto list = json.find("DatabaseList");
  if (list == json.end() || !list->is_array()) return NotProtocol("no list of databases");
  for (const Json& database : *list) page.names.push_back(TextOf(database, "Name"));
  return page;
}

Result<NamePage> ParseTables(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body));
  NamePage page{.next = TextOf(json, "NextToken")};
  const auto list = json.find("TableList");
  if (list == json.end() || !list->is_array()) return NotProtocol("no list of tables");
  for (const Json& entry : *list) {
    ARROW_ASSIGN_OR_RAISE(GlueTable table, TableOf(entry));
    if (table.table_type == "ICEBERG") page.names.push_back(std::move(table.name));
  }
  return page;
}

std::string ErrorType(const io::HttpResponse& response) {
  const std::string_view text = response.text();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  std::string type = TextOf(json, "__type");
  if (type.empty()) type = TextOf(json, "code");
  if (type.empty()) type = std::string(response.headers.Get("x-amzn-errortype").value_or(""));
  type = type.substr(0, type.find(':'));
  return type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
}

Status ErrorOf(const io::HttpResponse& response) {
  const std::string type = ErrorType(response);
  if (type.empty()) return io::HttpStatusError(response);
  const std::string_view text = response.text();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  std::string said = TextOf(json, "Message");
  if (said.empty()) said = TextOf(json, "message");
  const std::string message = "Glue: " + said + " (" + type + ")";
  const auto one_of = [&](std::initializer_list<const char*> types) {
    return std::ranges::find(types, type) != types.end();
  };
  if (one_of({"ConcurrentModificationException", "AlreadyExistsException"}))
    return MakeError(Fault::kConflict, message);
  if (one_of({"ThrottlingException", "OperationTimeoutException", "ResourceNumberLimitExceededException"})) {
    return MakeError(Fault::kThrottled, message);
  }
  if (one_of({"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
              "ExpiredTokenException", "MissingAuthenticationTokenException", "IncompleteSignatureException"})) {
    return MakeError(Fault::kAuth, message, {.next = "check the AWS keys and what they may do in Glue"});
  }
  return MakeError(response.status >= 500 ? Fault::kTransient : Fault::kConfig, message);
}

std::string WriteTableEntry(const TableEntry& entry) {
  Json parameters = Json::object();
  if (entry.replaces) parameters = Json::parse(entry.replaces->parameters, nullptr, false);
  if (!parameters.is_object()) parameters = Json::object();
  if (entry.replaces) parameters["previous_metadata_location"] = entry.replaces->metadata_location;
  parameters["table_type"] = "ICEBERG";
  parameters["metadata_location"] = entry.metadata_location;
  Json input = {{"Name", entry.name},
                {"TableType", "EXTERNAL_TABLE"},
                {"Parameters", parameters},
                {"StorageDescriptor", {{"Columns", Columns(entry.metadata)}, {"Location", entry.metadata.location}}}};
  const std::string comment = entry.metadata.Property("comment", entry.replaces ? entry.replaces->description : "");
  if (!comment.empty() && comment.size() <= kTextBytesMax) input["Description"] = comment;
  Json body = {{"DatabaseName", entry.database}, {"TableInput", input}};
  if (!entry.catalog_id.empty()) body["CatalogId"] = entry.catalog_id;
  if (entry.replaces) {
    body["SkipArchive"] = true;  // else each commit leaves a version of the entry, and Glue keeps only so many
    if (!entry.replaces->version_id.empty()) body["VersionId"] = entry.replaces->version_id;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::catalog::glue
