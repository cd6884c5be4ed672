#pragma once

#include <string>
#include <string_view>

/// Numbers and text as ECMAScript 2023 §6.1.6.1.20 and §7.1.4.1 have them. Private to this folder.
namespace firn::expression::javascript {

/// The shortest text that reads back as the same double: "0.1", "1e+21", "NaN".
std::u16string NumberToText(double value);
/// In base 2 to 36.
std::u16string NumberToRadix(double value, int radix);
/// `digits`: 0 to 100.
std::u16string NumberToFixed(double value, int digits);
/// `precision`: 1 to 100.
std::u16string NumberToPrecision(double value, int precision);
/// `digits`: 0 to 100, or -1 for as many as needed.
std::u16string NumberToExponential(double value, int digits);

/// `Number(text)`: NaN for what is no number.
double TextToNumber(std::u16string_view text);
/// parseFloat and parseInt; `radix` 0 means 10, or 16 after "0x".
double ParseFloat(std::u16string_view text);
double ParseInt(std::u16string_view text, int radix);
/// A decimal number that was checked already, as JSON has it. Infinite when it is too large.
double JsonNumber(std::string_view text);

/// ToInt32 and ToUint32 of ECMAScript.
int32_t ToInt32(double value);
uint32_t ToUint32(double value);

}  // namespace firn::expression::javascript
