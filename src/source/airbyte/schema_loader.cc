#include "source/airbyte/schema_loader.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "source/airbyte/dynamic_schema.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr std::streamoff kFileBytesMax = 64 << 20;

class InlineLoader : public SchemaLoader {
 public:
  explicit InlineLoader(Value schema) : schema_(std::move(schema)) {}
  Result<Value> Load() override { return schema_; }

 private:
  const Value schema_;
};

class FileLoader : public SchemaLoader {
 public:
  FileLoader(std::string path, bool required) : path_(std::move(path)), required_(required) {}
  Result<Value> Load() override {
    std::ifstream file(path_, std::ios::binary | std::ios::ate);
    if (!file || file.tellg() > kFileBytesMax) {
      if (!required_) return EmptyMap();
      return MakeError(Fault::kConfig, "the schema file " + path_ + " cannot be read");
    }
    file.seekg(0);
    std::stringstream text;
    text << file.rdbuf();
    return jinja::ParseJson(text.str());
  }

 private:
  const std::string path_;
  const bool required_;
};

class CompositeLoader : public SchemaLoader {
 public:
  explicit CompositeLoader(std::vector<std::unique_ptr<SchemaLoader>> loaders) : loaders_(std::move(loaders)) {}
  Result<Value> Load() override {
    Value properties = EmptyMap();
    for (const auto& loader : loaders_) {
      ARROW_ASSIGN_OR_RAISE(const Value schema, loader->Load());
      properties = Merge(schema.Find("properties").value_or(EmptyMap()), properties);
    }
    return Value::OfMap({{Value::String("$schema"), Value::String("http://json-schema.org/draft-07/schema#")},
                         {Value::String("type"), Value::OfList({Value::String("null"), Value::String("object")})},
                         {Value::String("properties"), properties}});
  }

 private:
  const std::vector<std::unique_ptr<SchemaLoader>> loaders_;
};

Result<std::unique_ptr<SchemaLoader>> MakeLoader(const Component& component, const RunContext& run,
                                                 const std::string& stream) {
  const std::string type = component.type();
  if (type == "InlineSchemaLoader") {
    const Value schema = FieldOf(component, "schema");
    return std::unique_ptr<SchemaLoader>(new InlineLoader(schema.is_map() ? schema : EmptyMap()));
  }
  if (type == "JsonFileSchemaLoader") {
    ARROW_ASSIGN_OR_RAISE(const auto path, InterpolatedField(component, "file_path", "./schemas/" + stream + ".json"));
    Scope scope = run.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string text, path.EvalText(scope));
    return std::unique_ptr<SchemaLoader>(
        new FileLoader(text.starts_with('/') ? text : run.manifest_folder + "/" + text, true));
  }
  if (type == "DynamicSchemaLoader") return MakeDynamicSchemaLoader(component, run, stream);
  return ManifestError(component, "a schema loader of type " + type + " cannot be run");
}

}  // namespace

Result<std::unique_ptr<SchemaLoader>> SchemaLoader::MakeFor(const Component& stream, const RunContext& run) {
  const std::string name = stream.Text("name");
  const auto* field = stream.Find("schema_loader");
  if (field == nullptr) {
    const std::string path = run.manifest_folder + "/schemas/" + name + ".json";
    return std::unique_ptr<SchemaLoader>(new FileLoader(path, false));
  }
  if (field->kind() == expression::Value::Kind::kMap) return MakeLoader(stream.Child("schema_loader"), run, name);
  std::vector<std::unique_ptr<SchemaLoader>> loaders;
  for (const Component& component : stream.Children("schema_loader")) {
    ARROW_ASSIGN_OR_RAISE(auto loader, MakeLoader(component, run, name));
    loaders.push_back(std::move(loader));
  }
  return std::unique_ptr<SchemaLoader>(new CompositeLoader(std::move(loaders)));
}

}  // namespace firn::source::airbyte
