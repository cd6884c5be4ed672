#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Finds by their look, in text that people or programs wrote, what must not stand on a tape. Pure functions.
namespace firn::pipeline {

/// Returns the email addresses, phone numbers, IBANs, IP addresses and card numbers in a text, as they stand there.
/// Phone numbers begin with "+", "(" or "0" and are grouped, or have the form 555-123-4567; hosts of URLs are no such
/// addresses.
std::vector<std::string> PersonalValuesIn(std::string_view text);

/// True for digits alone that a bank card may have: 13 to 19 that begin as cards do and pass Luhn's check.
bool IsCardNumber(std::string_view digits);

/// Returns the values, as written, of query parameters in a text whose names say that they are secret (access_token,
/// api_key, sig, X-Amz-Signature …), not those of page tokens.
std::vector<std::string> TokenParametersIn(std::string_view text);

}  // namespace firn::pipeline
