#include "table/scan/field_ids.h"

#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/schema.h>

#include <memory>

#include "io/file_store.h"

namespace firn::table {
namespace {

Result<bool> AnyFieldId(const std::shared_ptr<arrow::io::RandomAccessFile>& input) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  const auto reader = parquet::ParquetFileReader::Open(input);
  const parquet::schema::GroupNode& root = *reader->metadata()->schema()->group_node();
  bool any = root.field_count() == 0;
  for (int i = 0; i < root.field_count(); ++i) any = any || root.field(i)->field_id() >= 0;
  return any;
  END_PARQUET_CATCH_EXCEPTIONS
}

}  // namespace

Result<bool> HasFieldIds(io::FileStore& files, const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const auto input, files.OpenInput(location));
  auto any = AnyFieldId(input);
  if (any.ok()) return any;
  if (FaultOf(any.status()) != Fault::kBug) return Within(location, any.status());
  return MakeError(Fault::kBadData, location + " is no Parquet file: " + any.status().message());
}

}  // namespace firn::table
