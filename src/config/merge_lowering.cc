#include "config/merge_lowering.h"

#include <set>
#include <string_view>
#include <utility>

#include "config/text_position.h"

namespace firn::config {
namespace {

class MergeLowering {
 public:
  MergeLowering(const ObjectView& table, const std::string& path, const LoweringContext& context, TableConfig* out)
      : table_(table), path_(path), context_(context), out_(*out) {}

  void Lower() {
    LowerStrategy();
    LowerDeletes();
    if (table_.Has("scd2")) LowerHistory(table_.Object("scd2"));
    LowerReconcile();
    LowerDedupe();
    out_.overwrite_partitions = table_.Bool("overwrite_partitions");
    JudgeStrategy();
    JudgeMode();
    JudgeDeletes();
    JudgeMissing();
    JudgeReconcile();
    JudgeHistory();
    JudgeDedupe();
    JudgePartitions();
  }

 private:
  bool merges() const { return out_.write_disposition == WriteDisposition::kMerge; }
  bool is(MergeStrategy strategy) const { return merges() && out_.merge.strategy == strategy; }
  std::string At(std::string_view field) const { return path_ + "." + std::string(field); }

  void Refuse(std::string_view field, std::string message, std::string help) {
    context_.Error("E0425", At(field), std::move(message)).help = std::move(help);
  }

  void LowerStrategy() {
    for (const MergeStrategy strategy :
         {MergeStrategy::kDeleteInsert, MergeStrategy::kScd2, MergeStrategy::kInsertOnly}) {
      if (table_.Text("merge_strategy") == ToString(strategy)) out_.merge.strategy = strategy;
    }
    const std::string mode = table_.Text("merge_mode");
    if (!mode.empty()) out_.merge.mode = mode == "copy_on_write" ? MergeMode::kCopyOnWrite : MergeMode::kMergeOnRead;
    out_.merge.merge_key = table_.TextList("merge_key");
    out_.merge.sequence_by = table_.Text("sequence_by");
  }

  void LowerDeletes() {
    const bool scalar = table_.IsScalar("deletes") || !table_.Has("deletes");
    const std::string mode = scalar ? table_.Text("deletes") : table_.Object("deletes").Text("mode");
    const bool missing = mode == "missing";
    if (missing) out_.merge.missing = MissingConfig{};
    const std::string how = scalar ? "" : table_.Object("deletes").Text("how");
    out_.merge.deletes = mode == "soft" || (missing && how == "soft") ? Deletes::kSoft : Deletes::kHard;
    if (scalar) return;
    const ObjectView view = table_.Object("deletes");
    out_.merge.deleted_at = view.Text("column");
    if (missing) out_.merge.missing->percent_max = view.OptionalInt("max_percent").value_or(20);
    for (const char* field : {"how", "max_percent"}) {
      if (missing || !view.Has(field)) continue;
      Refuse("deletes." + std::string(field), "`" + std::string(field) + "` has no effect without `mode: missing`",
             "remove it, or write `mode: missing`");
    }
  }

  void LowerReconcile() {
    if (!table_.Has("reconcile")) return;
    const ObjectView view = table_.Object("reconcile");
    out_.merge.reconcile = ReconcileConfig{.every_ms = view.Int("every"), .window_ms = view.OptionalInt("window")};
  }

  void LowerHistory(const ObjectView& view) {
    HistoryConfig& history = out_.merge.history;
    const auto name = [&](std::string_view field, std::string* column) {
      if (view.Has(field)) *column = view.Text(field);
    };
    name("valid_from", &history.valid_from);
    name("valid_to", &history.valid_to);
    name("is_current", &history.is_current);
    name("surrogate_key", &history.surrogate_key);
    history.changed_at = view.Text("changed_at");
    history.track = view.TextList("track");
    history.retire_missing = view.Has("retire_missing") && view.Bool("retire_missing");
    if (history.retire_missing && !out_.merge.missing) out_.merge.missing = MissingConfig{};
  }

  void LowerDedupe() {
    if (!table_.Has("dedupe_key")) return;
    out_.dedupe = DedupeConfig{.key = table_.TextList("dedupe_key"),
                               .window_ms = table_.OptionalInt("dedupe_window"),
                               .by = table_.Text("dedupe_by")};
  }

  void JudgeStrategy() {
    const MergeConfig& merge = out_.merge;
    if (!merges()) {
      for (const char* field :
           {"merge_strategy", "merge_mode", "merge_key", "sequence_by", "deletes", "reconcile", "scd2"}) {
        if (!table_.Has(field)) continue;
        context_
            .Error("E0413", At(field), "`" + std::string(field) + "` has no effect without `write_disposition: merge`")
            .help = "write `write_disposition: merge`";
      }
      return;
    }
    const std::string name(ToString(merge.strategy));
    if (is(MergeStrategy::kDeleteInsert) && merge.merge_key.empty()) {
      Refuse(table_.Has("merge_strategy") ? "merge_strategy" : "write_disposition",
             "`merge_strategy: delete_insert` needs a `merge_key`",
             "add `merge_key: day`, or write `upsert` to replace rows by primary_key");
    }
    if (!is(MergeStrategy::kDeleteInsert) && out_.primary_key.empty() && !merge.merge_key.empty()) {
      context_.Error("E0401", At("merge_strategy"), "`merge_strategy: " + name + "` needs a `primary_key`").help =
          "add `primary_key: id`";
    }
    if (!is(MergeStrategy::kDeleteInsert) && !merge.merge_key.empty()) {
      Refuse("merge_key", "`merge_key` has no effect with `merge_strategy: " + name + "`",
             "write `merge_strategy: delete_insert`, or `primary_key:` to replace row by row");
    }
    if (!merge.sequence_by.empty() && !is(MergeStrategy::kUpsert)) {
      Refuse("sequence_by", "`sequence_by` has no effect with `merge_strategy: " + name + "`",
             is(MergeStrategy::kScd2) ? "write `scd2: {changed_at: " + Shown(merge.sequence_by) + "}`"
                                      : "remove it, or write `merge_strategy: upsert`");
    }
    if (is(MergeStrategy::kInsertOnly) && !out_.delete_when.empty()) {
      Refuse("delete_when", "`merge_strategy: insert_only` never deletes", "remove `delete_when`, or write `upsert`");
    }
    for (size_t i = 0; i < merge.merge_key.size(); ++i) JudgeTopLevel("merge_key", merge.merge_key[i]);
    JudgeTopLevel("sequence_by", merge.sequence_by);
  }

  /// Strategies that decide row by row name the rows that go in delete files.
  void JudgeMode() {
    if (!merges() || out_.merge.mode != MergeMode::kCopyOnWrite) return;
    const MergeConfig& merge = out_.merge;
    const char* help = "remove it; `firn table maintain` writes files with deletes again";
    if (!is(MergeStrategy::kUpsert)) {
      Refuse("merge_mode",
             "`merge_mode: copy_on_write` does not go with `merge_strategy: " + std::string(ToString(merge.strategy)) +
                 "`",
             help);
    } else if (!merge.sequence_by.empty()) {
      Refuse("merge_mode", "`merge_mode: copy_on_write` does not go with `sequence_by`", help);
    } else if (merge.deletes == Deletes::kSoft) {
      Refuse("merge_mode", "`merge_mode: copy_on_write` does not go with `deletes: soft`", help);
    } else if (merge.missing || merge.reconcile || out_.replace_children) {
      const std::string field = merge.missing ? "deletes: missing" : merge.reconcile ? "reconcile" : "replace_children";
      Refuse("merge_mode", "`merge_mode: copy_on_write` does not go with `" + field + "`", help);
    }
  }

  /// Rows are compared by columns of the row itself.
  void JudgeTopLevel(std::string_view field, const std::string& path) {
    if (path.find('.') == std::string::npos || path.starts_with("parent.")) return;
    for (const auto& [column, from] : out_.include) {
      if (column == path) return;
    }
    context_.Error("E0421", At(field), "`" + Shown(path) + "` lies inside an object").help =
        "choose a field of the row itself";
  }

  void JudgeDeletes() {
    if (!merges() || out_.merge.deletes == Deletes::kHard) return;
    if (!is(MergeStrategy::kUpsert)) {
      Refuse("deletes", "`deletes: soft` goes with `merge_strategy: upsert`",
             is(MergeStrategy::kScd2) ? "remove it: a deletion ends the current version, which stays"
                                      : "remove it, or write `merge_strategy: upsert`");
    } else if (out_.delete_when.empty() && !out_.merge.missing && !out_.replace_children) {
      Refuse("deletes", "`deletes: soft` needs `delete_when`, which says what is deleted",
             "add `delete_when: \"{{ record.deleted }}\"`");
    }
  }

  void JudgeMissing() {
    const bool written = !out_.merge.history.retire_missing;  // else it stands for scd2.retire_missing
    if (!merges() || !out_.merge.missing || !written) return;
    if (!out_.parent.empty()) {
      Refuse("deletes", "`deletes: missing` does not go with `parent`: children are asked for row by row",
             "write `replace_children: true`: what a parent row no longer has goes");
    } else if (!is(MergeStrategy::kUpsert) && !is(MergeStrategy::kScd2)) {
      Refuse("deletes", "`deletes: missing` goes with `merge_strategy: upsert` or `scd2`",
             "remove it, or write `upsert`");
    } else if (out_.incremental && !out_.merge.reconcile) {
      out_.choices.push_back({"deletes", "missing keys go at --full-refresh and run --reconcile alone",
                              "an incremental read gives only what changed; `reconcile: {every: 1d}` makes passes"});
    } else if (is(MergeStrategy::kUpsert) && out_.merge.deletes == Deletes::kHard) {
      out_.choices.push_back({"deletes", "a missing key's row goes", "`deletes: {mode: missing, how: soft}` keeps it"});
    }
    if (is(MergeStrategy::kScd2)) out_.merge.history.retire_missing = true;
  }

  void JudgeReconcile() {
    if (!merges() || !out_.merge.reconcile) return;
    if (!out_.parent.empty()) {
      Refuse("reconcile", "`reconcile` does not go with `parent`: children are read with their parent rows",
             "write it at `" + Shown(out_.parent) + "`");
    } else if (!out_.incremental) {
      Refuse("reconcile", "`reconcile` needs `incremental`: without it each run reads all rows", "remove it");
    } else if (!is(MergeStrategy::kUpsert) && !is(MergeStrategy::kScd2)) {
      Refuse("reconcile", "`reconcile` goes with `merge_strategy: upsert` or `scd2`", "remove it, or write `upsert`");
    }
  }

  void JudgeHistory() {
    if (!merges()) return;
    if (table_.Has("scd2") && !is(MergeStrategy::kScd2)) {
      Refuse("scd2", "`scd2` has no effect with `merge_strategy: " + std::string(ToString(out_.merge.strategy)) + "`",
             "write `merge_strategy: scd2`");
    }
    if (!is(MergeStrategy::kScd2)) return;
    const HistoryConfig& history = out_.merge.history;
    std::set<std::string> names;
    for (const std::string& name : {history.valid_from, history.valid_to, history.is_current, history.surrogate_key}) {
      if (names.insert(name).second && !name.empty()) continue;
      Refuse("scd2", "two columns of scd2 would be called `" + Shown(name) + "`", "give each a name of its own");
    }
    JudgeTopLevel("scd2.changed_at", history.changed_at);
    for (const std::string& path : history.track) JudgeTopLevel("scd2.track", path);
    if (history.retire_missing && out_.incremental && table_.Object("scd2").Has("retire_missing")) {
      Refuse("scd2.retire_missing", "`retire_missing` needs a read of all rows, and `incremental` reads what changed",
             "remove `incremental`, or say what is deleted with `delete_when`");
    } else if (!history.retire_missing && !out_.incremental && out_.delete_when.empty()) {
      out_.choices.push_back({"scd2.retire_missing", "false", "a key that the source no longer gives stays current"});
    }
    if (history.changed_at.empty()) {
      out_.choices.push_back({"scd2.changed_at", "the run's time", "no changed_at is given"});
    }
  }

  void JudgeDedupe() {
    for (const char* field : {"dedupe_window", "dedupe_by"}) {
      if (table_.Has(field) && !out_.dedupe) {
        Refuse(field, "`" + std::string(field) + "` has no effect without `dedupe_key`", "add `dedupe_key: event_id`");
      }
    }
    if (!out_.dedupe) return;
    if (out_.write_disposition != WriteDisposition::kAppend) {
      Refuse("dedupe_key", "`dedupe_key` goes with `write_disposition: append`",
             merges() ? "remove it: `primary_key` keeps one row of each key" : "remove it, or write `append`");
    }
    for (const std::string& path : out_.dedupe->key) JudgeTopLevel("dedupe_key", path);
    JudgeTopLevel("dedupe_by", out_.dedupe->by);
    if (table_.Has("dedupe_by") && !out_.dedupe->window_ms) {
      Refuse("dedupe_by", "`dedupe_by` has no effect without `dedupe_window`", "add `dedupe_window: 7d`");
    }
    if (out_.dedupe->window_ms && out_.dedupe->by.empty()) {
      out_.choices.push_back({"dedupe_by", "_firn_loaded_at", "no dedupe_by is given"});
    }
  }

  void JudgePartitions() {
    if (!out_.overwrite_partitions) return;
    if (out_.write_disposition != WriteDisposition::kReplace) {
      context_
          .Error("E0426", At("overwrite_partitions"), "`overwrite_partitions` goes with `write_disposition: replace`")
          .help = merges() ? "write `merge_strategy: delete_insert` with `merge_key` to replace groups of rows"
                           : "write `write_disposition: replace`";
    } else if (!table_.Has("partition_by")) {
      context_.Error("E0426", At("overwrite_partitions"), "`overwrite_partitions` needs `partition_by`").help =
          "add `partition_by: [day(created_at)]`";
    }
  }

  const ObjectView& table_;
  const std::string& path_;
  const LoweringContext& context_;
  TableConfig& out_;
};

}  // namespace

void LowerMerge(const ObjectView& table, const std::string& path, const LoweringContext& context, TableConfig* out) {
  MergeLowering(table, path, context, out).Lower();
}

std::string_view ToString(MergeStrategy strategy) {
  switch (strategy) {
    case MergeStrategy::kUpsert:
      return "upsert";
    case MergeStrategy::kDeleteInsert:
      return "delete_insert";
    case MergeStrategy::kScd2:
      return "scd2";
    case MergeStrategy::kInsertOnly:
      return "insert_only";
  }
  return "";
}

}  // namespace firn::config
