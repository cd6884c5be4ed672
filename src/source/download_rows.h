#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/files_config.h"
#include "io/body_file.h"
#include "io/http_client.h"
#include "io/zip_archive.h"
#include "source/file_input.h"
#include "source/row_cutter.h"

/// Files of rows that an API gives: kept on disk until they are whole, then read like those of `type: files`.
namespace firn::source {

inline constexpr int64_t kDownloadBytesMax = int64_t{64} << 30;  // as it comes, a Content-Encoding undone

struct DownloadOptions {
  config::DownloadConfig config;            // sound: CheckDownload
  std::vector<std::string> captures;        // format::json::PageOptions
  std::string scratch_folder;               // io::BodyFile
  int64_t memory_bytes = int64_t{1} << 30;  // of what is read at once
  arrow::MemoryPool* pool = nullptr;        // null: the default pool
};

/// Errors: kConfig E0497 for a pattern or a dialect that cannot be.
Status CheckDownload(const config::DownloadConfig& config);

/// Lets `request` bring its body to a file, which may take hours. Only an answer that is whole is ever read: what
/// breaks off is asked for again from its beginning, by whoever retries. Errors: those of the disk.
Status ExpectFile(const DownloadOptions& options, io::HttpRequest* request);

/// Cuts a file that came into pages of rows, in bounded memory. Used by one thread.
class DownloadRows {
 public:
  /// `request`: prepared by ExpectFile; `answer`: of it, 2xx. Errors: kBadData E0545 for a file of which nothing tells
  /// whether it is whole, E0989 for a web page, E0601 for an empty one that should have a beginning, E0544 for an
  /// archive without the members that are wanted, E0883 for what this build does not read; those of
  /// io::ReadZipDirectory.
  static Result<std::unique_ptr<DownloadRows>> Open(const io::HttpRequest& request, const io::HttpResponse& answer,
                                                    DownloadOptions options);

  /// Returns the next rows, at least one, or nullopt at the end. Errors: kBadData E0885 for packed bytes that are
  /// damaged or end early, those of the format and of Open, with the member of an archive; kCancelled.
  Result<std::optional<FileRows>> Next(std::stop_token stop);

 private:
  explicit DownloadRows(DownloadOptions options) : options_(std::move(options)) {}
  Status FindMembers();
  Result<bool> OpenNext();
  Status OpenPart(std::shared_ptr<arrow::io::InputStream> bytes, int64_t size, config::FileCompression compression);
  Status Located(const Status& status) const;

  const DownloadOptions options_;
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  int64_t file_bytes_ = 0;
  bool is_archive_ = false, opened_ = false;
  std::deque<io::ZipMember> members_;  // not yet opened
  io::ZipMember member_;               // that is read
  std::shared_ptr<RawInput> raw_;
  std::unique_ptr<UnpackedInput> input_;
  std::unique_ptr<RowCutter> cutter_;  // last: it borrows input_
};

}  // namespace firn::source
