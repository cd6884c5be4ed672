#pragma once

#include <arrow/filesystem/type_fwd.h>

#include <memory>
#include <string>

#include "io/file_store.h"
#include "io/object_location.h"
#include "io/object_requests.h"

namespace firn::io {

struct ObjectStoreOptions {
  std::shared_ptr<arrow::fs::FileSystem> files;
  /// For what arrow::fs cannot do; null where there is none (gs, abfs).
  std::unique_ptr<ObjectRequests> requests;
  std::string lock_folder;  // absolute local folder; made when first needed
  /// A file up to this size is one PUT; above, a multipart upload with parts of 10 MiB.
  int64_t single_put_bytes = int64_t{8} << 20;
};

/// FileStore on one bucket or account. What the methods mean here (docs/decisions/0007-object-stores.md):
///   Read, ReadRange, OpenInput   strongly consistent, as S3, GCS and Azure are; each ReadAt is one ranged GET
///   OpenOutput                   the object appears as a whole at Close, or never; durable then. Up to
///                                single_put_bytes it is one conditional PUT, so kConflict is exact. Above, and on
///                                stores that do not know the condition, the name is looked up first (names of lake
///                                files are unique). Parts are uploaded while writing, one at a time; Abort and
///                                destruction abort the upload. A killed process leaves invisible parts: let a
///                                lifecycle rule of the bucket abort old uploads
///   WriteAtomic                  one PUT
///   CreateExclusive              one PUT with If-None-Match; kConfig on stores without it (gs, abfs)
///   List                         paged, bounded by `entries_max`; folder markers are left out
///   Remove                       one DELETE, ok if gone
///   CreateFolder, SyncFolder     nothing to do: there are no folders
///   LockOf                       in `lock_folder`; its scope is that folder on this machine
/// Errors are those of ObjectError; requests have been repeated by then.
std::unique_ptr<FileStore> MakeObjectStore(ObjectStoreOptions options);

}  // namespace firn::io
