#include <map>
#include <nlohmann/json.hpp>

#include "config/connector_fields.h"
#include "config/fields.h"
#include "config/project.h"
#include "config/steps_fields.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kReference[] = "\\$\\{";

/// Makes definitions for object types on the way. Format: JSON Schema draft-07.
class SchemaWriter {
 public:
  Json Document() {
    Json flat = Reference(FlatType(), false);
    Json project = Reference(ProjectType(), false);
    Json document = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                     {"title", "firn project"},
                     {"anyOf", Json::array({project, flat})}};
    document["definitions"] = definitions_;
    return document;
  }

  Json WorkflowDocument() {
    Json document = Reference(WorkflowFileType(), false);
    document["$schema"] = "http://json-schema.org/draft-07/schema#";
    document["title"] = "firn workflow";
    document["definitions"] = definitions_;
    return document;
  }

 private:
  Json Reference(const ObjectType& type, bool partial) {
    std::string name = type.name + (partial ? " overrides" : "");
    for (char& c : name) {
      if (c == ' ') c = '_';
    }
    if (!definitions_.contains(name)) {
      definitions_[name] = nullptr;  // holds the place
      Json made = Object(type, partial || type.name == "environment");
      definitions_[name] = std::move(made);
    }
    return {{"$ref", "#/definitions/" + name}};
  }

  Json Object(const ObjectType& type, bool partial) {
    if (type.tag.empty()) return Shape(type, nullptr, partial);
    Json shapes = Json::array();
    for (const Variant& variant : type.variants) {
      if (!variant.unbuilt) shapes.push_back(Shape(type, &variant, partial));
    }
    return {{"description", type.doc}, {"anyOf", shapes}};
  }

  Json Shape(const ObjectType& type, const Variant* variant, bool partial) {
    Json shape = {{"type", "object"}, {"description", variant == nullptr ? type.doc : variant->doc}};
    Json properties = Json::object();
    Json required = Json::array();
    if (variant != nullptr) {
      properties[type.tag] = {{"const", variant->tag_value}, {"description", variant->doc}};
      if (type.tag_default != variant->tag_value) required.push_back(type.tag);
    }
    const auto add = [&](const std::vector<Field>& fields) {
      for (const Field& field : fields) {
        if (field.unbuilt) continue;
        properties[field.name] = Described(field, partial);
        if (field.required) required.push_back(field.name);
      }
    };
    add(type.fields);
    if (variant != nullptr) add(variant->fields);
    shape["properties"] = properties;
    if (!required.empty() && !partial) shape["required"] = required;
    shape["additionalProperties"] = false;
    return shape;
  }

  Json Described(const Field& field, bool partial) {
    Json schema = Value(field, partial);
    // In draft-07 whatever stands beside "$ref" is ignored.
    if (schema.contains("$ref")) schema = {{"allOf", Json::array({schema})}};
    if (!field.doc.empty()) schema["description"] = field.doc;
    if (field.default_text) schema["default"] = DefaultOf(field);
    if (!field.examples.empty() && field.type != FieldType::kObject) schema["examples"] = field.examples;
    return schema;
  }

  static Json DefaultOf(const Field& field) {
    if (field.type == FieldType::kInt) return ParseInt(*field.default_text).value_or(0);
    if (field.type == FieldType::kBool) return *field.default_text == "true";
    return *field.default_text;
  }

  static Json OrReference(Json schema) {
    return {{"anyOf", Json::array({std::move(schema), {{"type", "string"}, {"pattern", kReference}}})}};
  }

  Json Value(const Field& field, bool partial) {
    switch (field.type) {
      case FieldType::kInt: {
        Json number = {{"type", "integer"}};
        if (field.min) number["minimum"] = *field.min;
        if (field.max) number["maximum"] = *field.max;
        return OrReference(std::move(number));
      }
      case FieldType::kBool:
        return OrReference({{"type", "boolean"}});
      case FieldType::kSize:
        return {
            {"anyOf", Json::array({{{"type", "integer"}, {"minimum", 0}},
                                   {{"type", "string"},
                                    {"pattern", "^[0-9.]+ *([kKmMgGtT][iI]?)?[bB]?$|" + std::string(kReference)}}})}};
      case FieldType::kDuration:
        return {{"anyOf", Json::array({{{"const", 0}},
                                       {{"type", "string"},
                                        {"pattern", "^0$|[0-9][a-zA-Z]+|^[pP]|" + std::string(kReference)}}})}};
      case FieldType::kEnum: {
        Json names = Json::array();
        for (const EnumValue& value : field.values) {
          if (!value.unbuilt) names.push_back(value.name);
          if (value.name == "null") names.push_back(nullptr);  // unquoted, YAML reads it as null
        }
        return OrReference({{"enum", names}});
      }
      case FieldType::kList: {
        Json list = {{"type", "array"}, {"items", Described(field.elements[0], partial)}, {"uniqueItems", true}};
        if (field.min) list["minItems"] = *field.min;
        return list;
      }
      case FieldType::kMap:
        return {{"type", "object"}, {"additionalProperties", OrNull(field.elements[0], partial)}};
      case FieldType::kObject:
        return Reference(*field.object, partial);
      case FieldType::kJson:
        return Json::object();
      case FieldType::kOneOf: {
        Json alternatives = Json::array();
        for (const Field& alternative : field.elements) alternatives.push_back(Described(alternative, partial));
        return {{"anyOf", alternatives}};
      }
      default:
        return {{"type", Json::array({"string", "number", "boolean"})}};
    }
  }

  /// A table without any key may be written as `orders:`.
  Json OrNull(const Field& element, bool partial) {
    Json schema = Described(element, partial);
    if (element.type != FieldType::kObject) return schema;
    return {{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}};
  }

  Json definitions_ = Json::object();
};

std::string TypeText(const Field& field) {
  switch (field.type) {
    case FieldType::kText:
      return field.secret ? "secret" : "text";
    case FieldType::kInt:
      return "integer";
    case FieldType::kBool:
      return "true or false";
    case FieldType::kSize:
      return "size";
    case FieldType::kDuration:
      return "duration";
    case FieldType::kTimezone:
      return "time zone";
    case FieldType::kUrl:
      return "URL";
    case FieldType::kExpression:
      return "text with `{{ }}`";
    case FieldType::kJson:
      return "any JSON";
    case FieldType::kObject:
      return "[" + field.object->name + "](#" + field.object->name + ")";
    case FieldType::kList:
      return "list of " + TypeText(field.elements[0]);
    case FieldType::kMap:
      return "name to " + TypeText(field.elements[0]);
    case FieldType::kEnum: {
      std::string names;
      for (const EnumValue& value : field.values) {
        if (!value.unbuilt) names += (names.empty() ? "`" : ", `") + value.name + "`";
      }
      return names;
    }
    case FieldType::kOneOf: {
      std::string names;
      for (const Field& alternative : field.elements) names += (names.empty() ? "" : "; or ") + TypeText(alternative);
      return names;
    }
  }
  return "";
}

class ReferenceWriter {
 public:
  std::string Document() {
    out_ =
        "# Configuration reference\n\nMade from the declarations in `src/config`; `firn schema` prints the same as "
        "JSON Schema.\n";
    Page(ProjectType());
    Page(FlatType());
    PagesOfParts();
    Page(ConnectorFileType());
    PagesOfParts();
    return out_;
  }

 private:
  void PagesOfParts() {
    for (; num_written_ < queue_.size(); ++num_written_) Page(*queue_[num_written_]);  // grows while pages are written
  }

  void Page(const ObjectType& type) {
    if (!seen_.emplace(type.name, true).second) return;
    out_ += "\n## " + type.name + "\n\n" + type.doc + "\n";
    if (!type.fields.empty()) Table(type.fields);
    for (const Variant& variant : type.variants) {
      if (variant.unbuilt) continue;
      out_ += "\n### " + type.tag + ": " + variant.tag_value + "\n\n" + variant.doc + "\n";
      if (!variant.fields.empty()) Table(variant.fields);
    }
  }

  void Table(const std::vector<Field>& fields) {
    out_ += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const Field& field : fields) {
      if (field.unbuilt) continue;
      const std::string fallback = field.required       ? "required"
                                   : field.default_text ? "`" + *field.default_text + "`"
                                                        : "";
      std::string meaning = (field.only_for.empty() ? "" : "Of " + field.SourceTypesText() + ": ") + field.doc;
      if (!field.examples.empty()) meaning += " Example: `" + field.examples[0] + "`.";
      out_ +=
          "| `" + field.name + "` | " + Escaped(TypeText(field)) + " | " + fallback + " | " + Escaped(meaning) + " |\n";
      Enqueue(field);
    }
  }

  static std::string Escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
    return out;
  }

  void Enqueue(const Field& field) {
    if (field.object != nullptr) queue_.push_back(field.object);
    for (const Field& element : field.elements) Enqueue(element);
  }

  std::string out_;
  std::map<std::string, bool> seen_;
  std::vector<ObjectTypePtr> queue_;
  size_t num_written_ = 0;  // of the queue
};

}  // namespace

std::string RenderJsonSchema() {
  return SchemaWriter().Document().dump(2) + "\n";
}

std::string RenderWorkflowSchema() {
  return SchemaWriter().WorkflowDocument().dump(2) + "\n";
}

std::string RenderReference() {
  return ReferenceWriter().Document();
}

}  // namespace firn::config
