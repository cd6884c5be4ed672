#include "config/merge_fields.h"

#include <memory>
#include <utility>

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;

ObjectTypePtr HistoryType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "scd2",
      .doc = "How the versions of a key are written.",
      .fields =
          {Text("valid_from").Doc("Column: since when a version holds, inclusive; default: _firn_valid_from."),
           Text("valid_to").Doc("Column: until when, exclusive; null while it has not ended; default: _firn_valid_to."),
           Text("is_current").Doc("Column: true if the version has not ended; default: _firn_is_current."),
           Text("surrogate_key").Doc("Column: hash of key and valid_from; default: _firn_version_key."),
           Text("changed_at")
               .Doc("Path of the time a row holds from; default: when the run began.")
               .Example("updated_at"),
           List("track", Text(""))
               .AtLeast(1)
               .Doc("Paths whose change makes a version; default: all columns but changed_at.")
               .Example("[price, status]"),
           Bool("retire_missing").Doc("A key that a whole read does not give ends with the run; default: false.")},
      .foreign = {{"row_version_column_name", "write `surrogate_key:`"},
                  {"boundary_timestamp", "write `changed_at: <path>`"},
                  {"active_record_timestamp", "a version that has not ended has null"},
                  {"validity_column_names", "write `valid_from:` and `valid_to:`"},
                  {"updated_at", "write `changed_at:`"},
                  {"check_cols", "write `track:`"},
                  {"invalidate_hard_deletes", "write `retire_missing:`"}}});
  return type;
}

std::vector<EnumValue> DeletesModes() {
  return {{"hard", "the row goes"},
          {"soft", "the row stays, with the time of its deletion"},
          {"missing", "also a key that a listing of all rows does not give is deleted"}};
}

ObjectTypePtr DeletesObject() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "deletes",
                 .doc = "What a deletion does.",
                 .fields = {Enum("mode", DeletesModes()).Required().Doc("What becomes of the row."),
                            Enum("how", {{"hard", "the row goes"}, {"soft", "the row stays, with the time"}})
                                .Doc("Of mode missing: what becomes of the row; default: hard.")
                                .Example("soft"),
                            Int("max_percent")
                                .Range(0, 100)
                                .Doc("Of mode missing: if more of the keys would go, nothing is changed unless --yes "
                                     "is given; default: 20.")
                                .Example("50"),
                            Text("column").Default("_firn_deleted_at").Doc("Column of a soft deletion's time.")},
                 .foreign = {{"delete_missing", "write `mode: missing`"}}});
  return type;
}

ObjectTypePtr ReconcileObject() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "reconcile",
                 .doc = "A pass that reads again what was read before, and repairs what differs.",
                 .fields = {Duration("every")
                                .Required()
                                .Range(60'000, 36'500 * kDayMs)
                                .Doc("The run after so much time is a pass.")
                                .Example("1d"),
                            Duration("window")
                                .Range(60'000, 36'500 * kDayMs)
                                .Doc("Reads only rows whose cursor is not older; default: from the beginning.")
                                .Example("30d")}});
  return type;
}

}  // namespace

std::vector<Field> MergeFields() {
  return {
      Enum("merge_strategy", {{"upsert", "the last row of a key stays"},
                              {"delete_insert", "all rows with a merge_key of the load go, its rows come"},
                              {"scd2", "a changed row is a further version of its key"},
                              {"insert_only", "a row whose key is known is skipped"}})
          .Default("upsert")
          .Doc("What merge does.")
          .Foreign({{"delete-insert", "write `delete_insert`"}, {"insert-only", "write `insert_only`"}}),
      Enum("merge_mode", {{"merge_on_read", "delete files name the rows that go"},
                          {"copy_on_write", "files of rows that go are written again; there are no delete files"}})
          .Doc("How merge takes rows out of data files; default: write.merge.mode of the table, else merge_on_read.")
          .Example("copy_on_write")
          .Foreign({{"merge-on-read", "write `merge_on_read`"}, {"copy-on-write", "write `copy_on_write`"}}),
      OneOf("merge_key", {Text(""), List("", Text("")).AtLeast(1)})
          .Doc("Path or paths of the groups of rows that delete_insert replaces.")
          .Example("day"),
      Text("sequence_by")
          .Doc("Path of a number or time: of rows with one key the greatest wins, not the last to arrive.")
          .Example("version"),
      OneOf("deletes", {Enum("", DeletesModes()), Object("", DeletesObject())})
          .Default("hard")
          .Doc("What a deletion does, and whether keys that are missing from a listing of all rows are deleted.")
          .Example("soft"),
      Object("reconcile", ReconcileObject())
          .Doc("Of an incremental merge: reads again from time to time, for rows that were back-dated or deleted.")
          .Example("{every: 1d, window: 30d}"),
      Object("scd2", HistoryType()).Doc("Of merge_strategy scd2.").Example("{changed_at: updated_at}"),
      OneOf("dedupe_key", {Text(""), List("", Text("")).AtLeast(1)})
          .Doc("Path or paths by which an append stream drops rows it has already.")
          .Example("event_id"),
      Duration("dedupe_window")
          .Range(1'000, 36'500 * kDayMs)
          .Doc("Only rows within so much time of each other are duplicates; default: the whole table.")
          .Example("7d"),
      Text("dedupe_by")
          .Doc("Path of the time that dedupe_window is of; default: when a row was loaded.")
          .Example("created_at"),
      Bool("overwrite_partitions")
          .Default("false")
          .Doc("A replace touches only partitions that occur in the load; needs partition_by."),
  };
}

}  // namespace firn::config
