#pragma once

#include "config/descriptor.h"
#include "io/object_settings.h"

namespace firn::config {

/// The fields of `lake: {storage: {…}}`.
ObjectTypePtr StorageType();
/// `storage`: a checked object of that type.
io::ObjectStoreSettings LowerStorage(const ObjectView& storage);

}  // namespace firn::config
