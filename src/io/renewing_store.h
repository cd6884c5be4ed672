#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "io/file_store.h"

namespace firn::io {

struct OpenedStore {
  std::shared_ptr<FileStore> store;
  int64_t expires_ms = 0;  // of its credentials, since 1970; 0: never
};

/// A store whose credentials expire: opened when first needed, and again some minutes before they do. Files that are
/// open go on with the credentials they were opened with. Thread-safe. `clock` outlives it.
std::unique_ptr<FileStore> MakeRenewingStore(std::function<Result<OpenedStore>()> open, const Clock& clock);

}  // namespace firn::io
