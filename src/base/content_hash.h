#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/hash.h"

namespace firn {

/// 128 bits of XXH3 over a stream of pieces: equals Xxh3() of all of them. Used by one thread.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  void Update(std::string_view bytes);
  /// Of all bytes so far; more may follow.
  Hash128 Digest() const;
  int64_t num_bytes() const { return num_bytes_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  int64_t num_bytes_ = 0;
};

}  // namespace firn
