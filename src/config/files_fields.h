#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// `type: files` of a source.
Variant FilesSourceVariant();
/// What a table says of its files.
std::vector<Field> FilesFields();

}  // namespace firn::config
