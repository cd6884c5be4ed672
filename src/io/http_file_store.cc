#include "io/http_file_store.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/thread_annotations.h"
#include "io/url.h"

namespace firn::io {
namespace {

constexpr int64_t kOtherBytesMax = int64_t{64} << 10;  // of a redirect or an error
constexpr char kHex[] = "0123456789ABCDEF";

std::string EncodedUrl(const std::string& location, const std::string& query) {
  std::string url;
  for (const char c : location) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte > 0x20 && byte < 0x7F && std::string_view("\"<>\\^`{|}?#").find(c) == std::string::npos;
    if (is_plain) {
      url.push_back(c);
    } else {
      url += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return query.empty() ? url : url + "?" + query;
}

std::optional<int64_t> NumberIn(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

// "bytes 0-0/1234" (14.4): first and last byte of the range, and the size of the whole.
struct ContentRange {
  std::optional<int64_t> first;  // absent: none could be given
  int64_t last = -1;
  int64_t size = 0;
};
std::optional<ContentRange> ContentRangeOf(const HttpHeaders& headers) {
  std::string_view text = headers.Get("Content-Range").value_or("");
  const size_t slash = text.find('/'), dash = text.find('-');
  if (!text.starts_with("bytes ") || slash == std::string_view::npos) return std::nullopt;
  const auto size = NumberIn(text.substr(slash + 1));
  if (!size) return std::nullopt;
  const std::string_view range = text.substr(6, slash - 6);
  if (range == "*") return ContentRange{.first = {}, .size = *size};
  if (dash > slash) return std::nullopt;
  const auto first = NumberIn(text.substr(6, dash - 6)), last = NumberIn(text.substr(dash + 1, slash - dash - 1));
  return first && last ? std::optional(ContentRange{first, *last, *size}) : std::nullopt;
}

// What tells one version of a file from another.
struct Version {
  std::string etag, modified;  // as the server writes them; empty: not given
  bool operator==(const Version&) const = default;
};
Version VersionOf(const HttpHeaders& headers) {
  return {std::string(headers.Get("ETag").value_or("")), std::string(headers.Get("Last-Modified").value_or(""))};
}

// Strong: two versions never share it.
bool HasStrongEtag(const Version& version) {
  return version.etag.starts_with('"');
}
bool IsStrong(const Version& version, const HttpHeaders& headers) {
  constexpr int64_t kMinuteMicros = 60'000'000;
  if (HasStrongEtag(version)) return true;
  const auto modified = ParseHttpDate(version.modified), date = ParseHttpDate(headers.Get("Date").value_or(""));
  return modified && date && date->micros - modified->micros >= kMinuteMicros;
}

// Whether an answer is of the version: by what it was asked for with.
bool IsOf(const Version& version, const HttpHeaders& headers) {
  const Version seen = VersionOf(headers);
  return HasStrongEtag(version) ? seen.etag == version.etag : seen.modified == version.modified;
}

std::string TypeOf(const HttpHeaders& headers) {
  return std::string(headers.Get("Content-Type").value_or(""));
}

bool IsEncoded(const HttpHeaders& headers) {
  const auto encoding = headers.Get("Content-Encoding");
  return encoding && !encoding->empty() && !EqualsIgnoringCase(*encoding, "identity");
}

Status HasChanged(const std::string& url) {
  return MakeError(Fault::kTransient, "the file behind " + RedactUrl(url) + " was changed while it was read",
                   {.code = "E0882",
                    .why = "its rows may be half of one version and half of another",
                    .state = "rows of it up to the last position are committed, none after it",
                    .next = "firn run"});
}

Status ContradictsItself(const std::string& url, const std::string& how) {
  return MakeError(Fault::kBadData, "the answers for " + RedactUrl(url) + " do not fit together",
                   {.code = "E0988",
                    .why = how,
                    .state = "rows of it up to the last position are committed, none after it",
                    .next = "download it into a folder; whoever runs the server should know"});
}

// What the server says of a file.
struct Found {
  std::string url;
  std::optional<int64_t> size;  // absent: known when it was read
  std::string type;             // of its content, as the server says; empty: not given
  Version version;
  bool by_ranges = false;
};

// The sessions of a store and what its requests share. Thread-safe.
class Exchange {
 public:
  explicit Exchange(HttpFilesOptions options)
      : options_(std::move(options)),
        asking_(*options_.client, *options_.clock, SessionOptions({403, 404, 405, 410, 416, 501})),
        reading_(*options_.client, *options_.clock, SessionOptions({404, 410, 412, 416})) {}

  std::string UrlOf(const std::string& location) const { return EncodedUrl(location, options_.query); }
  int64_t whole_bytes_max() const { return options_.whole_bytes_max; }

  Result<Found> Ask(const std::string& url) {
    HttpRequest head = RequestOf(url);
    head.method = "HEAD";
    ARROW_ASSIGN_OR_RAISE(const HttpResponse answer, asking_.Send(head, options_.stop));
    if (answer.status >= 300) return AskForOneByte(url);  // such a server, or a URL that is signed for GET alone
    Found found{.url = url, .size = {}, .type = TypeOf(answer.headers), .version = VersionOf(answer.headers)};
    if (IsEncoded(answer.headers)) return found;
    found.size = NumberIn(answer.headers.Get("Content-Length").value_or(""));
    if (found.size == 0) found.size.reset();  // of pages that are made when asked for, HEAD often knows no better
    const bool has_ranges = EqualsIgnoringCase(answer.headers.Get("Accept-Ranges").value_or(""), "bytes");
    found.by_ranges = found.size && has_ranges && IsStrong(found.version, answer.headers);
    return found;
  }

  /// Reads `size` bytes at `at` of the version that was found. Null: the server gives the file whole alone, as it may
  /// whatever it says of ranges (14.2).
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const Found& found, int64_t at, int64_t size) {
    arrow::BufferVector parts;
    for (const int64_t end = at + size; at < end;) {  // it may give less than it was asked for (15.3.7)
      ARROW_ASSIGN_OR_RAISE(auto part, ReadPart(found, at, end - at));
      if (part == nullptr) return part;
      at += part->size();
      parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return parts.front();
    return arrow::ConcatenateBuffers(parts);
  }

  /// Reads it whole, in one answer and so in one version: where ranges of it may have been read, in theirs.
  Result<std::shared_ptr<arrow::Buffer>> ReadWhole(const Found& found) {
    HttpRequest request = RequestOf(found.url);
    request.body_bytes_max = options_.whole_bytes_max;
    if (found.size.value_or(0) > options_.whole_bytes_max) return TooLarge(found);
    auto answer = reading_.Send(request, options_.stop);
    if (!answer.ok() && FaultOf(answer.status()) == Fault::kBadData) return TooLarge(found);
    ARROW_RETURN_NOT_OK(answer.status());
    constexpr int kNoContent = 204;
    if (answer->status != 200 && answer->status != kNoContent) {
      return WhyOther(found, "HEAD says that it is there, and GET has status " + std::to_string(answer->status));
    }
    if (found.size && answer->body->size() != *found.size) {
      return WhyOther(found, "HEAD says " + std::to_string(*found.size) + " bytes, and GET gives " +
                                 std::to_string(answer->body->size()));
    }
    if (found.by_ranges && !IsOf(found.version, answer->headers)) {
      return WhyOther(found, "HEAD has another ETag or Last-Modified than GET");
    }
    return answer->body;
  }

 private:
  // Null: the server gives the file whole alone.
  Result<std::shared_ptr<arrow::Buffer>> ReadPart(const Found& found, int64_t at, int64_t size) {
    HttpRequest request = RequestOf(found.url);
    request.headers.Set("Range", "bytes=" + std::to_string(at) + "-" + std::to_string(at + size - 1));
    const bool by_etag = HasStrongEtag(found.version);
    request.headers.Set(by_etag ? "If-Match" : "If-Unmodified-Since",
                        by_etag ? found.version.etag : found.version.modified);
    request.body_bytes_max = std::max(size, kOtherBytesMax);
    auto answer = reading_.Send(request, options_.stop);
    const bool is_over = !answer.ok() && FaultOf(answer.status()) == Fault::kBadData;  // so more than the range
    if (is_over || (answer.ok() && answer->status == 200)) return std::shared_ptr<arrow::Buffer>();
    ARROW_RETURN_NOT_OK(answer.status());
    const auto range = ContentRangeOf(answer->headers);
    const int64_t got = answer->body->size();
    const bool is_it = answer->status == 206 && range && range->first == at && range->last == at + got - 1 &&
                       range->size == found.size && got > 0 && got <= size && IsOf(found.version, answer->headers);
    if (is_it) return answer->body;
    return WhyOther(found, "HEAD says " + std::to_string(*found.size) + " bytes that have not changed, and asked for " +
                               std::to_string(size) + " at " + std::to_string(at) +
                               " of them GET gives others (status " + std::to_string(answer->status) + ")");
  }

  // Of an answer that is not of what was found: another version is there now, or the server contradicts itself.
  Status WhyOther(const Found& found, const std::string& how) {
    const auto now = Ask(found.url);
    if (!now.ok()) return IsNotFound(now.status()) ? HasChanged(found.url) : now.status();
    const bool is_same = now->size == found.size && now->version == found.version;
    return is_same ? ContradictsItself(found.url, how) : HasChanged(found.url);
  }

  HttpSessionOptions SessionOptions(std::vector<int> answers) const {
    HttpSessionOptions options{.authorizer = options_.authorizer.get()};
    options.classify = [answers = std::move(answers)](const HttpResponse& response) -> std::optional<HttpVerdict> {
      if (std::ranges::find(answers, response.status) == answers.end()) return std::nullopt;
      return HttpVerdict{.action = HttpVerdict::Action::kAccept};
    };
    return options;
  }

  HttpRequest RequestOf(const std::string& url) const {
    HttpRequest request{.url = url, .headers = options_.headers, .private_redirects = false};
    request.headers.Set("Accept-Encoding", "identity");  // ranges and sizes are those of the file
    return request;
  }

  Result<Found> AskForOneByte(const std::string& url) {
    HttpRequest request = RequestOf(url);
    request.headers.Set("Range", "bytes=0-0");
    request.body_bytes_max = options_.whole_bytes_max;
    auto answer = reading_.Send(request, options_.stop);
    Found found{.url = url, .size = {}, .type = {}, .version = {}};
    if (!answer.ok() && FaultOf(answer.status()) == Fault::kBadData) return found;  // no range, and large: told later
    ARROW_RETURN_NOT_OK(answer.status());
    if (answer->status == 404 || answer->status == 410) return FileError("open", RedactUrl(url), ENOENT);
    found.type = TypeOf(answer->headers);
    found.version = VersionOf(answer->headers);
    const auto range = ContentRangeOf(answer->headers);
    if (answer->status == 200 || !range || IsEncoded(answer->headers)) return found;
    found.size = range->size;
    found.by_ranges = IsStrong(found.version, answer->headers);
    return found;
  }

  Status TooLarge(const Found& found) const {
    return MakeError(Fault::kBadData,
                     "the file behind " + RedactUrl(found.url) + " is larger than " +
                         std::to_string(options_.whole_bytes_max) + " bytes, and its server gives no parts of it",
                     {.code = "E0986",
                      .why = "without ranges and an ETag or an older Last-Modified it is read whole, into memory",
                      .next = "download it into a folder, or give --memory"});
  }

  const HttpFilesOptions options_;
  HttpSession asking_;
  HttpSession reading_;
};

class HttpInput : public arrow::io::RandomAccessFile {
 public:
  HttpInput(std::shared_ptr<Exchange> exchange, Found found)
      : exchange_(std::move(exchange)), found_(std::move(found)) {}

  Result<int64_t> GetSize() override {
    if (found_.size) return *found_.size;
    ARROW_ASSIGN_OR_RAISE(const auto whole, Whole());
    return whole->size();
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t all, GetSize());
    const int64_t begin = std::min(position, all), wanted = std::min(size, all - begin);
    if (wanted <= 0) return std::make_shared<arrow::Buffer>(nullptr, 0);
    if (found_.by_ranges && !is_whole_alone_) {
      ARROW_ASSIGN_OR_RAISE(auto bytes, exchange_->ReadRange(found_, begin, wanted));
      if (bytes != nullptr) return bytes;
      is_whole_alone_ = true;
    }
    ARROW_ASSIGN_OR_RAISE(const auto whole, Whole());
    return arrow::SliceBuffer(whole, begin, wanted);
  }
  Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadAt(position, size));
    if (bytes->size() > 0) std::memcpy(out, bytes->data(), static_cast<size_t>(bytes->size()));
    return bytes->size();
  }
  Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, size, out));
    position_ += got;
    return got;
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto bytes, ReadAt(position_, size));
    position_ += bytes->size();
    return bytes;
  }
  Result<std::shared_ptr<const arrow::KeyValueMetadata>> ReadMetadata() override {
    auto metadata = std::make_shared<arrow::KeyValueMetadata>();
    if (!found_.version.etag.empty()) metadata->Append("ETag", found_.version.etag);
    if (!found_.version.modified.empty()) metadata->Append("Last-Modified", found_.version.modified);
    if (!found_.type.empty()) metadata->Append("Content-Type", found_.type);
    return metadata;
  }
  Status Seek(int64_t position) override {
    position_ = position;
    return Status::OK();
  }
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  // Under the lock: others wait for the one answer.
  Result<std::shared_ptr<arrow::Buffer>> Whole() FIRN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (whole_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(whole_, exchange_->ReadWhole(found_));
    }
    return whole_;
  }

  const std::shared_ptr<Exchange> exchange_;
  const Found found_;
  int64_t position_ = 0;
  bool closed_ = false;
  std::atomic<bool> is_whole_alone_ = false;  // whatever was said of ranges
  Mutex mutex_;
  std::shared_ptr<arrow::Buffer> whole_ FIRN_GUARDED_BY(mutex_);
};

class HttpFileStore : public FileStore {
 public:
  explicit HttpFileStore(HttpFilesOptions options) : exchange_(std::make_shared<Exchange>(std::move(options))) {}

  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(Found found, exchange_->Ask(exchange_->UrlOf(location)));
    return std::make_shared<HttpInput>(exchange_, std::move(found));
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenInput(location));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
    if (size > bytes_max) return MakeError(Fault::kBadData, location + " is larger than " + std::to_string(bytes_max));
    return input->ReadAt(0, size);
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenInput(location));
    ARROW_ASSIGN_OR_RAISE(auto bytes, input->ReadAt(offset, length));
    if (bytes->size() < length) return MakeError(Fault::kBadData, location + " ends early");
    return bytes;
  }
  Result<bool> Exists(const std::string& location) override {
    const Status opened = OpenInput(location).status();
    if (IsNotFound(opened)) return false;
    ARROW_RETURN_NOT_OK(opened);
    return true;
  }
  Result<int64_t> Size(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenInput(location));
    return input->GetSize();
  }

  Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions) override {
    return Refused(location);
  }
  Status WriteAtomic(const std::string& location, std::string_view) override { return Refused(location); }
  Status CreateExclusive(const std::string& location, std::string_view) override { return Refused(location); }
  Result<std::vector<FileInfo>> List(const std::string& folder, int64_t) override { return Refused(folder); }
  Status Remove(const std::string& location) override { return Refused(location); }
  Status CreateFolder(const std::string& folder) override { return Refused(folder); }
  Status SyncFolder(const std::string& folder) override { return Refused(folder); }

 private:
  static Status Refused(const std::string& location) {
    return MakeError(Fault::kConfig, "files behind URLs are only read, one by one: " + RedactUrl(location));
  }

  const std::shared_ptr<Exchange> exchange_;
};

}  // namespace

bool IsHttpLocation(std::string_view location) {
  return location.starts_with("http://") || location.starts_with("https://");
}

std::unique_ptr<FileStore> MakeHttpFileStore(HttpFilesOptions options) {
  FIRN_CHECK(options.client != nullptr && options.clock != nullptr);
  return std::make_unique<HttpFileStore>(std::move(options));
}

}  // namespace firn::io
