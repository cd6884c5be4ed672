#pragma once

#include <string>

#include "base/status.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

/// True if the columns of a Parquet file bear field ids; reads its footer alone. A file without them is read by the
/// table's name mapping, or has no column of the table. Errors: kBadData if it is no Parquet; of the file store.
Result<bool> HasFieldIds(io::FileStore& files, const std::string& location);

}  // namespace firn::table
