#include "source/download_rows.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "io/url.h"
#include "source/first_bytes.h"
#include "source/format_cutter.h"
#include "source/glob.h"

namespace firn::source {
namespace {

using config::FileCompression;
using config::FileFormat;

constexpr int64_t kBlockBytes = int64_t{1} << 20;
constexpr int64_t kFirstBytes = 64;
constexpr int64_t kAheadWorthBytes = int64_t{4} << 20;
constexpr size_t kNamesShown = 3;

// What comes until the connection ends is whole only if it says itself where it ends.
Status CheckIsWhole(const io::HttpResponse& answer, FileFormat format, FileCompression compression) {
  const bool proves = format == FileFormat::kJson || compression == FileCompression::kZip;
  if (!answer.ends_by_close || proves || answer.headers.Has("content-encoding")) return Status::OK();
  return MakeError(Fault::kBadData,
                   "it cannot be told whether the file is whole: " + io::RedactUrl(answer.effective_url),
                   {.code = "E0545",
                    .why = "the server announced no length and closed the connection, as it does when it breaks down",
                    .state = "nothing of it was read",
                    .next = "ask the API for a zip archive, or whoever runs the server for a Content-Length"});
}

Status CheckIsNoPage(const io::HttpResponse& answer, std::string_view first_bytes) {
  if (!IsWebPage(answer.headers.Get("content-type").value_or(""), first_bytes)) return Status::OK();
  return MakeError(Fault::kBadData,
                   "what the URL gives is a web page, not data: " + io::RedactUrl(answer.effective_url),
                   {.code = "E0989",
                    .why = "the server calls it text/html, or it begins as HTML does: often a login page",
                    .state = "nothing of it was read",
                    .next = "look at the URL and at the credentials that it needs"});
}

Status CheckIsNoJson(const io::HttpResponse& answer, FileFormat format, std::string_view first_bytes) {
  const bool is_cells = format == FileFormat::kCsv || format == FileFormat::kTsv;
  if (!is_cells || (!first_bytes.starts_with('{') && !first_bytes.starts_with('['))) return Status::OK();
  const std::string type = AsciiLower(answer.headers.Get("content-type").value_or(""));
  if (!type.starts_with("application/json") && !type.starts_with("application/problem+json")) return Status::OK();
  return MakeError(Fault::kBadData, "what the URL gives is JSON, not CSV: " + io::RedactUrl(answer.effective_url),
                   {.code = "E0989",
                    .why = "the server calls it " + type.substr(0, type.find(';')) + ": often the text of an error",
                    .state = "nothing of it was read",
                    .next = "look at what the URL gives; a rule of `on_response` can name its errors"});
}

}  // namespace

Status CheckDownload(const config::DownloadConfig& config) {
  ARROW_RETURN_NOT_OK(CheckCsv(config.csv));
  return config.members.empty() ? Status::OK() : Glob::Parse(config.members).status();
}

Status ExpectFile(const DownloadOptions& options, io::HttpRequest* request) {
  ARROW_ASSIGN_OR_RAISE(request->body_file, io::BodyFile::Create(options.scratch_folder, kDownloadBytesMax));
  request->headers.Set("Accept", "*/*");
  // Some APIs make the file while they are asked for it.
  request->timeouts.first_byte = std::max<io::milliseconds>(request->timeouts.first_byte, std::chrono::minutes(10));
  request->timeouts.total = std::max<io::milliseconds>(request->timeouts.total, std::chrono::hours(12));
  return Status::OK();
}

Result<std::unique_ptr<DownloadRows>> DownloadRows::Open(const io::HttpRequest& request, const io::HttpResponse& answer,
                                                         DownloadOptions options) {
  std::unique_ptr<DownloadRows> rows(new DownloadRows(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(rows->file_, request.body_file->Open());
  rows->file_bytes_ = request.body_file->size();
  ARROW_ASSIGN_OR_RAISE(const auto first, rows->file_->ReadAt(0, std::min(kFirstBytes, rows->file_bytes_)));
  const std::string_view first_bytes(*first);
  FileCompression compression = rows->options_.config.compression;
  if (compression == FileCompression::kAuto) compression = CompressionOf(first_bytes);
  ARROW_RETURN_NOT_OK(CheckIsNoPage(answer, first_bytes));
  ARROW_RETURN_NOT_OK(CheckIsNoJson(answer, rows->options_.config.format, first_bytes));
  ARROW_RETURN_NOT_OK(CheckIsWhole(answer, rows->options_.config.format, compression));
  rows->is_archive_ = compression == FileCompression::kZip;
  if (rows->is_archive_) ARROW_RETURN_NOT_OK(rows->FindMembers());
  return rows;
}

Status DownloadRows::FindMembers() {
  ARROW_ASSIGN_OR_RAISE(std::vector<io::ZipMember> all, io::ReadZipDirectory(*file_));
  ARROW_ASSIGN_OR_RAISE(const Glob wanted, Glob::Parse(options_.config.members));
  for (const io::ZipMember& member : all) {
    if (options_.config.members.empty() || wanted.Matches(member.name)) members_.push_back(member);
  }
  if (!members_.empty() || all.empty()) return Status::OK();
  std::string names;
  for (size_t i = 0; i < std::min(kNamesShown, all.size()); ++i) names += (i == 0 ? "" : ", ") + all[i].name;
  return MakeError(
      Fault::kBadData, "no file of the archive matches `members: " + options_.config.members + "`",
      {.code = "E0544",
       .why = "it has " + std::to_string(all.size()) + ": " + names + (all.size() > kNamesShown ? " …" : ""),
       .state = "nothing of it was read",
       .next = "a `*` stays within a folder: `**/*.csv` matches in all of them"});
}

Result<std::optional<FileRows>> DownloadRows::Next(std::stop_token stop) {
  while (true) {
    if (cutter_ == nullptr) {
      auto opened = OpenNext();
      if (!opened.ok()) return Located(opened.status());
      if (!*opened) return std::nullopt;
    }
    auto rows = cutter_->Next(stop);
    if (!rows.ok()) return Located(rows.status());
    if (*rows) return rows;
    cutter_.reset();
  }
}

// False after the last part.
Result<bool> DownloadRows::OpenNext() {
  if (!is_archive_) {
    if (std::exchange(opened_, true)) return false;
    ARROW_ASSIGN_OR_RAISE(auto bytes, arrow::io::RandomAccessFile::GetStream(file_, 0, file_bytes_));
    ARROW_RETURN_NOT_OK(OpenPart(std::move(bytes), file_bytes_, options_.config.compression));
    return true;
  }
  if (members_.empty()) return false;
  member_ = std::move(members_.front());
  members_.pop_front();
  ARROW_ASSIGN_OR_RAISE(auto bytes, io::OpenZipMember(file_, member_, kBlockBytes));
  ARROW_RETURN_NOT_OK(OpenPart(std::move(bytes), member_.size_bytes, FileCompression::kAuto));
  return true;
}

Status DownloadRows::OpenPart(std::shared_ptr<arrow::io::InputStream> bytes, int64_t size,
                              FileCompression compression) {
  if (size == 0 && options_.config.format != FileFormat::kNdjson) {
    return MakeError(Fault::kBadData, "the file is empty",
                     {.code = "E0601",
                      .why = "without rows it would have a header, or brackets",
                      .state = "nothing of it was read",
                      .next = "look at what the API says of it"});
  }
  raw_ = std::make_shared<RawInput>(std::move(bytes),
                                    RawInput::Options{.size = size, .block_bytes = kBlockBytes, .hashes = false});
  ARROW_ASSIGN_OR_RAISE(const std::string first, raw_->Look(kFirstBytes));
  if (compression == FileCompression::kAuto) compression = CompressionOf(first);
  if (compression == FileCompression::kZip || compression == FileCompression::kNone) {
    ARROW_RETURN_NOT_OK(CheckIsRead(first));  // an archive within an archive is not
    compression = FileCompression::kNone;
  }
  // What is packed twice must not unpack to more than other files.
  const int64_t per_stored = is_archive_ ? std::max<int64_t>(1, size / std::max<int64_t>(1, member_.packed_bytes)) : 1;
  ARROW_ASSIGN_OR_RAISE(
      input_, UnpackedInput::Open(raw_, {.compression = compression, .hashes = false, .bytes_per_stored = per_stored}));
  ARROW_ASSIGN_OR_RAISE(cutter_, MakeFormatCutter(*input_, {.format = options_.config.format,
                                                            .csv = options_.config.csv,
                                                            .records = options_.config.records,
                                                            .captures = options_.captures,
                                                            .memory_bytes = options_.memory_bytes,
                                                            .reads_ahead = size > kAheadWorthBytes,
                                                            .pool = options_.pool}));
  return Status::OK();
}

Status DownloadRows::Located(const Status& status) const {
  return is_archive_ && !member_.name.empty() ? Within("member " + member_.name, status) : status;
}

}  // namespace firn::source
