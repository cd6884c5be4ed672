#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/auth_config.h"
#include "io/object_settings.h"

/// `source: {type: files}` and what its tables say of their files. Plain data.
namespace firn::config {

struct FilesSourceConfig {
  std::string location;             // absolute folder, s3://bucket/prefix or https://host/path; no trailing slash
  io::ObjectStoreSettings storage;  // of an object store
  AuthConfig auth;                  // of a URL
  NamedText headers;                // of every request to it; values are treated as secrets, and are no templates
};

enum class FileFormat { kAuto, kNdjson, kJson, kCsv, kTsv, kParquet };
enum class FileCompression { kAuto, kNone, kGzip, kZstd, kZip };
/// What happens when the content of a file that was loaded is another one.
enum class FileChanges { kAppend, kReplace, kFail };

/// Absent: found out from the file. Texts of one character where the format wants one.
struct CsvConfig {
  std::optional<char> delimiter;
  std::optional<char> quote;  // 0: none
  std::optional<char> escape;
  std::optional<bool> header;
  std::vector<std::string> columns;
  std::vector<std::string> nulls;
  int64_t skip_lines = 0;
  char comment = 0;
  std::string encoding;
};

struct FilesConfig {
  std::vector<std::string> patterns;  // below the location
  FileFormat format = FileFormat::kAuto;
  FileCompression compression = FileCompression::kAuto;
  FileChanges changes = FileChanges::kFail;
  bool same_content_once = true;  // a content that was loaded from another file is passed over
  int64_t settle_ms = 2'000;      // a file that changed less long ago may still be written
  CsvConfig csv;
  // Columns that rows gain.
  bool file_column = true, line_column = false, modified_column = false;
};

/// Their names.
inline constexpr char kFileColumn[] = "_file";          // path below the location
inline constexpr char kLineColumn[] = "_line";          // number of the line or row in the file, from 1
inline constexpr char kModifiedColumn[] = "_modified";  // when the file was changed last

/// How a file that an API gives is written.
struct DownloadConfig {
  FileFormat format = FileFormat::kNdjson;  // neither kAuto nor kParquet
  FileCompression compression = FileCompression::kAuto;
  std::string members;  // glob, of a zip archive; empty: all
  std::string records = "auto";
  CsvConfig csv;
};

}  // namespace firn::config
