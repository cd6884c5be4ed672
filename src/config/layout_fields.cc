#include "config/fields.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kGiB = int64_t{1} << 30;

ObjectTypePtr BloomFilterObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "bloom_filter",
      .doc = "Filters of a column, one per row group: an equality on a value that is not there reads nothing.",
      .fields = {Text("fpp").Default("0.01").Doc("Share of absent values that pass, 0 to 1.").Example("0.05"),
                 Int("ndv")
                     .Range(1, 1'000'000'000)
                     .Doc("Distinct values of a row group, if known: the filter is made for that many.")
                     .Example("100000")}});
  return type;
}

ObjectTypePtr MaintenanceObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "maintenance",
      .doc = "When files are written anew. Any of the reasons is enough. `firn table maintain` follows it too.",
      .fields =
          {Bool("auto").Default("true").Doc("After each load, within the budget; else only by `firn table maintain`."),
           Size("target_file_size")
               .Range(1, 64 * kGiB)
               .Doc("Default: the table's write.target-file-size-bytes, which is file_max_bytes for tables made here.")
               .Example("512MiB"),
           Int("min_files").Range(2, 10'000).Default("5").Doc("So many small files of a partition are put together."),
           Size("min_bytes").AtLeast(0).Default("0").Doc("Or small files of so many bytes. 0: not by bytes."),
           Text("delete_ratio").Default("0.3").Doc("A file with that share of its rows deleted is written anew."),
           Int("max_delete_files").Range(0, 10'000).Default("10").Doc("Or with more delete files than that."),
           Duration("older_than")
               .Range(0, 36'500 * kDayMs)
               .Default("0")
               .Doc("Or small files of which one is older than that, from two on. 0: not by age."),
           Size("budget").AtLeast(1).Default("256MiB").Doc(
               "What one load reads for it at most; the next one goes on.")},
      .foreign = {{"enabled", "write `auto:`"},
                  {"budget_bytes", "write `budget:`"},
                  {"min_input_files", "write `min_files:`"},
                  {"delete_ratio_threshold", "write `delete_ratio:`"}}});
  return type;
}

}  // namespace

Field BloomFilterField() {
  return OneOf("bloom_filter", {Bool(""), Object("", BloomFilterObject())})
      .Doc("Bloom filters of the column in each new file; false takes them away. Not for boolean.")
      .Example("true");
}

std::vector<Field> LayoutFields() {
  return {OneOf("sort_by", {Text(""), List("", Text(""))})
              .Doc("Order of the rows in each file: columns or transforms, asc or desc, nulls first or last; or "
                   "`zorder(a, b)`. `[]`: unsorted. Default: as the table is.")
              .Example("[created_at desc, \"bucket(16, id)\"]"),
          Enum("statistics", {{"none", "no counts"},
                              {"ndv", "counts of distinct values (theta sketches), kept up to date after each load"}})
              .Doc("Statistics of the table beside those of its files. Default: as the table is."),
          OneOf("maintenance", {Enum("", {{"auto", "files are written anew after a load, within a budget"},
                                          {"off", "only `firn table maintain` does it"}}),
                                Object("", MaintenanceObject())})
              .Default("auto")
              .Doc("Upkeep of the table after a load.")
              .Example("{min_files: 10, delete_ratio: 0.2}")};
}

}  // namespace firn::config
