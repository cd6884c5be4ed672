#pragma once

#include <string>

#include "base/status.h"
#include "connector/foreign/draft.h"

namespace firn::connector::foreign {

/// Converts the endpoints of an API spec of Sling. Those that the native format cannot say exactly are in `refused`.
/// `path`: of the file, for names and messages. Errors: kConfig E0558 for another file, E0561 for a choice of endpoints
/// that are not there.
/// Format: docs.slingdata.io, "API Specs" (structure, request, response, advanced), and sling-cli,
/// core/dbio/api/spec.go.
Result<Draft> DraftOfSling(const std::string& text, const std::string& path, const Choice& choice);

}  // namespace firn::connector::foreign
