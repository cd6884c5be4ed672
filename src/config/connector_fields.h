#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// `type: connector` of a source. `rest`: the fields of `type: rest`, any of which may be written over the connector's.
Variant ConnectorSourceVariant(std::vector<Field> rest);
/// A connector file.
const ObjectType& ConnectorFileType();

}  // namespace firn::config
