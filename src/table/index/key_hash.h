#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace firn::table::index {

/// The keyed hash of a key's canonical form.
using KeyHash = Hash128;

/// 128 random bits of one index. Without them nobody can make keys that collide.
using HashSecret = std::array<uint8_t, 16>;

/// SipHash-2-4 with 128 bits of output: a pseudo-random function of short inputs. `high` holds the first eight bytes of
/// the algorithm's output, little-endian, `low` the others. Aumasson, Bernstein, "SipHash: a fast short-input PRF"
/// (2012), and the 128-bit variant of their reference implementation.
KeyHash SipHash128(const HashSecret& secret, std::string_view bytes);

}  // namespace firn::table::index
