#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "io/file_store.h"
#include "io/object_location.h"
#include "io/object_settings.h"
#include "io/s3_library.h"

namespace firn::io {

struct ObjectConnectOptions {
  ObjectStoreSettings settings;
  std::string lock_folder;  // see ObjectStoreOptions
  S3Retries retries;
};

/// Opens the store that holds `location`: its bucket (S3), account (Azure) or all buckets (GCS). S3 is started in
/// `library` when first needed. Makes no request but, for S3 on AWS without a region, one for the bucket's region.
/// Errors: kConfig for settings that do not fit, those of S3Library.
Result<std::unique_ptr<FileStore>> ConnectObjectStore(const ObjectLocation& location, ObjectConnectOptions options,
                                                      S3Library& library, const Clock& clock);

}  // namespace firn::io
