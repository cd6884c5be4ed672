#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/files_config.h"
#include "source/file_input.h"
#include "source/row_cutter.h"

namespace firn::source {

/// Errors: kConfig for characters that cannot go together, E0497 for an unknown encoding.
Status CheckCsv(const config::CsvConfig& config);

struct FormatCutterOptions {
  config::FileFormat format = config::FileFormat::kAuto;         // kAuto: JSON in either form; never kParquet
  config::CsvConfig csv;                                         // sound
  std::string records = "auto";                                  // of a JSON document
  std::vector<std::string> captures;                             // format::json::PageOptions
  int64_t memory_bytes = int64_t{1} << 30;                       // of what is read at once; buffers get shares of it
  int64_t text_bytes_max = std::numeric_limits<int64_t>::max();  // that the input can give
  bool reads_ahead = false;                                      // by a thread of its own
  Mark from;                                                     // where the input stands
  arrow::MemoryPool* pool = nullptr;
};

/// Makes the cutter for the bytes of one file. `input` is borrowed. Errors: kBadData for `from`.
Result<std::unique_ptr<RowCutter>> MakeFormatCutter(UnpackedInput& input, FormatCutterOptions options);

}  // namespace firn::source
