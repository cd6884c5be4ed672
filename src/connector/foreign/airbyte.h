#pragma once

#include <string>

#include "base/status.h"
#include "connector/airbyte/manifest.h"
#include "connector/foreign/draft.h"

namespace firn::connector::foreign {

/// Converts the streams of an Airbyte manifest. Those that the native format cannot say exactly are in `refused`.
/// `text`: of the file, for the lines of refusals. `path`: of the file, for names and messages. Errors: kConfig E0558
/// for a choice of streams that are not there.
Result<Draft> DraftOfAirbyte(const airbyte::Manifest& manifest, const std::string& text, const std::string& path,
                             const Choice& choice);

}  // namespace firn::connector::foreign
