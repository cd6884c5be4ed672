#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "base/hash.h"
#include "config/fields.h"
#include "config/lake_catalogs.h"
#include "config/lowering.h"
#include "config/pools.h"
#include "config/rate_window.h"
#include "config/rest_catalog.h"
#include "config/storage_config.h"
#include "config/text_position.h"
#include "config/watch_lowering.h"
#include "io/file_store.h"
#include "io/object_location.h"

namespace firn::config {
namespace {

constexpr char kStateInLake[] = "lake";

bool IsDataset(std::string_view name) {
  while (true) {
    const size_t dot = name.find('.');
    if (!IsName(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

class ProjectLowering {
 public:
  ProjectLowering(const Node& root, const std::string& folder, const std::string& environment, Checker* checker)
      : view_(&root, ProjectType()),
        context_{.checker = checker, .folder = folder, .warehouse = "", .raw = ""},
        environment_(environment) {}

  Project Lower() {
    const int64_t version = view_.Int("version");
    if (version != 1 && !context_.checker->HasErrorUnder("version")) {
      context_
          .Error("E0212", "version", "this firn reads version 1 of the project format, not " + std::to_string(version))
          .help = "write `version: 1`, or use a newer firn";
    }
    out_.folder = context_.folder;
    LowerState();
    LowerLake();
    LowerLimits();
    out_.mask_key = view_.Text("mask_key");
    out_.alerts = LowerAlerts(view_, "", context_);
    if (const Node* pipelines = view_.Find("pipelines")) {
      for (const Entry& entry : pipelines->entries) LowerPipeline(entry);
    }
    JudgePools(out_.pipelines, context_);
    JudgeNamesInLake();
    return std::move(out_);
  }

 private:
  // Before the lake, which may lie in it: its own place in the lake is added by PlaceStateInLake.
  void LowerState() {
    std::string state = view_.Text("state");
    while (state.size() > 1 && state.ends_with('/')) state.pop_back();
    std::string below;
    if (const Node* written = view_.Find("state");
        !environment_.empty() && (written == nullptr || IsOfProject(*written))) {
      below = "/environments/" + environment_;
      out_.choices.push_back({"state", state + below, "each environment has its own"});
    }
    state_in_lake_ = state == kStateInLake;
    const bool is_remote = state_in_lake_ || state.find("://") != std::string::npos;
    out_.state_folder = is_remote ? ScratchFolder(below) : context_.Absolute(state + below);
    if (is_remote) out_.state_location = (state_in_lake_ ? "" : StateLocation(state)) + below;
  }

  std::string StateLocation(const std::string& state) {
    if (state.starts_with("file:///")) return state;
    const Status usable = state.starts_with("s3://")
                              ? io::CheckNewObjectLocation(state)
                              : MakeError(Fault::kConfig, "state is kept in a folder or on S3, and this is neither");
    if (!usable.ok()) {
      context_.Error("E0473", "state", usable.message()).help =
          "write a folder, `s3://<bucket>/<prefix>`, `file:///<shared folder>` or `lake`";
    }
    return state;
  }

  // Where the project may lie on a read-only disk, as a container's configuration does.
  std::string ScratchFolder(const std::string& below) const {
    if (::access(context_.folder.c_str(), W_OK) == 0) return context_.Absolute(".firn" + below);
    const char* temporary = std::getenv("TMPDIR");
    const std::string base = temporary == nullptr || *temporary != '/' ? "/tmp" : temporary;
    return base + "/firn-" + std::to_string(::getuid()) + "-" + Sha256Hex(context_.folder).substr(0, 12) + below;
  }

  void PlaceStateInLake() {
    const std::string& warehouse = out_.lake.warehouse;
    if (state_in_lake_ && !warehouse.empty()) {
      if (warehouse.find("://") != std::string::npos && !warehouse.starts_with("s3://")) {
        context_.Error("E0473", "state", "state is kept in a folder or on S3, and the warehouse is in neither").help =
            "write `state: s3://<bucket>/<prefix>`, or a folder";
      }
      out_.state_location = io::WarehouseLocation(warehouse) + "/_firn/state" + out_.state_location;
    }
  }

  // A local file among what is lost with the machine's disk.
  void JudgeCatalogOfState() {
    const bool file = out_.lake.catalog.type == CatalogType::kSqlite;
    if (out_.state_location.empty() || !file || !out_.lake.catalog.path.starts_with(out_.state_folder + "/")) return;
    context_.Error("E0473", "state", "the catalog is a file on this machine, and would be lost with its disk").help =
        "write `lake: {catalog: {type: rest, uri: …}}` (or postgres, glue), or a lake.catalog.path on a disk that "
        "stays";
  }

  void LowerLake() {
    const ObjectView lake = view_.Object("lake");
    const std::string warehouse = lake.Text("warehouse");
    if (!lake.Has("warehouse"))
      out_.choices.push_back({"lake.warehouse", warehouse, "no lake is declared: a local folder"});
    if (warehouse.empty())
      context_.Error("E0207", "lake.warehouse", "`warehouse` is empty").help = "write its value, or remove the key";
    const bool local = warehouse.find("://") == std::string::npos || warehouse.starts_with("file://");
    if (local) {
      out_.lake.warehouse = context_.Absolute(warehouse.starts_with("file://") ? warehouse.substr(7) : warehouse);
      JudgeFolder();
    } else {
      LowerObjectWarehouse(warehouse);
    }
    LowerLakeStorage(lake, local);
    context_.warehouse = out_.lake.warehouse;
    PlaceStateInLake();
    context_.raw = local ? out_.lake.warehouse + "-raw" : out_.state_folder + "/raw";
    context_.raw_is_lost = !local && !out_.state_location.empty();
    LowerCatalog(lake.Object("catalog"), local);
    JudgeCatalogOfState();
  }

  void LowerCatalog(const ObjectView& catalog, bool local) {
    CatalogConfig& out = out_.lake.catalog;
    out.name = catalog.Text("name");
    const std::string_view kind = catalog.variant();
    if (kind == "rest") {
      out.type = CatalogType::kRest;
      out.rest = LowerRestCatalog(catalog);
    } else if (kind == "glue") {
      out.type = CatalogType::kGlue;
      out.glue = LowerGlueCatalog(catalog);
    } else if (kind == "hadoop") {
      out.type = CatalogType::kHadoop;
    } else if (kind == "postgres") {
      out.type = CatalogType::kPostgres;
      out.postgres = LowerPostgresCatalog(catalog);
      LowerVending(catalog, local);
    } else {
      LowerVending(catalog, local);
      LowerCatalogFile(catalog, local);
    }
  }

  void LowerCatalogFile(const ObjectView& catalog, bool local) {
    out_.lake.catalog.path = catalog.Has("path") ? context_.Absolute(catalog.Text("path"))
                                                 : (local ? out_.lake.warehouse : out_.state_folder) + "/catalog.db";
    if (!local && !catalog.Has("path")) {
      out_.choices.push_back({"lake.catalog.path", out_.lake.catalog.path,
                              "the catalog of an object store is a local file: keep it safe"});
    }
  }

  void LowerVending(const ObjectView& catalog, bool local) {
    VendConfig& vend = out_.lake.catalog.vend;
    vend = LowerVend(catalog);
    if (vend.kind == VendConfig::Kind::kNone) return;
    if (local || !out_.lake.warehouse.starts_with("s3://")) {
      context_.Error("E0472", "lake.catalog.vend_credentials", "credentials are handed out for s3:// warehouses only")
          .help = "remove `vend_credentials`, or write `warehouse: s3://<bucket>/<prefix>`";
    } else if (vend.kind == VendConfig::Kind::kStatic && out_.lake.storage.access_key.empty()) {
      context_.Error("E0472", "lake.catalog.vend_credentials", "there are no keys to hand out").help =
          "write `access_key` and `secret_key` in lake.storage, or `vend_credentials: sts`";
    }
  }

  // A lake that is there already is not refused: its metadata holds its path.
  void JudgeFolder() {
    const Status readable = io::FileUri(out_.lake.warehouse).status();
    if (readable.ok()) return;
    context_.checker->Warning("E0471", context_.checker->SpanOf("lake.warehouse"), readable.message()).help =
        "choose another folder with lake.warehouse: no new lake is made there";
  }

  void LowerObjectWarehouse(std::string warehouse) {
    while (warehouse.ends_with('/')) warehouse.pop_back();
    const Status usable = io::CheckNewObjectLocation(warehouse);
    if (!usable.ok()) {
      const ErrorContext* context = ContextOf(usable);
      context_.Error("E0470", "lake.warehouse", usable.message()).help =
          context != nullptr && !context->next.empty() ? context->next : "write `s3://<bucket>/<prefix>`";
    }
    out_.lake.warehouse = std::move(warehouse);
  }

  void LowerLakeStorage(const ObjectView& lake, bool local) {
    if (local && lake.Has("storage") && !out_.state_location.starts_with("s3://")) {
      context_.Error("E0470", "lake.storage", "`storage` is for object stores, and the warehouse is a local folder")
          .help = "remove `storage`, or write `warehouse: s3://<bucket>/<prefix>`";
    }
    out_.lake.storage = LowerStorage(lake.Object("storage"));
    io::ObjectStoreSettings& storage = out_.lake.storage;
    if (storage.access_key.empty() != storage.secret_key.empty()) {
      context_.Error("E0470", "lake.storage", "`access_key` and `secret_key` go together").help =
          "write both, or neither: then the environment, profile or role of the machine is used";
    }
    if (storage.anonymous && (!storage.access_key.empty() || !storage.role_arn.empty())) {
      context_.Error("E0470", "lake.storage.anonymous", "`anonymous` and credentials exclude each other").help =
          "remove one of them";
    }
    if (!storage.web_identity_token_file.empty()) {
      storage.web_identity_token_file = context_.Absolute(storage.web_identity_token_file);
      if (storage.role_arn.empty() || !storage.access_key.empty()) {
        context_
            .Error("E0470", "lake.storage.web_identity_token_file",
                   "`web_identity_token_file` goes with `role_arn` and without keys")
            .help = "write `role_arn`, and remove `access_key`";
      }
    }
    if (!storage.ca_file.empty()) storage.ca_file = context_.Absolute(storage.ca_file);
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
    const std::string naming = view.Has("naming") ? view.Text("naming") : view_.Text("naming");
    pipeline.naming = naming == "snake_case" ? Naming::kSnakeCase
                      : naming == "lower"    ? Naming::kLower
                                             : Naming::kSource;
    pipeline.system_columns = SystemColumnsOf(view.Text("system_columns"));
    if (!view.Has("dataset")) pipeline.choices.push_back({"dataset", pipeline.dataset, "the pipeline's name"});
    if (!IsDataset(pipeline.dataset) && IsName(entry.key)) {
      const bool own = view.Has("dataset");
      context_.Error("E0209", own ? path + ".dataset" : "dataset_prefix", "the dataset is not a usable name").help =
          kNameHelp;
    }
    pipeline.tuning = view.Text("tuning") == "on";
    pipeline.alerts = LowerAlerts(view, path, context_);
    pipeline.alerts.Inherit(out_.alerts);
    const std::string source_path = path + ".source";
    if (!context_.checker->HasErrorUnder(source_path)) {
      pipeline.source = LowerSource(view.Object("source"), source_path, context_);
    } else if (view.Object("source").variant() == "files") {
      pipeline.source = FilesSourceConfig();  // so that its tables are judged as such
    } else if (view.Object("source").variant() == "airbyte") {
      pipeline.source = AirbyteSourceConfig();
    } else if (view.Object("source").variant() == "process") {
      pipeline.source = ProcessSourceConfig();
    } else if (view.Object("source").variant() == "steps") {
      pipeline.source = StepsSourceConfig();
    }
    JudgeRate(pipeline.source, source_path);
    pipeline.pools = LowerPools(view.Object("source"), source_path, context_);
    const std::vector<std::string> tags = LowerTags(view, path);
    if (const Node* tables = view.Find("tables")) {
      for (const Entry& table : tables->entries) {
        LowerOneTable(table, path + ".tables." + table.key, tags, &pipeline);
      }
    }
    if (!context_.checker->HasErrorUnder(path + ".tables")) JudgeParents(pipeline.tables, context_);
    SealArchives(&pipeline.tables);
    out_.pipelines.push_back(std::move(pipeline));
  }

  // What machines share of a rate rests for its window whenever it changes hands (docs/decisions/0013-shared-rates.md).
  void JudgeRate(const SourceConfig& source, const std::string& path) const {
    const auto* rest = std::get_if<RestSourceConfig>(&source);
    if (rest == nullptr || !rest->rate_limit || out_.state_location.empty()) return;
    if (rest->rate_limit->per_ms <= kSharedRateMsMax) return;
    const std::string place = path + ".rate_limit.per";
    context_.checker
        ->Warning("E0630", context_.checker->SpanOf(place),
                  "a rate for more than a minute is shared on each machine alone")
        .help = "divide `requests` by the number of machines, or give the machines a rate per minute";
  }

  // Words without blanks, each once; `path`: of their owner.
  std::vector<std::string> LowerTags(const ObjectView& owner, const std::string& path) {
    std::vector<std::string> tags;
    for (std::string& tag : owner.TextList("tags")) {
      if (!IsName(tag)) {
        context_.Error("E0209", path + ".tags", "`" + Shown(tag) + "` is not a usable tag").help = kNameHelp;
      } else if (std::ranges::find(tags, tag) == tags.end()) {
        tags.push_back(std::move(tag));
      }
    }
    return tags;
  }

  void LowerOneTable(const Entry& entry, const std::string& path, const std::vector<std::string>& tags,
                     PipelineConfig* pipeline) {
    if (!IsName(entry.key) || entry.key.starts_with("_firn") || entry.key == "_quarantine") {
      const bool shaped = IsName(entry.key);
      context_.Error("E0209", path, "`" + Shown(entry.key) + "` is not a table name").help =
          shaped ? "names beginning with `_firn`, and `_quarantine`, are firn's own" : std::string(kNameHelp);
    }
    // What is misspelt would be reported a second time as missing: such a table is judged on the next try.
    if (context_.checker->HasErrorUnder(path)) return;
    const ObjectView view(&entry.value, *TableType());
    TableConfig table = LowerTable(entry.key, view, path, pipeline->source, context_);
    LowerWatch(view, pipeline->alerts, context_, &table);
    const std::string columns = view.Text("system_columns");
    table.system_columns = columns.empty() ? pipeline->system_columns : SystemColumnsOf(columns);
    JudgeSystemColumns(table);
    table.tags = tags;
    for (std::string& tag : LowerTags(view, path)) {
      if (std::ranges::find(tags, tag) == tags.end()) table.tags.push_back(std::move(tag));
    }
    JudgeTable(table, out_.mask_key, context_);
    pipeline->tables.push_back(std::move(table));
  }

  // The window of a dedupe is counted by the time of loading that firn's own columns have.
  void JudgeSystemColumns(const TableConfig& table) {
    const bool by_loading = table.dedupe && table.dedupe->window_ms && table.dedupe->by.empty();
    if (!by_loading || table.system_columns == SystemColumns::kFirn) return;
    context_.Error("E0480", table.config_path + ".dedupe_window", "`dedupe_window` needs a time of each row").help =
        "write `dedupe_by: <a time of the row>`: only `system_columns: firn` has one of its own";
  }

  Schedule LowerSchedule(const ObjectView& view, const std::string& path) {
    const bool own = view.Has("schedule");
    if (!own && !view_.Has("schedule")) return {};
    const std::string text = own ? view.Text("schedule") : view_.Text("schedule");
    if (const auto schedule = ParseSchedule(text)) {
      return *schedule;
    }
    const std::string place = own ? path + ".schedule" : "schedule";
    if (!context_.checker->HasErrorUnder(place)) {
      context_.Error("E0416", place, "`" + Shown(text) + "` is not a schedule").help =
          "write `every 15m`, a cron line like \"0 6 * * *\", @daily, or off";
    }
    return {};
  }

  void JudgeNamesInLake() {
    std::map<std::string, std::string> owners;
    const auto judge = [&](const std::string& name, const std::string& path, const char* help) {
      const auto [owner, fresh] = owners.emplace(name, path);
      if (fresh) return;
      Diagnostic& diagnostic = context_.Error("E0409", path, "the lake's table `" + name + "` has two writers");
      diagnostic.notes.push_back({"the other one is here", context_.checker->SpanOf(owner->second)});
      diagnostic.help = help;
    };
    for (const PipelineConfig& pipeline : out_.pipelines) {
      for (const TableConfig& table : pipeline.tables) {
        judge(pipeline.dataset + "." + table.name, table.config_path, "give one of the pipelines another `dataset:`");
      }
    }
    for (const PipelineConfig& pipeline : out_.pipelines) {
      for (const TableConfig& table : pipeline.tables) {
        if (table.raw.mode != RawConfig::Mode::kTable) continue;
        judge(pipeline.dataset + "." + table.name + kRawTableSuffix, table.config_path + ".raw",
              "`raw: table` makes that table: call the other one otherwise, or write `raw: archive`");
      }
    }
  }

  // Not said by an environment, a variable or a flag.
  static bool IsOfProject(const Node& node) { return node.origin.empty() || node.origin == "project"; }

  const ObjectView view_;
  LoweringContext context_;
  const std::string environment_;
  Project out_;
  bool state_in_lake_ = false;
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

bool IsName(std::string_view name) {
  constexpr size_t kBytesMax = 128;
  if (name.empty() || name.size() > kBytesMax ||
      (std::isalpha(static_cast<unsigned char>(name[0])) == 0 && name[0] != '_')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return (std::isalnum(c) != 0 && c < 0x80) || c == '_' || c == '-'; });
}

std::string LoweringContext::Absolute(std::string_view path) const {
  std::string text = (std::filesystem::path(folder) / path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Diagnostic& LoweringContext::Error(std::string_view code, const std::string& path, std::string message) const {
  return checker->Error(code, path, checker->SpanOf(path), std::move(message));
}

Project LowerProject(const Node& root, const std::string& folder, const std::string& environment, Checker* checker) {
  return ProjectLowering(root, folder, environment, checker).Lower();
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
