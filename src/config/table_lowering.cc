#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "config/fields.h"
#include "config/lowering.h"
#include "config/text_position.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const Node& node) {
  if (node.kind == NodeKind::kSequence) {
    Json list = Json::array();
    for (const Node& item : node.items) list.push_back(ToJson(item));
    return list;
  }
  if (node.kind == NodeKind::kMapping) {
    Json object = Json::object();
    for (const Entry& entry : node.entries) object[entry.key] = ToJson(entry.value);
    return object;
  }
  switch (KindOf(node)) {
    case ScalarKind::kNull:
      return nullptr;
    case ScalarKind::kBool:
      return *ParseBool(node.text);
    case ScalarKind::kInt:
    case ScalarKind::kFloat: {
      Json number = Json::parse(node.text, nullptr, false);  // "0x10" and ".5" are no JSON numbers: kept as text
      return number.is_discarded() ? Json(node.text) : number;
    }
    case ScalarKind::kText:
      return node.text;
  }
  return node.text;
}

Contract ContractOf(std::string_view name) {
  for (const Contract contract : {Contract::kFreeze, Contract::kDiscardRow, Contract::kDiscardValue}) {
    if (ToString(contract) == name) return contract;
  }
  return Contract::kEvolve;
}

WriteMask MaskOf(std::string_view name) {
  for (const WriteMask mask :
       {WriteMask::kRedact, WriteMask::kNull, WriteMask::kSha256, WriteMask::kHmac, WriteMask::kIp}) {
    if (ToString(mask) == name) return mask;
  }
  return WriteMask::kNone;
}

bool IsFormat(std::string_view format) {
  return format == "iso" || format == "epoch_s" || format == "epoch_ms" || format.find('%') != std::string_view::npos;
}

/// True if `path` is `prefix` or lies below it.
bool IsUnder(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path.size() > prefix.size() && path[prefix.size()] == '.');
}

class TableLowering {
 public:
  TableLowering(const ObjectView& table, std::string path, const RestSourceConfig& defaults,
                const LoweringContext& context)
      : table_(table), path_(std::move(path)), defaults_(defaults), context_(context) {}

  TableConfig Lower(const std::string& name) {
    out_.name = name;
    out_.config_path = path_;
    LowerRequest();
    LowerIncremental();
    LowerMeaning();
    LowerColumns();
    LowerWrite();
    LowerRaw();
    return std::move(out_);
  }

 private:
  std::string At(std::string_view field) const { return path_ + "." + std::string(field); }

  void Choose(std::string field, std::string value, std::string why) {
    out_.choices.push_back({std::move(field), std::move(value), std::move(why)});
  }

  void LowerRequest() {
    out_.path = table_.Text("path");
    if (!table_.Has("path")) {
      out_.path = out_.name;
      Choose("path", out_.path, "no path is given: the table's name");
    }
    out_.method = table_.Text("method");
    out_.params = LowerNamedText(table_, "params", At("params"), context_);
    out_.headers = LowerNamedText(table_, "headers", At("headers"), context_);
    if (const Node* body = table_.Find("body")) {
      out_.body_json = ToJson(*body).dump(-1, ' ', false, Json::error_handler_t::replace);
      if (out_.method == "GET") {
        context_.Error("E0414", At("body"), "a GET request carries no body").help = "write `method: POST`";
      }
    }
    out_.records = table_.Text("records");
    LowerPages();
    if (table_.Has("partitions")) {
      const ObjectView partitions = table_.Object("partitions");
      out_.partitions = PartitionsConfig{
          .name = partitions.Text("name"), .param = partitions.Text("param"), .values = partitions.TextList("values")};
    }
    LowerParent();
  }

  void LowerPages() {
    if (table_.Has("paginate")) {
      out_.paginate = LowerPaginate(table_, path_, context_);
    } else if (defaults_.paginate) {
      out_.paginate = *defaults_.paginate;
    } else {
      Choose("paginate", "auto", "no paginate is given: found out from the first pages");
    }
  }

  void LowerParent() {
    out_.parent = table_.Text("parent");
    out_.include = table_.TextMap("include");
    out_.replace_children = table_.Bool("replace_children");
    for (const auto& [column, from] : out_.include) {
      if (from.starts_with("parent.") && from.size() > 7) continue;
      context_.Error("E0412", At("include") + "." + column, "`" + Shown(from) + "` is not a field of the parent row")
          .help = "write `parent.<path>`, for example `parent.id`";
    }
    if (!out_.parent.empty()) return;
    for (const char* field : {"include", "replace_children"}) {
      if (!table_.Has(field)) continue;
      context_.Error("E0412", At(field), "`" + std::string(field) + "` needs a `parent`").help =
          "add `parent: <table>`";
    }
    if (out_.path.find("parent.") != std::string::npos && IsTemplate(out_.path)) {
      context_.Error("E0412", At("path"), "the path uses `parent`, but the table has none").help =
          "add `parent: <table>`";
    }
  }

  void LowerIncremental() {
    if (!table_.Has("incremental")) return;
    const ObjectView view = table_.Object("incremental");
    IncrementalConfig inc{.cursor = view.Text("cursor"),
                          .param = view.Text("param"),
                          .end_param = view.Text("end_param"),
                          .timezone = view.Text("timezone"),
                          .start = view.Text("start"),
                          .step_ms = view.OptionalInt("step"),
                          .lookback_ms = view.Int("lookback"),
                          .lag_ms = view.Int("lag"),
                          .order = view.Text("order") == "asc" ? CursorOrder::kAscending : CursorOrder::kUnordered};
    const std::string format = view.Text("format");
    if (format == "epoch_s") inc.format = CursorFormat::kEpochSeconds;
    if (format == "epoch_ms") inc.format = CursorFormat::kEpochMillis;
    if (format.find('%') != std::string::npos) {
      inc.format = CursorFormat::kPattern;
      inc.pattern = format;
    }
    const std::string at = At("incremental");
    if (!IsFormat(format)) {
      context_.Error("E0407", at + ".format", "`" + Shown(format) + "` is not a cursor format").help =
          "write iso, epoch_s, epoch_ms or a pattern like '%Y-%m-%d'";
    }
    const bool templated = UsesIncremental();
    if (inc.step_ms && inc.end_param.empty() && !templated) {
      context_.Error("E0407", at + ".step", "`step` needs `end_param`, the upper bound of each window").help =
          "add `end_param: until`";
    }
    if (inc.step_ms && inc.start.empty()) {
      context_.Error("E0407", at + ".step", "`step` needs `start`, where the first window begins").help =
          "add `start: 2024-01-01`";
    }
    if (inc.param.empty() && !templated) {
      Choose("incremental", "all rows are requested, older ones dropped",
             "neither param nor {{ incremental.start }} sends the bound");
    }
    out_.incremental = std::move(inc);
  }

  bool UsesIncremental() const {
    const auto uses = [](const std::string& text) {
      return IsTemplate(text) && text.find("incremental.") != std::string::npos;
    };
    const auto any = [&](const NamedText& list) {
      return std::any_of(list.begin(), list.end(), [&](const auto& pair) { return uses(pair.second); });
    };
    return uses(out_.path) || uses(out_.body_json) || any(out_.params) || any(out_.headers);
  }

  void LowerMeaning() {
    out_.primary_key = table_.TextList("primary_key");
    for (size_t i = 0; i < out_.primary_key.size(); ++i) {
      if (!out_.primary_key[i].starts_with("parent.")) continue;
      const std::string at =
          table_.IsScalar("primary_key") ? At("primary_key") : At("primary_key." + std::to_string(i));
      context_.Error("E0419", at, "the key `" + Shown(out_.primary_key[i]) + "` is not in the rows of this table")
          .help =
          "bring it in: `include: {<column>: " + Shown(out_.primary_key[i]) + "}`, and name the column in the key";
    }
    LowerDisposition();
    out_.delete_when = table_.Text("delete_when");
    const bool merge = out_.write_disposition == WriteDisposition::kMerge;
    if (!out_.delete_when.empty() && !merge) {
      context_.Error("E0413", At("delete_when"), "`delete_when` needs `write_disposition: merge`").help =
          "add `primary_key:`";
    }
    if (table_.Has("merge_strategy") && !merge) {
      context_.Error("E0413", At("merge_strategy"),
                     "`merge_strategy` has no effect without `write_disposition: merge`");
    }
    if (table_.IsScalar("schema_contract") || !table_.Has("schema_contract")) {
      const Contract all = ContractOf(table_.Text("schema_contract"));
      // dlt's short form speaks of existing tables; a table itself can only evolve or freeze.
      out_.schema_contract = {
          .tables = all == Contract::kFreeze ? all : Contract::kEvolve, .columns = all, .types = all};
    } else {
      const ObjectView contract = table_.Object("schema_contract");
      out_.schema_contract = {.tables = ContractOf(contract.Text("tables")),
                              .columns = ContractOf(contract.Text("columns")),
                              .types = ContractOf(contract.Text("types"))};
    }
    out_.on_error = table_.Text("on_error") == "quarantine" ? OnError::kQuarantine : OnError::kFail;
    out_.allow_empty = table_.Bool("allow_empty");
  }

  void LowerDisposition() {
    const bool has_key = !out_.primary_key.empty();
    const bool incremental = out_.incremental.has_value();
    const std::string written = table_.Text("write_disposition");
    if (written.empty()) {
      out_.write_disposition = has_key       ? WriteDisposition::kMerge
                               : incremental ? WriteDisposition::kAppend
                                             : WriteDisposition::kReplace;
      Choose("write_disposition", std::string(ToString(out_.write_disposition)),
             has_key       ? "a primary_key is declared"
             : incremental ? "incremental without a primary_key"
                           : "neither primary_key nor incremental");
      return;
    }
    out_.write_disposition = written == "merge"    ? WriteDisposition::kMerge
                             : written == "append" ? WriteDisposition::kAppend
                                                   : WriteDisposition::kReplace;
    if (written == "merge" && !has_key) {
      context_.Error("E0401", At("write_disposition"), "`write_disposition: merge` needs a `primary_key`").help =
          "add `primary_key: id`, or write `append`";
    }
    if (written == "replace" && incremental) {
      context_
          .Error("E0402", At("write_disposition"),
                 "`replace` of an incremental table would drop all rows that did not change")
          .help = has_key ? "write `merge`" : "write `append`, or remove `incremental`";
    }
  }

  void LowerColumns() {
    const Node* columns = table_.Find("columns");
    if (columns == nullptr) return;
    for (const Entry& entry : columns->entries) {
      const ObjectView view(&entry.value, *ColumnType());
      const std::string at = At("columns") + "." + entry.key;
      ColumnConfig column{.path = entry.key,
                          .format = view.Text("format"),
                          .timezone = view.Text("timezone"),
                          .pii = view.Text("pii"),
                          .mask_on_write = MaskOf(view.Text("mask_on_write"))};
      if (view.Has("type")) {
        std::string suggestion;
        const auto type = ParseColumnType(view.Text("type"), &suggestion);
        column.type = type.value_or("");
        if (!type) {
          context_.Error("E0415", at + ".type", "`" + Shown(view.Text("type")) + "` is not a column type").help =
              suggestion.empty() ? "types are those of Iceberg, for example long, string, decimal(12,2), timestamptz"
                                 : "write " + suggestion;
        }
      }
      if (!column.format.empty() && !IsFormat(column.format)) {
        context_.Error("E0206", at + ".format", "`" + Shown(column.format) + "` is not a date or time format").help =
            "write iso, epoch_s, epoch_ms or a pattern like '%d.%m.%Y'";
      }
      out_.columns.push_back(std::move(column));
    }
  }

  void LowerWrite() {
    out_.write = {.batch_rows_max = table_.Int("batch_rows"),
                  .file_rows_max = table_.OptionalInt("file_max_rows"),
                  .file_bytes_max = table_.Int("file_max_bytes"),
                  .commit_bytes = table_.Int("commit_bytes"),
                  .commit_interval_ms = table_.Int("commit_interval")};
    const std::vector<std::string> fields = table_.TextList("partition_by");
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string suggestion;
      if (auto partition = ParsePartition(fields[i], &suggestion)) {
        out_.partition_by.push_back(*std::move(partition));
        continue;
      }
      context_
          .Error("E0406", At("partition_by") + "." + std::to_string(i),
                 "`" + Shown(fields[i]) + "` is not a partition field")
          .help = suggestion.empty()
                      ? "write a column, or year, month, day, hour(column), bucket(16, column), truncate(10, column)"
                      : "did you mean `" + suggestion + "`?";
    }
  }

  void LowerRaw() {
    const bool scalar = table_.IsScalar("raw");
    const ObjectView view = table_.Object("raw");
    std::string mode = scalar ? table_.Text("raw") : table_.Has("raw") ? view.Text("mode") : "";
    if (mode.empty()) {
      const bool append = out_.write_disposition == WriteDisposition::kAppend;
      mode = append ? "off" : "archive";
      Choose("raw", mode, "write_disposition is " + std::string(ToString(out_.write_disposition)));
    }
    out_.raw.mode = mode == "archive" ? RawConfig::Mode::kArchive : RawConfig::Mode::kOff;
    out_.raw.location = context_.warehouse + "-raw";
    if (scalar || !table_.Has("raw")) return;
    if (view.Has("location")) {
      const std::string location = view.Text("location");
      if (location.find("://") != std::string::npos) {
        context_.Error("E0211", At("raw.location"), "a raw archive on an object store is not in this build").help =
            "name a local folder";
      }
      out_.raw.location = context_.Absolute(location);
    }
    out_.raw.retention_ms = view.Int("retention");
  }

  const ObjectView& table_;
  const std::string path_;
  const RestSourceConfig& defaults_;
  const LoweringContext& context_;
  TableConfig out_;
};

void JudgeMasks(const TableConfig& table, const std::string& mask_key, const LoweringContext& context) {
  for (const ColumnConfig& column : table.columns) {
    if (column.mask_on_write == WriteMask::kNone) continue;
    const std::string at = table.config_path + ".columns." + column.path + ".mask_on_write";
    const std::string mask(ToString(column.mask_on_write));
    const bool hash = column.mask_on_write == WriteMask::kSha256 || column.mask_on_write == WriteMask::kHmac;
    if (column.mask_on_write == WriteMask::kHmac && mask_key.empty()) {
      context.Error("E0408", at, "`hmac` needs the project's `mask_key`").help =
          "add `mask_key: ${env:FIRN_MASK_KEY}` at the top";
    }
    for (const std::string& key : table.primary_key) {
      if (hash || !IsUnder(key, column.path)) continue;
      context.Error("E0403", at, "mask `" + mask + "` makes values of the primary key `" + key + "` equal").help =
          "write `sha256` or `hmac`, or choose another key";
    }
    if (table.incremental && IsUnder(table.incremental->cursor, column.path)) {
      context.Error("E0403", at, "the incremental cursor `" + table.incremental->cursor + "` cannot be masked").help =
          "the state keeps cursor values; choose another cursor";
    }
  }
}

void JudgeRaw(const TableConfig& table, const LoweringContext& context) {
  if (table.raw.mode == RawConfig::Mode::kOff) return;
  const bool inside =
      table.raw.location == context.warehouse || table.raw.location.starts_with(context.warehouse + "/");
  const auto sensitive = std::find_if(table.columns.begin(), table.columns.end(), [](const ColumnConfig& c) {
    return !c.pii.empty() || c.mask_on_write != WriteMask::kNone;
  });
  if (!inside || sensitive == table.columns.end()) return;
  Diagnostic& diagnostic = context.Error(
      "E0404", table.config_path + ".raw.location",
      "the raw archive lies inside the warehouse, and column `" + Shown(sensitive->path) + "` is personal data");
  diagnostic.notes.push_back(
      {"the column is declared here", context.checker->SpanOf(table.config_path + ".columns." + sensitive->path)});
  diagnostic.help = "choose a location outside the warehouse, or write `raw: off`";
}

}  // namespace

TableConfig LowerTable(const std::string& name, const ObjectView& table, const std::string& path,
                       const RestSourceConfig& defaults, const LoweringContext& context) {
  return TableLowering(table, path, defaults, context).Lower(name);
}

void JudgeTable(const TableConfig& table, const std::string& mask_key, const LoweringContext& context) {
  JudgeMasks(table, mask_key, context);
  JudgeRaw(table, context);
}

void JudgeParents(const std::vector<TableConfig>& tables, const LoweringContext& context) {
  const auto find = [&](const std::string& name) {
    return std::find_if(tables.begin(), tables.end(), [&](const TableConfig& t) { return t.name == name; });
  };
  for (const TableConfig& table : tables) {
    if (table.parent.empty()) continue;
    std::set<std::string> seen = {table.name};
    const TableConfig* at = &table;
    while (!at->parent.empty()) {
      const auto parent = find(at->parent);
      if (parent == tables.end()) {
        if (at == &table) {
          context
              .Error("E0405", table.config_path + ".parent", "the pipeline has no table `" + Shown(table.parent) + "`")
              .help = "name a table of the same pipeline";
        }
        break;
      }
      if (!seen.insert(parent->name).second) {
        context.Error("E0405", table.config_path + ".parent", "table `" + table.name + "` is its own ancestor").help =
            "remove one `parent:`";
        break;
      }
      at = &*parent;
    }
    for (const auto& [column, from] : table.include) {
      const auto parent = find(table.parent);
      if (parent == tables.end() || from.size() <= 7) continue;
      for (const ColumnConfig& masked : parent->columns) {
        if (masked.mask_on_write == WriteMask::kNone || !IsUnder(from.substr(7), masked.path)) continue;
        context
            .Error("E0403", table.config_path + ".include." + column,
                   "`" + Shown(from) + "` is masked in the parent table, and this copy is not")
            .help = "remove it from `include`, or declare the same column masked here and leave it out of the parent";
      }
    }
  }
}

const ColumnConfig* TableConfig::FindColumn(std::string_view column_path) const {
  for (const ColumnConfig& column : columns) {
    if (column.path == column_path) return &column;
  }
  return nullptr;
}

}  // namespace firn::config
