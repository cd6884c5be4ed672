#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "config/engines.h"
#include "config/fields.h"
#include "config/files_lowering.h"
#include "config/job_lowering.h"
#include "config/json_text.h"
#include "config/lowering.h"
#include "config/merge_lowering.h"
#include "config/process_lowering.h"
#include "config/response_rule_lowering.h"
#include "config/text_position.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

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

bool IsBytesFormat(const ColumnConfig& column) {
  const bool bytes = column.type == "binary" || column.type.starts_with("fixed");
  return bytes && (column.format == "base64" || column.format == "hex");
}

bool IsFormat(std::string_view format) {
  return format == "iso" || format == "epoch_s" || format == "epoch_ms" || format.find('%') != std::string_view::npos;
}

/// True for the path of a field inside an object.
bool IsInside(std::string_view path) {
  const size_t dot = path.find('.');
  return dot != std::string_view::npos && dot > 0 && !path.ends_with('.');
}

std::string Underscored(std::string path) {
  std::ranges::replace(path, '.', '_');
  return path;
}

/// True if `path` is `prefix` or lies below it.
bool IsUnder(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path.size() > prefix.size() && path[prefix.size()] == '.');
}

class TableLowering {
 public:
  TableLowering(const ObjectView& table, std::string path, const SourceConfig& source, const LoweringContext& context)
      : table_(table), path_(std::move(path)), source_(source), context_(context) {}

  TableConfig Lower(const std::string& name) {
    out_.name = name;
    out_.config_path = path_;
    JudgeFieldsOfSource(table_, path_, SourceTypeOf(source_), context_);
    if (std::holds_alternative<RestSourceConfig>(source_)) {
      LowerRequest();
      LowerIncremental();
      LowerJob(table_, context_, &out_);
    } else {
      out_.records = table_.Text("records");
    }
    out_.stream = table_.Text("stream");
    LowerMeaning();
    if (files() != nullptr) LowerFiles(table_, context_, &out_);
    LowerColumns();
    LowerWrite();
    LowerLayout(table_, path_, context_, &out_);
    LowerRaw();
    out_.audit = table_.Text("publish") == "audit";
    out_.checks = LowerChecks(table_, At("checks"), out_.audit, context_);
    return std::move(out_);
  }

 private:
  // Null: the source is of another type.
  const FilesSourceConfig* files() const { return std::get_if<FilesSourceConfig>(&source_); }
  bool is_airbyte() const { return std::holds_alternative<AirbyteSourceConfig>(source_); }
  bool is_steps() const { return std::holds_alternative<StepsSourceConfig>(source_); }
  bool is_process() const { return std::holds_alternative<ProcessSourceConfig>(source_); }

  std::string At(std::string_view field) const { return path_ + "." + std::string(field); }

  void Choose(std::string field, std::string value, std::string why) {
    out_.choices.push_back({std::move(field), std::move(value), std::move(why)});
  }

  void LowerRequest() {
    out_.path = table_.Text("path");
    if (table_.Has("path") && !table_.IsScalar("path")) {
      context_.Error("E0202", At("path"), "`path` is a list, and a request has one path").help =
          "write each as a table of its own";
    }
    if (!table_.Has("path") && !table_.Has("graphql") && !table_.Object("job").Has("download")) {
      out_.path = out_.name;
      Choose("path", out_.path, "no path is given: the table's name");
    }
    out_.method = table_.Text("method");
    if (table_.Has("graphql")) LowerGraphQl();
    out_.params = LowerNamedText(table_, "params", At("params"), context_);
    out_.headers = LowerNamedText(table_, "headers", At("headers"), context_);
    if (const Node* body = table_.Find("body")) {
      out_.body_json = JsonTextOf(*body);
      if (out_.method == "GET") {
        context_.Error("E0414", At("body"), "a GET request carries no body").help = "write `method: POST`";
      }
    }
    out_.records = table_.Text("records");
    LowerStatuses();
    out_.on_response = LowerResponseRules(table_, path_, context_);
    LowerPages();
    if (table_.Has("partitions")) {
      const ObjectView partitions = table_.Object("partitions");
      out_.partitions = PartitionsConfig{.name = partitions.Text("name"),
                                         .param = partitions.Text("param"),
                                         .column = partitions.Text("column"),
                                         .values = partitions.TextList("values")};
    }
    LowerParent();
  }

  void LowerGraphQl() {
    for (const char* field : {"method", "body"}) {
      if (!table_.Has(field)) continue;
      context_.Error("E0554", At(field), "`" + std::string(field) + "` has no place beside `graphql`").help =
          "remove it: a GraphQL request is a POST of `query` and `variables`";
    }
    const ObjectView graphql = table_.Object("graphql");
    Node request{.kind = NodeKind::kMapping};
    for (const char* field : {"query", "variables"}) {
      if (const Node* node = graphql.Find(field))
        request.entries.push_back({.key = field, .key_span = {}, .value = *node});
    }
    out_.method = "POST";
    out_.body_json = JsonTextOf(request);
    out_.is_graphql = true;
    out_.refuses_graphql_errors = graphql.Text("errors") == "refuse";
  }

  void LowerStatuses() {
    out_.empty_body_is_no_records = table_.Text("empty_body") == "no_records";
    for (const auto& [key, action] : table_.TextMap("on_status")) {
      using Action = StatusRuleConfig::Action;
      const auto range = ParseStatusRange(key, 400);
      if (!range) {
        context_.Error("E0420", At("on_status") + "." + key, "`" + Shown(key) + "` is no status that can be judged")
            .help = "write a status from 400 to 599, a class like 4xx, or a range like 500-504";
        continue;
      }
      out_.on_status.push_back({.status_min = range->first,
                                .status_max = range->second,
                                .action = action == "empty"   ? Action::kEmpty
                                          : action == "retry" ? Action::kRetry
                                                              : Action::kFail});
    }
    const auto width = [](const StatusRuleConfig& rule) { return rule.status_max - rule.status_min; };
    std::stable_sort(out_.on_status.begin(), out_.on_status.end(),
                     [&](const auto& a, const auto& b) { return width(a) < width(b); });
  }

  void LowerPages() {
    if (table_.Has("paginate")) {
      out_.paginate = LowerPaginate(table_, path_, context_);
    } else if (const auto& of_source = std::get<RestSourceConfig>(source_).paginate) {
      out_.paginate = *of_source;
    } else {
      Choose("paginate", "auto", "no paginate is given: found out from the first pages");
    }
  }

  void LowerParent() {
    out_.parent = table_.Text("parent");
    out_.include = table_.TextMap("include");
    out_.replace_children = table_.Bool("replace_children");
    for (const auto& [column, from] : out_.include) {
      const bool of_parent = from == "parent" || from.starts_with("parent.");
      if (of_parent ? from.size() > 7 : IsInside(from)) continue;
      context_.Error("E0412", At("include") + "." + column, "`" + Shown(from) + "` is no field that can be brought in")
          .help =
          "write `parent.<path>` for a field of the parent row, or the path of one inside the row's own objects, "
          "for example `parent.id` or `customer.id`";
    }
    if (!out_.parent.empty()) return;
    const bool includes_parent =
        std::ranges::any_of(out_.include, [](const auto& column) { return column.second.starts_with("parent."); });
    for (const char* field : {"include", "replace_children"}) {
      if (!table_.Has(field) || (field == std::string_view("include") && !includes_parent)) continue;
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
    const Node* create = table_.Object("job").Find("create");
    return uses(out_.path) || uses(out_.body_json) || any(out_.params) || any(out_.headers) ||
           (create != nullptr && uses(JsonTextOf(*create)));
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
    JudgeNestedKeys();
    out_.delete_when = table_.Text("delete_when");
    const bool merge = out_.write_disposition == WriteDisposition::kMerge;
    if (!out_.delete_when.empty() && !merge) {
      context_.Error("E0413", At("delete_when"), "`delete_when` needs `write_disposition: merge`").help =
          "add `primary_key:`";
    }
    LowerMerge(table_, path_, context_, &out_);
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

  // Rows are merged by columns, and what lies inside an object is no column of its own.
  void JudgeNestedKeys() {
    if (out_.write_disposition != WriteDisposition::kMerge) return;
    for (size_t i = 0; i < out_.primary_key.size(); ++i) {
      const std::string& key = out_.primary_key[i];
      const bool included = std::any_of(out_.include.begin(), out_.include.end(),
                                        [&](const auto& column) { return column.first == key; });
      if (key.find('.') == std::string::npos || key.starts_with("parent.") || included) continue;
      const std::string at =
          table_.IsScalar("primary_key") ? At("primary_key") : At("primary_key." + std::to_string(i));
      context_.Error("E0421", at, "the key `" + Shown(key) + "` lies inside an object").help =
          std::holds_alternative<RestSourceConfig>(source_)
              ? "bring it out, `include: {" + Shown(Underscored(key)) + ": " + Shown(key) +
                    "}`, and name that column here"
              : "choose a field of the row itself, or write `write_disposition: append`";
    }
  }

  void LowerDisposition() {
    const bool has_key = !out_.primary_key.empty();
    const bool incremental = out_.incremental.has_value();
    const std::string written = table_.Text("write_disposition");
    if (written.empty()) {
      const bool appends = incremental || files() != nullptr;
      out_.write_disposition = has_key   ? WriteDisposition::kMerge
                               : appends ? WriteDisposition::kAppend
                                         : WriteDisposition::kReplace;
      Choose("write_disposition", std::string(ToString(out_.write_disposition)),
             has_key       ? "a primary_key is declared"
             : incremental ? "incremental without a primary_key"
             : appends     ? "files are loaded as they come, and there is no primary_key"
                           : "neither primary_key nor incremental");
      return;
    }
    out_.write_disposition = written == "merge"    ? WriteDisposition::kMerge
                             : written == "append" ? WriteDisposition::kAppend
                                                   : WriteDisposition::kReplace;
    if (written == "merge" && !has_key && !table_.Has("merge_key")) {
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
      if (!column.format.empty() && !IsFormat(column.format) && column.format != "dotnet" && !IsBytesFormat(column)) {
        context_.Error("E0206", at + ".format", "`" + Shown(column.format) + "` is not a date or time format").help =
            "write iso, epoch_s, epoch_ms, dotnet or a pattern like '%d.%m.%Y'; of binary and fixed base64 or hex";
      }
      column.bloom_filter = LowerBloomFilter(view, at, context_);
      LowerEvolution(view, &column);
      out_.columns.push_back(std::move(column));
    }
  }

  /// `bucket(4, id)` without quotes in a flow list is two items. Returns the index of the item that ends the field
  /// begun at `first`, and the field; `first` if that is not what happened.
  static size_t SplitByComma(const std::vector<std::string>& items, size_t first, std::string* field) {
    if (items[first].find('(') == std::string::npos || items[first].find(')') != std::string::npos) return first;
    std::string joined = items[first];
    for (size_t i = first + 1; i < items.size(); ++i) {
      joined += ", " + items[i];
      if (items[i].find(')') == std::string::npos) continue;
      std::string ignored;
      if (!ParsePartition(joined, &ignored)) return first;
      *field = joined;
      return i;
    }
    return first;
  }

  void LowerWrite() {
    out_.write = {.batch_rows_max = table_.Int("batch_rows"),
                  .file_rows_max = table_.OptionalInt("file_max_rows"),
                  .file_bytes_max = table_.Int("file_max_bytes"),
                  .commit_bytes = table_.Int("commit_bytes"),
                  .commit_bytes_written = table_.Has("commit_bytes"),
                  .commit_interval_ms = table_.Int("commit_interval")};
    if (const auto version = table_.OptionalInt("format_version")) {
      out_.format_version = static_cast<int32_t>(*version);
    }
    LowerEngines(table_, path_, context_, &out_);
    out_.repartitions = table_.Has("partition_by");
    const std::vector<std::string> fields = table_.TextList("partition_by");
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string suggestion;
      if (auto partition = ParsePartition(fields[i], &suggestion)) {
        out_.partition_by.push_back(*std::move(partition));
        continue;
      }
      if (const size_t last = SplitByComma(fields, i, &suggestion); last > i) {
        context_
            .Error(
                "E0406", At("partition_by") + "." + std::to_string(i),
                "`" + Shown(fields[i]) + "` is only a part of a partition field: a comma inside [ ] begins a new item")
            .help = "did you mean \"" + suggestion + "\", in quotes?";
        i = last;
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
    if (files() != nullptr) {
      if (!mode.empty() && mode != "off") {
        context_.Error("E0497", At("raw"), "the files are the raw data: nothing is archived of them").help =
            "remove `raw`, and keep the files";
      }
      mode = "off";
    }
    if (out_.job || out_.download) mode = "off";  // any other was refused
    if (is_process() || is_airbyte() || is_steps()) {
      if (!mode.empty() && mode != "off") {
        const char* const what = is_process()   ? "programs print"
                                 : is_airbyte() ? "Airbyte's connectors read"
                                                : "workflows read";
        context_.Error("E0499", At("raw"), std::string("nothing is archived of what ") + what).help = "remove `raw`";
      }
      mode = "off";
    }
    if (mode.empty()) {
      const bool append = out_.write_disposition == WriteDisposition::kAppend;
      mode = append || context_.raw_is_lost ? "off" : "archive";
      Choose("raw", mode,
             context_.raw_is_lost ? "an archive would be lost with this machine's disk"
                                  : "write_disposition is " + std::string(ToString(out_.write_disposition)));
    }
    if (mode == "archive" && context_.raw_is_lost && (scalar || !view.Has("location"))) {
      context_.Error("E0473", At("raw"), "the raw archive would be lost with this machine's disk").help =
          "write `raw: {mode: archive, location: <s3://… or a folder that stays>}`, or `raw: off`";
    }
    out_.raw.mode = mode == "archive" ? RawConfig::Mode::kArchive
                    : mode == "table" ? RawConfig::Mode::kTable
                                      : RawConfig::Mode::kOff;
    out_.raw.location = context_.raw;
    if (scalar || !table_.Has("raw")) return;
    if (view.Has("location") && mode == "table") {
      context_.Error("E0990", At("raw.location"), "`raw: table` has no location: its rows are in the lake").help =
          "remove `location`, or write `mode: archive`";
    } else if (view.Has("location")) {
      out_.raw.location = LowerRawLocation(view.Text("location"), At("raw.location"), context_);
    }
    out_.raw.retention_ms = view.Int("retention");
    out_.raw.retention_written = view.Has("retention");
    LowerRawKeys(view, At("raw"), context_, &out_.raw);
  }

  const ObjectView& table_;
  const std::string path_;
  const SourceConfig& source_;
  const LoweringContext& context_;
  TableConfig out_;
};

// Where the values of a column of the row come from, if `include` brings it out of an object.
std::string SourceOf(const TableConfig& table, const std::string& column) {
  const auto found = std::ranges::find(table.include, column, &std::pair<std::string, std::string>::first);
  return found == table.include.end() || found->second.starts_with("parent.") ? column : found->second;
}

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
    const auto judge_key = [&](const std::vector<std::string>& keys, const std::string& role) {
      for (const std::string& key : keys) {
        if (hash || !IsUnder(SourceOf(table, key), column.path)) continue;
        context.Error("E0403", at, "mask `" + mask + "` makes values of the " + role + " `" + key + "` equal").help =
            "write `sha256` or `hmac`, or choose another key";
      }
    };
    judge_key(table.primary_key, "primary key");
    judge_key(table.merge.merge_key, "merge key");
    if (table.dedupe) judge_key(table.dedupe->key, "dedupe key");
    for (const std::string& path :
         {table.merge.sequence_by, table.merge.history.changed_at, table.dedupe ? table.dedupe->by : std::string()}) {
      if (path.empty() || !IsUnder(SourceOf(table, path), column.path)) continue;
      context.Error("E0403", at, "`" + path + "` puts rows in order and cannot be masked").help =
          "choose another column";
    }
    if (table.incremental && IsUnder(table.incremental->cursor, column.path)) {
      context.Error("E0403", at, "the incremental cursor `" + table.incremental->cursor + "` cannot be masked").help =
          "the state keeps cursor values; choose another cursor";
    }
  }
}

}  // namespace

TableConfig LowerTable(const std::string& name, const ObjectView& table, const std::string& path,
                       const SourceConfig& source, const LoweringContext& context) {
  return TableLowering(table, path, source, context).Lower(name);
}

void JudgeTable(const TableConfig& table, const std::string& mask_key, const LoweringContext& context) {
  JudgeColumns(table, context);
  JudgeMasks(table, mask_key, context);
  JudgeRaw(table, context);
}

void JudgeParents(const std::vector<TableConfig>& tables, const LoweringContext& context) {
  JudgePublishing(tables, context);
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
    const auto direct = find(table.parent);
    if (direct != tables.end()) JudgeReplacedChildren(table, *direct, context);
    for (const auto& [column, from] : table.include) {
      const auto parent = find(table.parent);
      if (parent == tables.end() || !from.starts_with("parent.")) continue;
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
