#include "io/conditional_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <arrow/buffer.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/hash.h"
#include "io/file_store.h"
#include "io/local_file_store.h"
#include "io/object_requests.h"
#include "io/storage_keys.h"

namespace firn::io {
namespace {

Status Conflict(const std::string& location) {
  return MakeError(Fault::kConflict, "somebody else has changed " + location);
}

Status NoConditions(const std::string& location, std::string why) {
  return MakeError(Fault::kConfig, "two runs cannot be kept apart at " + location,
                   {.code = "E0756",
                    .why = std::move(why),
                    .state = "nothing was started",
                    .next = "keep `state` on S3 or what has its conditional writes (MinIO, R2), or in a folder"});
}

/// Waits for the lock: it is held for the time of one small write.
class FileLock {
 public:
  static Result<FileLock> Take(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(FolderOf(path), error);
    if (error) return FileError("create folder", FolderOf(path), error.value());
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return FileError("create", path, errno);
    FileLock lock(file);
    while (::flock(file, LOCK_EX) != 0) {
      if (errno != EINTR) return FileError("lock", path, errno);
    }
    return lock;
  }
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (file_ >= 0) ::close(file_);
  }

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

class LocalConditionalStore : public ConditionalStore {
 public:
  LocalConditionalStore() : files_(MakeLocalFileStore()) {}

  Result<std::optional<Document>> Read(const std::string& location) override {
    auto bytes = files_->Read(location, kDocumentBytesMax);
    if (!bytes.ok() && IsNotFound(bytes.status())) return std::nullopt;
    ARROW_RETURN_NOT_OK(bytes.status());
    Document document{.bytes = (*bytes)->ToString(), .version = ""};
    document.version = Sha256Hex(document.bytes);
    return document;
  }

  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(const FileLock lock, FileLock::Take(path + ".lock"));
    ARROW_ASSIGN_OR_RAISE(const auto found, Read(location));
    if (found.has_value() != version.has_value() || (found && found->version != *version)) return Conflict(location);
    ARROW_RETURN_NOT_OK(files_->WriteAtomic(location, bytes));
    return Sha256Hex(bytes);
  }

 private:
  const std::unique_ptr<FileStore> files_;
};

class S3ConditionalStore : public ConditionalStore {
 public:
  explicit S3ConditionalStore(std::unique_ptr<ObjectRequests> requests) : requests_(std::move(requests)) {}

  Result<std::optional<Document>> Read(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
    ARROW_ASSIGN_OR_RAISE(auto found, requests_->Get(object.bucket, object.key, kDocumentBytesMax));
    if (!found) return std::nullopt;
    return Document{.bytes = std::move(found->bytes), .version = std::move(found->etag)};
  }

  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
    auto put = requests_->PutIf(object.bucket, object.key, bytes, version);
    if (!put.ok() && IsConditionUnknown(put.status())) return NoConditions(location, put.status().message());
    return put;
  }

 private:
  const std::unique_ptr<ObjectRequests> requests_;
};

// A role's keys are asked for with every request, which renews them.
Result<S3Connection> ConnectAs(const ObjectLocation& location, const ObjectConnectOptions& options, S3Library& library,
                               const Clock& clock) {
  ObjectStoreSettings settings = options.settings;
  settings.role_arn.clear();
  settings.web_identity_token_file.clear();
  ARROW_ASSIGN_OR_RAISE(S3Connection connection,
                        library.Connect({.settings = settings, .bucket = location.bucket, .retries = options.retries}));
  if (options.settings.role_arn.empty()) return connection;
  connection.keys = [source = MakeKeySource(options.settings, library, clock)] {
    const auto keys = source();  // without them the request is refused, which says what is wrong
    if (!keys.ok()) return S3Keys();
    return S3Keys{.access_key = keys->keys.access_key_id,
                  .secret_key = keys->keys.secret_access_key,
                  .session_token = keys->keys.session_token};
  };
  return connection;
}

}  // namespace

std::unique_ptr<ConditionalStore> MakeLocalConditionalStore() {
  return std::make_unique<LocalConditionalStore>();
}

Result<std::unique_ptr<ConditionalStore>> ConnectConditionalStore(const ObjectLocation& location,
                                                                  const ObjectConnectOptions& options,
                                                                  S3Library& library, const Clock& clock) {
  if (location.scheme != ObjectScheme::kS3) {
    return NoConditions(location.Sibling(location.key), "this build makes no conditional writes to this kind of store");
  }
  ARROW_ASSIGN_OR_RAISE(S3Connection connection, ConnectAs(location, options, library, clock));
  ARROW_ASSIGN_OR_RAISE(auto requests, MakeS3Requests(std::move(connection), clock, options.retries));
  return std::make_unique<S3ConditionalStore>(std::move(requests));
}

}  // namespace firn::io
