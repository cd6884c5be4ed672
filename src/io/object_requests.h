#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "io/s3_module.h"

namespace firn::io {

class HttpClient;

/// The requests to an object store that arrow::fs cannot make: conditional ones, and removal without the three requests
/// and the folder marker it makes of it. Each is repeated with back-off under one budget (HttpSession). Thread-safe.
class ObjectRequests {
 public:
  virtual ~ObjectRequests() = default;
  /// One PUT: the object is replaced as a whole or not at all. Errors: kUnreachable, kAuth, kConfig.
  virtual Status Put(const std::string& bucket, const std::string& key, std::string_view bytes) = 0;
  /// One PUT with If-None-Match: *. kConflict if the object is there and another call made it: a PUT that was applied
  /// but answered with an error is recognised when it is repeated. kConfig if the store does not know the condition.
  virtual Status PutIfAbsent(const std::string& bucket, const std::string& key, std::string_view bytes) = 0;
  struct Object {
    std::string bytes;
    std::string etag;
  };
  /// One GET of the whole object; nullopt if there is none. kBadData above `bytes_max`.
  virtual Result<std::optional<Object>> Get(const std::string& bucket, const std::string& key, int64_t bytes_max) = 0;
  /// One PUT with If-Match: `etag` (nullopt: as PutIfAbsent). Returns the new ETag. kConflict if the object is another
  /// or gone; a PUT whose answer was lost is recognised. kConfig, as above, also if the store is seen to ignore it.
  virtual Result<std::string> PutIf(const std::string& bucket, const std::string& key, std::string_view bytes,
                                    const std::optional<std::string>& etag) = 0;
  /// Ok if the object is already gone.
  virtual Status Delete(const std::string& bucket, const std::string& key) = 0;
};

/// True if `status` says that the store does not know If-None-Match.
bool IsConditionUnknown(const Status& status);

/// S3 with Signature Version 4. `connection`: of S3Library; its keys are asked for with every request.
Result<std::unique_ptr<ObjectRequests>> MakeS3Requests(S3Connection connection, const Clock& clock,
                                                       const S3Retries& retries);

}  // namespace firn::io
