#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"

namespace firn {

/// RFC 9562. Ordered by bytes.
struct Uuid {
  std::array<uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  /// Lower-case with dashes: "01890a5d-ac96-774b-bcce-b302099a8057".
  std::string ToString() const;
};

/// Random (version 4), from the kernel's generator.
Uuid MakeUuid4();
/// The same from a seeded generator, for tests and reproducible runs.
Uuid MakeUuid4(Random& random);
/// Time-ordered (version 7): 48 bits of `clock.Now()` in milliseconds, the rest random from the kernel.
Uuid MakeUuid7(const Clock& clock);

/// Parses 36 characters with dashes, either case. Errors: kBadData.
Result<Uuid> ParseUuid(std::string_view text);

}  // namespace firn
