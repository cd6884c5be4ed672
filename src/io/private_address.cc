#include "io/private_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>

#include "io/url.h"

namespace firn::io {
namespace {

struct Range4 {
  uint32_t base;
  int bits;
};
constexpr Range4 kPrivate4[] = {
    {0x00000000, 8},   // 0.0.0.0/8
    {0x0A000000, 8},   // 10.0.0.0/8
    {0x64400000, 10},  // 100.64.0.0/10, shared
    {0x7F000000, 8},   // 127.0.0.0/8
    {0xA9FE0000, 16},  // 169.254.0.0/16, link-local
    {0xAC100000, 12},  // 172.16.0.0/12
    {0xC0000000, 24},  // 192.0.0.0/24
    {0xC0A80000, 16},  // 192.168.0.0/16
    {0xC6120000, 15},  // 198.18.0.0/15, benchmarks
    {0xE0000000, 3},   // 224.0.0.0/4 multicast, 240.0.0.0/4 reserved
};

bool IsPrivate4(uint32_t address) {
  return std::any_of(std::begin(kPrivate4), std::end(kPrivate4), [address](const Range4& range) {
    return (address >> (32 - range.bits)) == (range.base >> (32 - range.bits));
  });
}

using Bytes = std::array<uint8_t, 16>;

uint32_t Inner4(const Bytes& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

bool IsPrivate6(const Bytes& bytes) {
  const auto zeros = [&](size_t end) {
    return std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end),
                       [](uint8_t b) { return b == 0; });
  };
  if (zeros(10) && bytes[10] == 0xFF && bytes[11] == 0xFF) return IsPrivate4(Inner4(bytes, 12));  // ::ffff:0:0/96
  if (zeros(12)) return true;                                                                     // ::, ::1, ::/96
  if (bytes[0] == 0 && bytes[1] == 0x64 && bytes[2] == 0xFF && bytes[3] == 0x9B) return IsPrivate4(Inner4(bytes, 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return IsPrivate4(Inner4(bytes, 2));  // 6to4
  return (bytes[0] & 0xFE) == 0xFC || (bytes[0] == 0xFE && (bytes[1] & 0x80) == 0x80) || bytes[0] == 0xFF;
}

}  // namespace

bool IsPrivateAddress(const std::string& address) {
  std::string text = address;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find('%'));  // the zone of a link-local address
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return IsPrivate4(ntohl(four.s_addr));
  Bytes six{};
  return inet_pton(AF_INET6, text.c_str(), six.data()) == 1 && IsPrivate6(six);
}

bool IsPrivateHost(const std::string& host) {
  std::string name;
  for (const char c : host) name.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  if (name.ends_with('.')) name.pop_back();
  return name == "localhost" || name.ends_with(".localhost") || IsPrivateAddress(name);
}

bool IsPrivateUrl(const std::string& url) {
  const auto parts = ParseUrl(url);
  return !parts.ok() || IsPrivateHost(parts->host);
}

std::string AddressText(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  }
  return text;
}

bool MayUseProxy(const std::string& configured) {
  if (!configured.empty()) return true;
  constexpr std::array<const char*, 5> kVariables = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                                     "ALL_PROXY"};
  return std::any_of(kVariables.begin(), kVariables.end(), [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && value[0] != '\0';
  });
}

}  // namespace firn::io
