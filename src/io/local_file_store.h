#pragma once

#include <memory>

#include "io/disk.h"
#include "io/file_store.h"

namespace firn::io {

struct LocalFileStoreOptions {
  Disk* disk = nullptr;               // null: the system's
  arrow::MemoryPool* pool = nullptr;  // of what is read; null: Arrow's default pool
};

/// The store on local disks: plain absolute paths and file URIs.
std::unique_ptr<FileStore> MakeLocalFileStore(LocalFileStoreOptions options = {});

}  // namespace firn::io
