#pragma once

#include "connector/foreign/draft.h"

namespace firn::connector::foreign {

/// Makes settings of what stands as plain text behind names of secrets in headers, parameters and bodies, and secret
/// ones of the settings that are used there, so that nothing of the kind is copied.
void TakeSecretsOut(Draft* draft);

}  // namespace firn::connector::foreign
