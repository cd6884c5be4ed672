#include "table/manifest/data_file.h"

namespace firn::table {

std::string FileKeyOf(const DataFile& file) {
  if (!file.content_offset) return file.file_path;
  return file.file_path + "@" + std::to_string(*file.content_offset);
}

}  // namespace firn::table
