#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "table/commit/stream_token.h"
#include "table/manifest/data_file.h"

/// What readers and writers of a stream hand to its committer, as a value that can be stored or sent (DESIGN.md §2).
namespace firn::table {

/// Column paths ("a.b", list and map levels as "element", "key", "value") → field ids.
using FieldIds = std::map<std::string, int32_t>;
FieldIds FieldIdsOf(const schema::Schema& schema);

struct StagedFiles {
  std::string stream_id;
  int64_t epoch = 0;
  std::string run;
  std::vector<std::string> splits;  // ids of the splits that were read
  StateVersion from;
  StateVersion to;
  std::string state;  // JSON text of `to`
  int64_t rows = 0;
  std::string content_hash;
  FieldIds field_ids;  // that the files were written with
  std::vector<DataFile> data_files;
  std::vector<std::string> removed;  // row operations, copy-on-write: files that the data files replace
  std::vector<DataFile> quarantine_files;
};

/// One JSON document with a version. Errors of parsing: kBadData; kConfig for a newer version.
std::string WriteStagedFiles(const StagedFiles& staged);
Result<StagedFiles> ParseStagedFiles(std::string_view json);

/// Checks that a table's schema gives each column the id that files were written with. Errors: kConflict naming the
/// first column that differs: the table evolved since.
Status CheckFieldIds(const FieldIds& written, const schema::Schema& table_schema);

}  // namespace firn::table
