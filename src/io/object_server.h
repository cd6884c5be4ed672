#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace firn::io {

enum class ObjectServerFault {
  kNone,
  kBefore,      // 500, not applied
  kAfter,       // applied, then 500
  kSlowDown,    // 503, not applied
  kReset,       // connection reset, not applied
  kResetAfter,  // applied, then connection reset
  kCutBody,     // the answer's body ends in the middle
};

/// For tests: an object store with one bucket in memory that speaks as much S3 as the store under test asks for, and
/// fails on request. Not a judge of signatures or checksums. Thread-safe.
class ObjectServer {
 public:
  static Result<std::unique_ptr<ObjectServer>> Start(std::string bucket);
  virtual ~ObjectServer() = default;

  virtual std::string endpoint() const = 0;
  virtual void Put(const std::string& key, std::string bytes) = 0;
  virtual std::optional<std::string> Get(const std::string& key) const = 0;
  /// Uploads begun and neither completed nor aborted.
  virtual int num_uploads() const = 0;
  /// Requests that reached a handler, faulty ones too: "PUT key", with " if-absent" where that was the condition.
  virtual std::vector<std::string> log() const = 0;

  /// The next `count` requests of a kind fail. `kind`: a method, "COMPLETE" for the end of an upload, "" for all.
  virtual void FailNext(const std::string& kind, int count, ObjectServerFault fault) = 0;
  virtual void set_page_size(int keys) = 0;
  virtual void set_knows_conditions(bool knows) = 0;
  virtual void set_denies(bool denies) = 0;
};

}  // namespace firn::io
