#pragma once

#include <string_view>

#include "base/status.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

/// Reads an XML document as the reference does: an element is a map of its attributes ("@name"), children by name
/// (several of one name are a list) and text ("#text"); only text makes it a string, nothing at all null. No DTD, no
/// external entities. Errors: kBadData.
Result<Value> ParseXml(std::string_view text);

}  // namespace firn::source::airbyte
