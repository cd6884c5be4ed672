#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "io/object_connect.h"
#include "io/object_location.h"
#include "io/s3_library.h"

namespace firn::io {

/// Small documents that several processes and machines change: a write succeeds only on the version that its writer
/// has read. Writes of one document are ordered by the store. Thread-safe. Errors of all methods: those of FileStore;
/// kConflict where the document is not of that version; kConfig E0756 from stores that do not know conditions.
class ConditionalStore {
 public:
  static constexpr int64_t kDocumentBytesMax = int64_t{64} << 20;

  struct Document {
    std::string bytes;
    std::string version;  // opaque; equal only for the same write, or the same bytes
  };

  virtual ~ConditionalStore() = default;
  /// Returns nullopt if it does not exist. kBadData above kDocumentBytesMax.
  virtual Result<std::optional<Document>> Read(const std::string& location) = 0;
  /// Puts the whole document, durably, if it is still of `version`; nullopt: if it does not exist. Returns the new
  /// version. A write whose answer was lost is recognised when it is repeated.
  virtual Result<std::string> Put(const std::string& location, std::string_view bytes,
                                  const std::optional<std::string>& version) = 0;
};

/// For plain paths and file URIs: writers of one document exclude each other by a lock file (flock) beside it, so the
/// disk has to be one whose locks reach all machines. The version is a hash of the bytes.
std::unique_ptr<ConditionalStore> MakeLocalConditionalStore();

/// For s3://: If-None-Match and If-Match (S3 API reference, PutObject, "Conditional writes"); the version is the ETag.
/// Makes no request. `library`, `clock` outlive it. Errors: kConfig E0756 for other schemes.
Result<std::unique_ptr<ConditionalStore>> ConnectConditionalStore(const ObjectLocation& location,
                                                                  const ObjectConnectOptions& options,
                                                                  S3Library& library, const Clock& clock);

}  // namespace firn::io
