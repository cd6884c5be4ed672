#include "base/content_hash.h"

#include <xxhash.h>

#include "base/status.h"

namespace firn {

struct ContentHash::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> handle{XXH3_createState()};
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  FIRN_CHECK(state_->handle != nullptr && XXH3_128bits_reset(state_->handle.get()) == XXH_OK);
}
ContentHash::~ContentHash() = default;

void ContentHash::Update(std::string_view bytes) {
  FIRN_CHECK(XXH3_128bits_update(state_->handle.get(), bytes.data(), bytes.size()) == XXH_OK);
  num_bytes_ += static_cast<int64_t>(bytes.size());
}

Hash128 ContentHash::Digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->handle.get());
  return {.high = hash.high64, .low = hash.low64};
}

}  // namespace firn
