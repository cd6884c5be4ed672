#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/body_buffer.h"

namespace firn::io {

/// Undoes one Content-Encoding while the body comes in. Used by one thread.
class BodyDecoder {
 public:
  /// `encoding`: gzip, x-gzip, deflate, zstd, br. Errors: kBadData for any other.
  static Result<std::unique_ptr<BodyDecoder>> Open(std::string_view encoding);
  virtual ~BodyDecoder() = default;

  /// Decodes one piece into `body`. `ratio_max`: decoded / encoded bytes, looked at above 1 MiB decoded.
  /// Errors: kTransient for corrupt data or data after its end, kBadData above the limits.
  Status Feed(std::string_view bytes, int64_t ratio_max, BodyBuffer* body);
  /// Called at the end of the body. Error: kTransient if the encoded data is not complete.
  Status Finish();

 protected:
  struct Progress {
    size_t consumed = 0;
    size_t produced = 0;
    bool ended = false;  // of one frame or member
  };
  explicit BodyDecoder(std::string name) : name_(std::move(name)) {}
  virtual Result<Progress> Decode(std::string_view in, uint8_t* out, size_t out_bytes) = 0;
  /// Prepares for another frame or member; false if the encoding has only one.
  virtual bool Restart() = 0;
  Status Corrupt(const std::string& why) const;

 private:
  const std::string name_;
  int64_t encoded_bytes_ = 0;
  bool ended_ = false;
};

/// What this build can decode, for Accept-Encoding: "gzip, br, zstd".
std::string AcceptedEncodings();

}  // namespace firn::io
