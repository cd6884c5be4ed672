#include "expression/jinja/big_integer.h"

#include <openssl/bn.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "expression/jinja/object.h"

namespace firn::expression::jinja {
namespace {

using Context = std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)>;
Context MakeContext() {
  return {BN_CTX_new(), &BN_CTX_free};
}

}  // namespace

void BigInteger::Free::operator()(bignum_st* number) const {
  BN_free(number);
}

BigInteger::BigInteger() : number_(BN_new(), Free{}) {}

BigInteger BigInteger::Of(const Value& value) {
  if (value.kind() == Value::Kind::kBigInt) return FromText(value.as_string());
  return FromText(std::to_string(value.as_int()));
}

BigInteger BigInteger::FromText(std::string_view decimal) {
  BigInteger result;
  bignum_st* number = result.number_.get();
  BN_dec2bn(&number, std::string(decimal).c_str());
  return result;
}

BigInteger BigInteger::FromHex(std::string_view digits) {
  BigInteger result;
  bignum_st* number = result.number_.get();
  BN_hex2bn(&number, std::string(digits).c_str());
  return result;
}

BigInteger BigInteger::OfDouble(double value) {
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  if (value == 0 || exponent <= 0) return FromText("0");
  BigInteger result = FromText(std::to_string(static_cast<int64_t>(std::ldexp(fraction, 53))));
  if (exponent >= 53) {
    BN_lshift(result.number_.get(), result.number_.get(), exponent - 53);
  } else {
    BN_rshift(result.number_.get(), result.number_.get(), 53 - exponent);
  }
  BN_set_negative(result.number_.get(), value < 0 ? 1 : 0);
  return result;
}

BigInteger BigInteger::Plus(const BigInteger& other) const {
  BigInteger result;
  BN_add(result.number_.get(), number_.get(), other.number_.get());
  return result;
}

BigInteger BigInteger::Minus(const BigInteger& other) const {
  BigInteger result;
  BN_sub(result.number_.get(), number_.get(), other.number_.get());
  return result;
}

BigInteger BigInteger::Times(const BigInteger& other) const {
  BigInteger result;
  const Context context = MakeContext();
  BN_mul(result.number_.get(), number_.get(), other.number_.get(), context.get());
  return result;
}

BigInteger BigInteger::FloorDivide(const BigInteger& other, BigInteger* remainder) const {
  BigInteger quotient;
  BigInteger rest;
  const Context context = MakeContext();
  BN_div(quotient.number_.get(), rest.number_.get(), number_.get(), other.number_.get(), context.get());
  if (!rest.is_zero() && BN_is_negative(rest.number_.get()) != BN_is_negative(other.number_.get())) {
    BN_sub_word(quotient.number_.get(), 1);
    rest = rest.Plus(other);
  }
  if (remainder != nullptr) *remainder = rest;
  return quotient;
}

BigInteger BigInteger::Power(uint64_t exponent) const {
  BigInteger result;
  const BigInteger power = FromText(std::to_string(exponent));
  const Context context = MakeContext();
  BN_exp(result.number_.get(), number_.get(), power.number_.get(), context.get());
  return result;
}

bool BigInteger::is_zero() const {
  return BN_is_zero(number_.get()) != 0;
}

int BigInteger::Compare(const BigInteger& other) const {
  return BN_cmp(number_.get(), other.number_.get());
}

int BigInteger::num_bits() const {
  return BN_num_bits(number_.get());
}

double BigInteger::ToDouble() const {
  return std::strtod(ToText().c_str(), nullptr);
}

std::string BigInteger::ToText() const {
  char* text = BN_bn2dec(number_.get());
  std::string result(text);
  OPENSSL_free(text);
  return result == "-0" ? "0" : result;
}

Value BigInteger::ToValue() const {
  std::string text = ToText();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return Value::Int(number);
  return ValueAccess::Text(Value::Kind::kBigInt, std::move(text));
}

}  // namespace firn::expression::jinja
