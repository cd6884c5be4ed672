#include "config/connector_layer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/edit_distance.h"
#include "config/connector_file.h"
#include "config/fields.h"
#include "config/interpolate.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

void Stamp(Node* node, const std::string& origin) {
  node->origin = origin;
  for (Node& item : node->items) Stamp(&item, origin);
  for (Entry& entry : node->entries) Stamp(&entry.value, origin);
}

bool HaveOneType(const Node& a, const Node& b) {
  const Node* left = a.Find("type");
  const Node* right = b.Find("type");
  return left == nullptr || right == nullptr || left->text == right->text;
}

/// Adds to a written mapping what it leaves open. A part of another `type` is written as a whole.
void LayUnder(Node* written, const Node& under) {
  for (const Entry& entry : under.entries) {
    const auto known = std::ranges::find(written->entries, entry.key, &Entry::key);
    if (known == written->entries.end()) {
      written->entries.push_back(entry);
      continue;
    }
    Node& value = known->value;
    if (value.kind == NodeKind::kScalar && value.is_null() && !value.unresolved && entry.key != "mask_on_write") {
      written->entries.erase(known);
    } else if (value.kind == NodeKind::kMapping && entry.value.kind == NodeKind::kMapping &&
               HaveOneType(value, entry.value)) {
      LayUnder(&value, entry.value);
    } else if (value.overridden == nullptr) {
      value.overridden = std::make_shared<const Node>(entry.value);
    }
  }
}

/// What a source of `type: connector` says beside the fields that it may write over those of the connector.
bool IsOwn(const Entry& entry) {
  return entry.key == "type" || entry.key == "connector" || entry.key == "settings";
}

class ConnectorLayer {
 public:
  ConnectorLayer(const std::string& folder, Checker* checker, Diagnostics* diagnostics)
      : folder_(folder), checker_(checker), diagnostics_(diagnostics) {}

  /// Returns whether the pipeline can be used. `path`: of it.
  bool Complete(const std::string& path, Node* pipeline) {
    Node* source = pipeline->Find("source");
    const Node* type = source == nullptr ? nullptr : source->Find("type");
    if (type == nullptr || type->text != "connector") return true;
    const std::string at = path + ".source";
    const size_t errors_before = diagnostics_->num_errors();
    checker_->CheckObject(OwnPart(*source), *SourceType(), at, pipeline->FindEntry("source")->key_span);
    if (diagnostics_->num_errors() > errors_before) return false;
    const Node name = *source->Find("connector");
    place_ = name.span;
    if (name.interpolated) {
      checker_->Error("E0510", at + ".connector", place_, "the connector is not named, but comes from a `${…}`").help =
          "write its name or path: what the pipeline's tables are depends on it";
      return false;
    }
    auto connector = Read(name.text, at);
    if (!connector) return false;
    ReadSettings(at + ".settings", source, *connector);
    const VariableSource variables{.settings = &settings_};
    for (Node* part : {&connector->source, &connector->tables, &connector->further_tables}) {
      Interpolate(part, variables, diagnostics_);
      Stamp(part, "connector " + connector->name);
    }
    LayUnderSource(source, connector->source);
    CompleteTables(path + ".tables", pipeline, *connector);
    return diagnostics_->num_errors() == errors_before;
  }

 private:
  static Node OwnPart(const Node& source) {
    Node own = source;
    std::erase_if(own.entries, [](const Entry& entry) { return !IsOwn(entry); });
    return own;
  }

  std::optional<ConnectorFile> Read(const std::string& name, const std::string& at) {
    const auto file = FindConnector(name, folder_);
    if (file.ok()) return ReadConnector(*file, diagnostics_);
    const ErrorContext* context = ContextOf(file.status());
    checker_->Error("E0510", at + ".connector", place_, file.status().message()).help = context->next;
    return std::nullopt;
  }

  void ReadSettings(const std::string& at, Node* source, const ConnectorFile& connector) {
    Node written{.kind = NodeKind::kMapping};
    Span place = place_;
    if (const Entry* entry = source->FindEntry("settings"); entry != nullptr && !entry->value.is_null()) {
      written = entry->value;
      place = entry->key_span;
    }
    if (written.kind == NodeKind::kMapping) {
      checker_->CheckObject(written, SettingsType(connector), at, place);
    } else {
      checker_->Error("E0202", at, written.span, "`settings` must be a mapping, not " + std::string(Describe(written)));
    }
    for (const ConnectorSetting& setting : connector.settings) {
      const Node* value = written.Find(setting.name);
      Node used = value != nullptr ? *value : setting.otherwise;
      if (setting.is_list && used.kind == NodeKind::kScalar) {
        Node list{.kind = NodeKind::kSequence, .span = used.span};
        list.items.push_back(std::move(used));
        used = std::move(list);
      }
      if (setting.secret && !used.unresolved) used.resolved.push_back(used.text);
      if (value == nullptr && setting.required) used.unresolved = true;  // told already
      settings_.emplace(setting.name, std::move(used));
    }
  }

  static void LayUnderSource(Node* source, const Node& under) {
    std::erase_if(source->entries, IsOwn);
    LayUnder(source, under);
  }

  void CompleteTables(const std::string& path, Node* pipeline, const ConnectorFile& connector) {
    Node* tables = pipeline->Find("tables");
    if (tables == nullptr || tables->is_null()) {
      std::erase_if(pipeline->entries, [](const Entry& entry) { return entry.key == "tables"; });
      pipeline->entries.push_back({.key = "tables", .key_span = place_, .value = connector.tables});
      return;
    }
    Node under = connector.tables;
    const auto& further = connector.further_tables.entries;
    under.entries.insert(under.entries.end(), further.begin(), further.end());
    if (tables->kind != NodeKind::kMapping) return;  // told when the tree is checked
    for (Entry& table : tables->entries) CompleteTable(path, &table, under);
    for (const Entry& table : tables->entries) JudgeParent(path, table, *tables);
  }

  void CompleteTable(const std::string& path, Entry* table, const Node& under) {
    Node& written = table->value;
    if (written.is_null()) {
      written = Node{.kind = NodeKind::kMapping, .span = written.span, .origin = written.origin};
    }
    if (written.kind != NodeKind::kMapping) return;
    if (const Node* known = under.Find(table->key)) return LayUnder(&written, *known);
    if (written.Find("path") != nullptr) return;  // one of the pipeline's own
    std::vector<std::string> names;
    for (const Entry& entry : under.entries) names.push_back(entry.key);
    const auto nearest = Nearest(table->key, names);
    checker_
        ->Error("E0513", path + "." + table->key, table->key_span,
                "the connector has no table `" + Shown(table->key) + "`")
        .help = nearest ? "did you mean `" + *nearest + "`?"
                        : "`firn connectors <name>` lists its tables; a further one of your own needs `path:`";
  }

  // The parent of a table that was chosen is read too, so it has to be chosen as well.
  void JudgeParent(const std::string& path, const Entry& table, const Node& tables) {
    const Node* parent = table.value.kind == NodeKind::kMapping ? table.value.Find("parent") : nullptr;
    if (parent == nullptr || tables.Find(parent->text) != nullptr) return;
    checker_
        ->Error("E0513", path + "." + table.key, table.key_span,
                "`" + Shown(table.key) + "` is read for each row of `" + Shown(parent->text) +
                    "`, which is not among the tables")
        .help = "add `" + Shown(parent->text) + ": {}`";
  }

  const std::string& folder_;
  Checker* const checker_;
  Diagnostics* const diagnostics_;
  Span place_;  // of the connector's name
  std::map<std::string, Node> settings_;
};

}  // namespace

void AddConnectorLayers(Node* root, const std::string& folder, Checker* checker, Diagnostics* diagnostics) {
  Node* pipelines = root->Find("pipelines");
  if (pipelines == nullptr) return;
  std::erase_if(pipelines->entries, [&](Entry& pipeline) {
    return !ConnectorLayer(folder, checker, diagnostics).Complete("pipelines." + pipeline.key, &pipeline.value);
  });
}

}  // namespace firn::config
