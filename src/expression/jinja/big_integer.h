#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "expression/jinja/value.h"

struct bignum_st;

namespace firn::expression::jinja {

/// Python's int beyond 64 bits. Slow and rare.
class BigInteger {
 public:
  /// `value`: kInt, kBool or kBigInt.
  static BigInteger Of(const Value& value);
  static BigInteger FromText(std::string_view decimal);
  static BigInteger FromHex(std::string_view digits);
  /// `value`: finite and whole.
  static BigInteger OfDouble(double value);

  BigInteger Plus(const BigInteger& other) const;
  BigInteger Minus(const BigInteger& other) const;
  BigInteger Times(const BigInteger& other) const;
  /// Rounds down, as Python's `//` and `%` do. `other` must not be zero.
  BigInteger FloorDivide(const BigInteger& other, BigInteger* remainder) const;
  BigInteger Power(uint64_t exponent) const;
  bool is_zero() const;
  int Compare(const BigInteger& other) const;
  int num_bits() const;
  double ToDouble() const;
  std::string ToText() const;
  /// An int64 where it fits.
  Value ToValue() const;

 private:
  struct Free {
    void operator()(bignum_st* number) const;
  };
  BigInteger();
  std::shared_ptr<bignum_st> number_;
};

}  // namespace firn::expression::jinja
