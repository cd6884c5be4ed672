#include "connector/airbyte/declaration.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "connector/airbyte/settings_check.h"

namespace firn::connector::airbyte {
namespace {

constexpr std::streamoff kFileBytesMax = std::streamoff{16} << 20;

// The first part of a component that is a Python class; "" if there is none.
std::string CustomPart(const Value& value, const std::string& path) {
  if (value.kind() == Value::Kind::kList) {
    for (size_t i = 0; i < value.as_list().size(); ++i) {
      std::string found = CustomPart(value.as_list()[i], path + "[" + std::to_string(i) + "]");
      if (!found.empty()) return found;
    }
  }
  if (value.kind() != Value::Kind::kMap) return "";
  if (const Component component(value, path); IsCustom(component)) {
    return path + " is " + component.type() + ", Python that only Airbyte's runtime can run";
  }
  for (const auto& [key, item] : value.as_map()) {
    if (key == "$parameters" || key == "schema") continue;
    std::string found = CustomPart(item, path.empty() ? key : path + "." + key);
    if (!found.empty()) return found;
  }
  return "";
}

// Only keys of fields of the row itself: rows are merged by columns.
std::vector<std::string> KeyOf(const Component& stream) {
  const Value* key = stream.Find("primary_key");
  if (key == nullptr) return {};
  if (key->is_string()) return key->as_string().empty() ? std::vector<std::string>() : std::vector{key->as_string()};
  if (key->kind() != Value::Kind::kList) return {};
  std::vector<std::string> fields;
  for (const Value& item : key->as_list()) {
    const bool wrapped = item.kind() == Value::Kind::kList && item.as_list().size() == 1;
    const Value& field = wrapped ? item.as_list()[0] : item;
    if (!field.is_string()) return {};
    fields.push_back(field.as_string());
  }
  return fields;
}

void Declare(const Component& stream, std::vector<config::DeclaredStream>* out) {
  if (stream.type() == "ConditionalStreams") {
    for (const Component& inner : stream.Children("streams")) Declare(inner, out);
    return;
  }
  const Component keyed = stream.type() == "StateDelegatingStream" ? stream.Child("full_refresh_stream") : stream;
  out->push_back({.name = stream.Text("name"), .primary_key = KeyOf(keyed), .why_not = CustomPart(stream.value(), "")});
}

Status Unusable(const std::string& message) {
  return MakeError(Fault::kConfig, message,
                   {.code = "E0502",
                    .where = "",
                    .why = "",
                    .state = "nothing was read or written",
                    .next = "name the manifest.yaml of a connector"});
}

}  // namespace

Result<Manifest> ReadManifest(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return Unusable(path + " is a folder, not a manifest");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) return Unusable("there is no manifest at " + path);
  if (size > kFileBytesMax) return Unusable(path + " is larger than 16 MiB");
  std::string text(static_cast<size_t>(size), '\0');
  file.seekg(0);
  file.read(text.data(), size);
  if (!file) return Unusable(path + " cannot be read");
  return LoadManifest(text, path);
}

config::ConnectorDeclaration DeclarationOf(const Manifest& manifest) {
  config::ConnectorDeclaration out;
  for (const Component& stream : manifest.Streams()) Declare(stream, &out.streams);
  out.names_all = !manifest.root.Has("dynamic_streams");
  const Component specification = manifest.root.Child("spec").Child("connection_specification");
  if (!specification.present()) return out;
  out.check_settings = [schema = specification.value()](const std::string& config_json) {
    const auto settings = expression::ParseJson(config_json);
    FIRN_CHECK(settings.ok());  // the project's tree was written to it
    return CheckSettings(schema, *settings);
  };
  return out;
}

Result<config::ConnectorDeclaration> DeclarationAt(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const Manifest manifest, ReadManifest(path));
  return DeclarationOf(manifest);
}

}  // namespace firn::connector::airbyte
