#include "connector/foreign/dlt.h"

#include <algorithm>
#include <filesystem>

#include "connector/airbyte/component.h"
#include "connector/foreign/dlt_resource.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

Status Unusable(const std::string& message) {
  return MakeError(Fault::kConfig, message,
                   {.code = "E0558",
                    .where = "",
                    .why = "",
                    .state = "nothing was written",
                    .next = "a rest_api configuration is a dictionary with `client` and `resources`"});
}

Result<WrittenValue> ReadTree(const std::string& text, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(WrittenValue value, ReadYaml(text, path));
  if (value.Find("client") != nullptr && value.Find("resources") != nullptr) return value;
  const bool is_state = value.Find("_state_version") != nullptr || value.Find("_local") != nullptr;
  if (!is_state) return Unusable(path + " has no `client` and `resources`");
  return MakeError(Fault::kConfig, path + " is the state of a dlt pipeline, not a configuration",
                   {.code = "E0558",
                    .where = "",
                    .why = "",
                    .state = "nothing was written",
                    .next = "firn import dlt-state " + path});
}

class ConfigurationReader {
 public:
  ConfigurationReader(const WrittenValue& root, const std::string& path, const Choice& choice)
      : root_(root), path_(path), choice_(choice) {}

  Result<Draft> Read() {
    const std::string stem = std::filesystem::path(path_).stem().string();
    out_.name = choice_.name.empty() ? NameOf(stem) : choice_.name;
    out_.title = out_.name;
    out_.origin = "a rest_api configuration of dlt (" + std::filesystem::path(path_).filename().string() + ")";
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(root_, "the configuration", {"client", "resource_defaults", "resources"}));
    ARROW_RETURN_NOT_OK(ReadClient());
    ARROW_RETURN_NOT_OK(IndexResources());
    for (const Resource& resource : resources_) ReadOne(resource);
    KeepChildrenWithParents();
    out_.settings = settings_.all();
    return std::move(out_);
  }

 private:
  struct Resource {
    std::string name;
    WrittenValue value;  // merged with the defaults
  };

  Status ReadClient() {
    const WrittenValue* client = root_.Find("client");
    if (client == nullptr || client->kind != Kind::kMap) return Unusable("`client` is no dictionary");
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(*client, "client", {"base_url", "headers", "auth", "paginator"}));
    const WrittenValue* base_url = Given(*client, "base_url");
    if (base_url == nullptr) return WrittenError(client->line, "a client without `base_url`");
    Put(&out_.source, "type", "rest");
    ARROW_ASSIGN_OR_RAISE(std::string url, settings_.Text(*base_url));
    while (url.ends_with('/')) url.pop_back();
    out_.api = url.find("${") == std::string::npos
                   ? url
                   : "https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic";
    Put(&out_.source, "base_url", url);
    if (const WrittenValue* auth = Given(*client, "auth")) {
      ARROW_ASSIGN_OR_RAISE(Map native, ReadDltAuth(*auth, &settings_));
      Put(&out_.source, "auth", Value::OfMap(std::move(native)));
    }
    if (const WrittenValue* headers = Given(*client, "headers")) {
      Map native;
      for (const auto& [name, value] : headers->entries) {
        ARROW_ASSIGN_OR_RAISE(std::string text, settings_.Text(value));
        Put(&native, name, std::move(text));
      }
      Put(&out_.source, "headers", Value::OfMap(std::move(native)));
    }
    if (const WrittenValue* paginator = Given(*client, "paginator")) paginator_ = *paginator;
    return Status::OK();
  }

  Status IndexResources() {
    const WrittenValue* defaults = Given(root_, "resource_defaults");
    const WrittenValue* list = root_.Find("resources");
    if (list == nullptr || list->kind != Kind::kList) return Unusable("`resources` is no list");
    for (const WrittenValue& item : list->items) {
      ARROW_ASSIGN_OR_RAISE(WrittenValue merged, MergedDltResource(defaults, item));
      const WrittenValue* name = Given(merged, "name");
      if (name == nullptr || name->kind != Kind::kString) return WrittenError(item.line, "a resource without a name");
      resources_.push_back({.name = name->text, .value = std::move(merged)});
    }
    for (const std::string& name : choice_.streams) {
      if (std::ranges::find(resources_, name, &Resource::name) != resources_.end()) continue;
      return MakeError(Fault::kConfig, "the configuration has no resource `" + name + "`",
                       {.code = "E0561",
                        .where = path_,
                        .why = "",
                        .state = "nothing was written",
                        .next = "firn import dlt " + path_ + " --dry-run"});
    }
    return Status::OK();
  }

  void Refuse(const std::string& name, uint32_t line, const Status& status) {
    out_.refused.push_back(RefusalOf(name, line, status));
  }

  void ReadOne(const Resource& resource) {
    const bool chosen =
        choice_.streams.empty() || std::ranges::find(choice_.streams, resource.name) != choice_.streams.end();
    if (!chosen) return;
    DltSettings settings = settings_;
    auto table = ReadDltResource(resource.value, paginator_ ? &*paginator_ : nullptr, &settings);
    if (!table.ok()) return Refuse(resource.name, resource.value.line, table.status());
    settings_ = std::move(settings);
    out_.tables.emplace_back(NameOf(resource.name), Value::OfMap(std::move(*table)));
  }

  void KeepChildrenWithParents() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto table = out_.tables.begin(); table != out_.tables.end(); ++table) {
        const Value* parent = table->second.Find("parent");
        if (parent == nullptr || airbyte::FindKey(out_.tables, parent->as_string()) != nullptr) continue;
        Refuse(table->first, 0, MakeError(Fault::kConfig, "its parent `" + parent->as_string() + "` is left out"));
        out_.tables.erase(table);
        changed = true;
        break;
      }
    }
  }

  const WrittenValue& root_;
  const std::string& path_;
  const Choice& choice_;
  DltSettings settings_;
  std::optional<WrittenValue> paginator_;
  std::vector<Resource> resources_;
  Draft out_;
};

}  // namespace

Result<Draft> DraftOfDlt(const std::string& text, const std::string& path, const Choice& choice) {
  WrittenValue root;
  if (path.ends_with(".py")) {
    ARROW_ASSIGN_OR_RAISE(root, ReadPythonDictionary(text, {"client", "resources"}));
  } else {
    ARROW_ASSIGN_OR_RAISE(root, ReadTree(text, path));
  }
  return ConfigurationReader(root, path, choice).Read();
}

}  // namespace firn::connector::foreign
