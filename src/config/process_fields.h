#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// `type: process` of a source.
Variant ProcessSourceVariant();
/// What a table says of the program.
std::vector<Field> ProcessFields();

}  // namespace firn::config
