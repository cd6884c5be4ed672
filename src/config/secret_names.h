#pragma once

#include <string>
#include <string_view>

/// Which names are likely to stand before a secret, judged by the name alone. Used where no descriptor is known yet:
/// excerpts of broken files, headers and parameters of foreign APIs.
namespace firn::config {

/// True for "token", "client_secret", "X-Api-Key", "Authorization", "pasword" …; false for "primary_key",
/// "next_token_path".
bool LooksSecret(std::string_view name);

/// Returns a line of a project file with the values after secret-looking keys, credentials inside URLs and registered
/// secrets replaced by '*', one per code point, so that columns stay. `${…}` references are kept.
std::string MaskLine(std::string_view line);

}  // namespace firn::config
