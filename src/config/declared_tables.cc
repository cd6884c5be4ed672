#include "config/declared_tables.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "config/descriptor.h"
#include "config/json_text.h"
#include "config/lowering.h"
#include "config/text_position.h"
#include "config/yaml_tree.h"

namespace firn::config {
namespace {

constexpr char kOrigin[] = "manifest";

class DeclaredTables {
 public:
  DeclaredTables(const std::string& folder, const DeclarationOf& declaration_of, Checker* checker)
      : folder_(folder), declaration_of_(declaration_of), checker_(checker) {}

  void Complete(const std::string& path, Node* pipeline) {
    const Node* source = pipeline->Find("source");
    const Node* type = source == nullptr ? nullptr : source->Find("type");
    const Node* manifest = source == nullptr ? nullptr : source->Find("manifest");
    if (type == nullptr || type->text != "airbyte" || manifest == nullptr) return;
    if (manifest->kind != NodeKind::kScalar || manifest->unresolved || manifest->text.empty()) return;
    place_ = manifest->span;
    const auto file = (std::filesystem::path(folder_) / manifest->text).lexically_normal().string();
    auto declared = declaration_of_(file);
    if (!declared.ok()) {
      const ErrorContext* context = ContextOf(declared.status());
      std::string message = declared.status().message();
      if (context != nullptr && !context->where.empty()) message += " (" + context->where + ")";
      checker_->Error("E0502", path + ".source.manifest", place_, std::move(message)).help =
          "write the path of a connector's manifest.yaml";
      return;
    }
    declared_ = *std::move(declared);
    CheckSettings(path + ".source", *source);
    Node* tables = pipeline->Find("tables");
    if (tables == nullptr || tables->is_null()) {
      AddAll(path, pipeline);
    } else if (tables->kind == NodeKind::kMapping) {
      for (Entry& table : tables->entries) CompleteTable(path + ".tables." + table.key, &table);
    }
  }

 private:
  void CheckSettings(const std::string& path, const Node& source) {
    const Node* config = source.Find("config");
    if (config != nullptr && config->kind != NodeKind::kMapping && !config->is_null()) return;  // told later
    if (declared_.check_settings == nullptr) return;
    const bool none = config == nullptr || config->is_null();
    for (const SettingProblem& problem : declared_.check_settings(none ? "{}" : JsonTextOf(*config))) {
      Report(path + ".config", none ? nullptr : config, problem);
    }
  }

  void Report(std::string path, const Node* config, const SettingProblem& problem) {
    const size_t own = path.size() + 1;  // where the names of settings begin
    const Node* place = config;
    for (const std::string& name : problem.path) {
      const bool is_list = place->kind == NodeKind::kSequence;
      place = is_list ? &place->items[std::stoul(name)] : place->Find(name);
      FIRN_CHECK(place != nullptr);  // it was found in the text of this tree
      path += is_list ? "[" + name + "]" : "." + name;
    }
    const Span span = place == nullptr ? place_ : place->span;
    if (problem.kind == SettingProblem::Kind::kMissing) {
      checker_->Error("E0502", path, span, "the connector needs `" + Shown(problem.what) + "`").help =
          problem.path.empty() ? "write it into `config:`" : "write it into `" + Shown(problem.path.back()) + "`";
      return;
    }
    if (place != nullptr && ComesFromOutside(*place)) return;
    const std::string name = problem.path.empty() ? "config" : path.substr(own);
    const std::string message = "`" + Shown(name) + "` " + problem.what;
    const bool is_error = problem.kind == SettingProblem::Kind::kUnfit;
    Diagnostic& diagnostic =
        is_error ? checker_->Error("E0993", path, span, message) : checker_->Warning("E0993", span, message);
    diagnostic.help = problem.help;
  }

  // What a ${…} stands for is told apart by the machine it runs on.
  static bool ComesFromOutside(const Node& node) {
    return node.unresolved || node.interpolated || std::ranges::any_of(node.items, ComesFromOutside) ||
           std::ranges::any_of(node.entries, [](const Entry& entry) { return ComesFromOutside(entry.value); });
  }

  void AddAll(const std::string& path, Node* pipeline) {
    if (declared_.streams.empty()) {
      checker_->Error("E0503", path + ".source.manifest", place_, "the API alone names this connector's streams").help =
          "write `tables:`; `firn airbyte discover` names them";
    }
    Node tables = Mapping();
    std::set<std::string> names;
    for (const DeclaredStream& stream : declared_.streams) {
      if (!stream.why_not.empty()) {
        checker_->Warning("E0503", place_, "stream `" + Shown(stream.name) + "` is left out: " + stream.why_not);
        continue;
      }
      const std::string name = TableNameOf(stream.name);
      if (!names.insert(name).second) {
        checker_
            ->Error("E0503", path + ".source.manifest", place_, "two streams would be the table `" + Shown(name) + "`")
            .help = "write `tables:`, each with its `stream:`";
        continue;
      }
      Entry table{.key = name, .key_span = place_, .value = Mapping()};
      if (name != stream.name) Put("stream", Scalar(stream.name), &table.value);
      PutKey(stream, &table.value);
      tables.entries.push_back(std::move(table));
    }
    std::erase_if(pipeline->entries, [](const Entry& entry) { return entry.key == "tables"; });
    Put("tables", std::move(tables), pipeline);
  }

  void CompleteTable(const std::string& path, Entry* table) {
    if (table->value.is_null()) {
      const Span span = table->value.span;
      table->value = Mapping();
      table->value.span = span;
    }
    if (table->value.kind != NodeKind::kMapping) return;
    const Node* written = table->value.Find("stream");
    const bool named = written != nullptr && !written->text.empty();
    const std::string name = named ? written->text : table->key;
    auto found = std::ranges::find(declared_.streams, name, &DeclaredStream::name);
    if (found == declared_.streams.end() && !named) {
      found = std::ranges::find(declared_.streams, name, [](const auto& stream) { return TableNameOf(stream.name); });
      if (found != declared_.streams.end()) Put("stream", Scalar(found->name), &table->value);
    }
    if (found == declared_.streams.end()) {
      if (!declared_.names_all) return;  // the API may name it
      checker_->Error("E0503", path, table->key_span, "the manifest has no stream `" + Shown(name) + "`").help =
          "`firn airbyte discover` names the streams there are";
      return;
    }
    if (!found->why_not.empty()) {
      checker_->Error("E0503", path, table->key_span, "stream `" + Shown(name) + "` cannot be run: " + found->why_not)
          .help = "remove the table; the connector itself runs by `type: process`";
      return;
    }
    if (table->value.Find("primary_key") == nullptr) PutKey(*found, &table->value);
  }

  void PutKey(const DeclaredStream& stream, Node* table) const {
    if (stream.primary_key.empty()) return;
    Node key;
    key.kind = NodeKind::kSequence;
    key.span = place_;
    key.origin = kOrigin;
    for (const std::string& field : stream.primary_key) key.items.push_back(Scalar(field));
    Put("primary_key", std::move(key), table);
  }

  void Put(const char* key, Node value, Node* mapping) const {
    mapping->entries.push_back({.key = key, .key_span = place_, .value = std::move(value)});
  }

  Node Mapping() const {
    Node node;
    node.kind = NodeKind::kMapping;
    node.span = place_;
    node.origin = kOrigin;
    return node;
  }

  Node Scalar(const std::string& text) const {
    Node node;
    node.text = text;
    node.quoted = true;
    node.span = place_;
    node.origin = kOrigin;
    return node;
  }

  const std::string& folder_;
  const DeclarationOf& declaration_of_;
  Checker* const checker_;
  Span place_;  // of the pipeline's manifest
  ConnectorDeclaration declared_;
};

}  // namespace

std::string TableNameOf(const std::string& stream) {
  std::string name = stream;
  for (char& c : name) {
    const std::string one = "a" + std::string(1, c);
    if (!IsName(one)) c = '_';
  }
  return IsName(name) ? name : "_" + name;
}

void AddDeclaredTables(Node* root, const std::string& folder, const DeclarationOf& declaration_of, Checker* checker) {
  Node* pipelines = root->Find("pipelines");
  if (pipelines == nullptr || declaration_of == nullptr) return;
  DeclaredTables declared(folder, declaration_of, checker);
  for (Entry& pipeline : pipelines->entries) declared.Complete("pipelines." + pipeline.key, &pipeline.value);
}

}  // namespace firn::config
