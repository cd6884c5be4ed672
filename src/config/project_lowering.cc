#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "config/fields.h"
#include "config/lowering.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

constexpr size_t kNameBytesMax = 128;

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax ||
      (std::isalpha(static_cast<unsigned char>(name[0])) == 0 && name[0] != '_')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return (std::isalnum(c) != 0 && c < 0x80) || c == '_' || c == '-'; });
}

bool IsDataset(std::string_view name) {
  while (true) {
    const size_t dot = name.find('.');
    if (!IsName(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

constexpr std::string_view kNameHelp = "begin with a letter or `_`, then letters, digits, `_` and `-`; at most 128";

class ProjectLowering {
 public:
  ProjectLowering(const Node& root, const std::string& folder, Checker* checker)
      : view_(&root, ProjectType()), context_{.checker = checker, .folder = folder, .warehouse = ""} {}

  Project Lower() {
    const int64_t version = view_.Int("version");
    if (version != 1 && !context_.checker->HasErrorUnder("version")) {
      context_
          .Error("E0212", "version", "this firn reads version 1 of the project format, not " + std::to_string(version))
          .help = "write `version: 1`, or use a newer firn";
    }
    LowerLake();
    LowerLimits();
    const std::string state = view_.Text("state");
    if (state.find("://") != std::string::npos) {
      context_.Error("E0211", "state", "state on an object store or database is not in this build").help =
          "name a local folder";
    }
    out_.folder = context_.folder;
    out_.state_folder = context_.Absolute(state);
    out_.mask_key = view_.Text("mask_key");
    if (const Node* pipelines = view_.Find("pipelines")) {
      for (const Entry& entry : pipelines->entries) LowerPipeline(entry);
    }
    JudgeNamesInLake();
    return std::move(out_);
  }

 private:
  void LowerLake() {
    const ObjectView lake = view_.Object("lake");
    const std::string warehouse = lake.Text("warehouse");
    if (!lake.Has("warehouse"))
      out_.choices.push_back({"lake.warehouse", warehouse, "no lake is declared: a local folder"});
    if (warehouse.empty())
      context_.Error("E0207", "lake.warehouse", "`warehouse` is empty").help = "write its value, or remove the key";
    if (warehouse.find("://") != std::string::npos && !warehouse.starts_with("file://")) {
      context_.Error("E0211", "lake.warehouse", "a lake on an object store is not in this build").help =
          "name a local folder";
    }
    out_.lake.warehouse = context_.Absolute(warehouse.starts_with("file://") ? warehouse.substr(7) : warehouse);
    context_.warehouse = out_.lake.warehouse;
    const ObjectView catalog = lake.Object("catalog");
    out_.lake.catalog.name = catalog.Text("name");
    out_.lake.catalog.path =
        catalog.Has("path") ? context_.Absolute(catalog.Text("path")) : out_.lake.warehouse + "/catalog.db";
  }

  void LowerLimits() {
    const ObjectView limits = view_.Object("limits");
    out_.limits = {.max_rows = limits.OptionalInt("max_rows"),
                   .memory_bytes = limits.OptionalInt("memory"),
                   .max_leaves = limits.OptionalInt("max_leaves")};
  }

  void LowerPipeline(const Entry& entry) {
    const std::string path = "pipelines." + entry.key;
    if (!IsName(entry.key)) {
      context_.Error("E0209", path, "`" + Shown(entry.key) + "` is not a pipeline name").help = kNameHelp;
    }
    const ObjectView view(&entry.value, *PipelineType());
    PipelineConfig pipeline{.name = entry.key, .config_path = path};
    pipeline.schedule = LowerSchedule(view, path);
    pipeline.dataset = view_.Text("dataset_prefix") + (view.Has("dataset") ? view.Text("dataset") : entry.key);
    if (!view.Has("dataset")) pipeline.choices.push_back({"dataset", pipeline.dataset, "the pipeline's name"});
    if (!IsDataset(pipeline.dataset) && IsName(entry.key)) {
      const bool own = view.Has("dataset");
      context_.Error("E0209", own ? path + ".dataset" : "dataset_prefix", "the dataset is not a usable name").help =
          kNameHelp;
    }
    const std::string source_path = path + ".source";
    RestSourceConfig defaults;
    if (!context_.checker->HasErrorUnder(source_path)) {
      pipeline.source = LowerSource(view.Object("source"), source_path, context_);
      defaults = std::get<RestSourceConfig>(pipeline.source);
    }
    if (const Node* tables = view.Find("tables")) {
      for (const Entry& table : tables->entries)
        LowerOneTable(table, path + ".tables." + table.key, defaults, &pipeline);
    }
    if (!context_.checker->HasErrorUnder(path + ".tables")) JudgeParents(pipeline.tables, context_);
    out_.pipelines.push_back(std::move(pipeline));
  }

  void LowerOneTable(const Entry& entry, const std::string& path, const RestSourceConfig& defaults,
                     PipelineConfig* pipeline) {
    if (!IsName(entry.key) || entry.key.starts_with("_firn") || entry.key == "_quarantine") {
      const bool shaped = IsName(entry.key);
      context_.Error("E0209", path, "`" + Shown(entry.key) + "` is not a table name").help =
          shaped ? "names beginning with `_firn`, and `_quarantine`, are firn's own" : std::string(kNameHelp);
    }
    // What is misspelt would be reported a second time as missing: such a table is judged on the next try.
    if (context_.checker->HasErrorUnder(path)) return;
    TableConfig table = LowerTable(entry.key, ObjectView(&entry.value, *TableType()), path, defaults, context_);
    JudgeTable(table, out_.mask_key, context_);
    pipeline->tables.push_back(std::move(table));
  }

  Schedule LowerSchedule(const ObjectView& view, const std::string& path) {
    const bool own = view.Has("schedule");
    if (!own && !view_.Has("schedule")) return {};
    const std::string text = own ? view.Text("schedule") : view_.Text("schedule");
    if (const auto schedule = ParseSchedule(text)) return *schedule;
    const std::string place = own ? path + ".schedule" : "schedule";
    if (!context_.checker->HasErrorUnder(place)) {
      context_.Error("E0416", place, "`" + Shown(text) + "` is not a schedule").help =
          "write `every 15m`, a cron line like \"0 6 * * *\", @daily, or off";
    }
    return {};
  }

  void JudgeNamesInLake() {
    std::map<std::string, std::string> owners;
    for (const PipelineConfig& pipeline : out_.pipelines) {
      for (const TableConfig& table : pipeline.tables) {
        const std::string name = pipeline.dataset + "." + table.name;
        const auto [owner, fresh] = owners.emplace(name, table.config_path);
        if (fresh) continue;
        Diagnostic& diagnostic =
            context_.Error("E0409", table.config_path, "the lake's table `" + name + "` has two writers");
        diagnostic.notes.push_back({"the other one is here", context_.checker->SpanOf(owner->second)});
        diagnostic.help = "give one of the pipelines another `dataset:`";
      }
    }
  }

  const ObjectView view_;
  LoweringContext context_;
  Project out_;
};

Node Scalar(std::string text, const Span& span) {
  Node node;
  node.text = std::move(text);
  node.quoted = true;
  node.span = span;
  return node;
}

void Put(Node* mapping, const char* key, const Entry* from) {
  if (from != nullptr) mapping->entries.push_back({.key = key, .key_span = from->key_span, .value = from->value});
}

Node Mapping(const Span& span) {
  Node node;
  node.kind = NodeKind::kMapping;
  node.span = span;
  return node;
}

}  // namespace

std::string LoweringContext::Absolute(std::string_view path) const {
  std::string text = (std::filesystem::path(folder) / path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Diagnostic& LoweringContext::Error(std::string_view code, const std::string& path, std::string message) const {
  return checker->Error(code, path, checker->SpanOf(path), std::move(message));
}

Project LowerProject(const Node& root, const std::string& folder, Checker* checker) {
  return ProjectLowering(root, folder, checker).Lower();
}

bool IsFlat(const Node& root) {
  if (root.Find("pipelines") != nullptr) return false;
  return root.Find("pipeline_name") != nullptr || root.Find("dataset_name") != nullptr ||
         root.Find("table_name") != nullptr;
}

Node FlatToNative(const Node& flat) {
  const auto text = [&](const char* key) { return flat.Find(key)->text; };
  Node source = Mapping(flat.span);
  source.entries.push_back({.key = "type", .key_span = flat.span, .value = Scalar("rest", flat.span)});
  Put(&source, "base_url", flat.FindEntry("base_url"));
  const Entry* token = flat.FindEntry("bearer_token");
  if (token != nullptr && !token->value.text.empty()) {
    Node auth = Mapping(token->value.span);
    auth.entries.push_back({.key = "type", .key_span = token->key_span, .value = Scalar("bearer", token->key_span)});
    Put(&auth, "token", token);
    source.entries.push_back({.key = "auth", .key_span = token->key_span, .value = std::move(auth)});
  }
  Node table = Mapping(flat.span);
  for (const auto& [from, to] :
       {std::pair{"path", "path"}, std::pair{"write_disposition", "write_disposition"},
        std::pair{"primary_key", "primary_key"}, std::pair{"buffer_max_items", "batch_rows"},
        std::pair{"file_max_items", "file_max_rows"}, std::pair{"file_max_bytes", "file_max_bytes"}}) {
    Put(&table, to, flat.FindEntry(from));
  }
  Node tables = Mapping(flat.span);
  tables.entries.push_back(
      {.key = text("table_name"), .key_span = flat.Find("table_name")->span, .value = std::move(table)});
  Node pipeline = Mapping(flat.span);
  pipeline.entries.push_back({.key = "source", .key_span = flat.span, .value = std::move(source)});
  Put(&pipeline, "dataset", flat.FindEntry("dataset_name"));
  pipeline.entries.push_back({.key = "tables", .key_span = flat.span, .value = std::move(tables)});
  Node pipelines = Mapping(flat.span);
  pipelines.entries.push_back(
      {.key = text("pipeline_name"), .key_span = flat.Find("pipeline_name")->span, .value = std::move(pipeline)});
  Node root = Mapping(flat.span);
  root.entries.push_back({.key = "pipelines", .key_span = flat.span, .value = std::move(pipelines)});
  return root;
}

}  // namespace firn::config
